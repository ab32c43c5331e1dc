package identity

import "net/http"

// versions answers a GET of the root as Keystone does: 300 and the one version there is.
func (s *Service) versions(c *call) (answer, error) {
	body := object{"versions": object{"values": []any{c.v3()}}}
	return answer{status: http.StatusMultipleChoices, header: map[string]string{"Location": c.base() + "/v3/"}, body: body}, nil
}

func (s *Service) version(c *call) (answer, error) {
	return answer{body: object{"version": c.v3()}}, nil
}

// v3 describes the API as that of Keystone 22 (Antelope), whose clients this is tested with.
func (c *call) v3() object {
	return object{
		"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
		"links":       []object{{"rel": "self", "href": c.base() + "/v3/"}},
		"media-types": []object{{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}},
	}
}
