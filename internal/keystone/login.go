package keystone

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/gozun/gozun/zun"
)

// login is a token that Keystone gave, and what it said about it.
type login struct {
	token string
	body  tokenBody
}

// tokenBody is the part of Keystone's token object that we read.
type tokenBody struct {
	ExpiresAt time.Time `json:"expires_at"`
	IssuedAt  time.Time `json:"issued_at"`
	User      struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"user"`
	Project struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Domain struct {
			ID string `json:"id"`
		} `json:"domain"`
	} `json:"project"`
	Roles []struct {
		Name string `json:"name"`
	} `json:"roles"`
	Catalog               []catalogService `json:"catalog"`
	ApplicationCredential *struct {
		AccessRules *[]struct {
			Service string `json:"service"`
			Method  string `json:"method"`
			Path    string `json:"path"`
		} `json:"access_rules"`
	} `json:"application_credential"`
}

type catalogService struct {
	Type      string `json:"type"`
	Endpoints []struct {
		Interface string `json:"interface"`
		Region    string `json:"region"`
		RegionID  string `json:"region_id"`
		URL       string `json:"url"`
	} `json:"endpoints"`
}

// endpoint finds a service's URL in the catalog.
func (l *login) endpoint(serviceType, availability, region string) (string, error) {
	offered := []string{}
	for _, service := range l.body.Catalog {
		offered = append(offered, service.Type)
		if !slices.Contains(aliases(serviceType), service.Type) {
			continue
		}
		for _, e := range service.Endpoints {
			if e.Interface == availability && (region == "" || region == e.Region || region == e.RegionID) {
				return strings.TrimRight(e.URL, "/"), nil
			}
		}
	}
	where := ""
	if region != "" {
		where = " in region " + region
	}
	// Not a 404: a caller that deletes would take that for "gone already".
	return "", zun.Errorf(zun.CodeUnavailable, "cannot find the %s endpoint of the %s service%s: the catalog has %s; register one, or set OS_%s_ENDPOINT_OVERRIDE",
		availability, serviceType, where, listed(offered), strings.ToUpper(serviceType))
}

// aliases lists the names under which a service may be in a catalog: Zun registers as
// "container", OpenStack's service-types-authority calls it "application-container".
func aliases(serviceType string) []string {
	if serviceType == "container" {
		return []string{"container", "application-container"}
	}
	return []string{serviceType}
}

func listed(words []string) string {
	if len(words) == 0 {
		return "no services (a token without a project has none)"
	}
	return "only " + strings.Join(words, ", ")
}

// authenticate asks Keystone for a token, or for what a given one is.
func (s *Session) authenticate(ctx context.Context) (*login, error) {
	if s.credentials.usesTokenAsIs() {
		return s.adopt(ctx)
	}
	options := s.credentials.options()
	scope, err := options.ToTokenV3ScopeMap()
	if err != nil {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot log in: %w", err)
	}
	request, err := options.ToTokenV3CreateMap(scope)
	if err != nil {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot log in: %w", err)
	}
	var answer struct{ Token tokenBody }
	response, err := s.client("").Post(ctx, s.tokensURL(), request, &answer, &gophercloud.RequestOpts{OkCodes: []int{200, 201}}) //nolint:bodyclose // gophercloud has read and closed it
	if err != nil {
		return nil, s.explain(err, "cannot log in"+s.as())
	}
	token := response.Header.Get("X-Subject-Token")
	if token == "" {
		return nil, zun.Errorf(zun.CodeUnavailable, "cannot log in: %s answered without a token; is it Keystone's URL?", s.tokensURL())
	}
	s.log.Debug("logged in", "auth_url", s.credentials.AuthURL, "user_id", answer.Token.User.ID,
		"project_id", answer.Token.Project.ID, "expires_at", answer.Token.ExpiresAt)
	return &login{token, answer.Token}, nil
}

// adopt uses the token of the credentials as it is.
func (s *Session) adopt(ctx context.Context) (*login, error) {
	body, err := s.show(ctx, s.credentials.Token, s.credentials.Token)
	if err != nil {
		if status(err) == http.StatusNotFound || status(err) == http.StatusUnauthorized {
			return nil, zun.Wrap(zun.CodeUnauthorized, err, "cannot log in: the token in OS_TOKEN is not valid (any more); get one with `openstack token issue`")
		}
		return nil, s.explain(err, "cannot log in with the token")
	}
	return &login{s.credentials.Token, body}, nil
}

// show asks Keystone what the subject token is, with options in its query. The error is
// gophercloud's. The header says that rules of application credentials are heeded here:
// without it Keystone does not know tokens that have such.
func (s *Session) show(ctx context.Context, own, subject string, options ...string) (tokenBody, error) {
	url := s.tokensURL()
	if len(options) > 0 {
		url += "?" + strings.Join(options, "&")
	}
	var answer struct{ Token tokenBody }
	_, err := s.client(own).Get(ctx, url, &answer, &gophercloud.RequestOpts{ //nolint:bodyclose // gophercloud has read and closed it
		MoreHeaders: map[string]string{"X-Subject-Token": subject, "OpenStack-Identity-Access-Rules": "1.0"},
		OkCodes:     []int{200, 203},
	})
	return answer.Token, err
}

func (s *Session) client(token string) *gophercloud.ServiceClient {
	provider := &gophercloud.ProviderClient{TokenID: token, HTTPClient: *s.http}
	provider.UserAgent.Prepend("gozun")
	return &gophercloud.ServiceClient{ProviderClient: provider, Type: "identity"}
}

func (s *Session) tokensURL() string {
	base := s.credentials.AuthURL
	if url := s.credentials.Endpoints["identity"]; url != "" {
		base = url
	}
	base = strings.TrimRight(base, "/")
	for _, version := range []string{"/v3", "/v2.0"} {
		base = strings.TrimSuffix(base, version)
	}
	return base + "/v3/auth/tokens"
}

// as names the user and project of the credentials, for error texts.
func (s *Session) as() string {
	c := s.credentials
	text := ""
	if user := either(c.Username, c.UserID); user != "" {
		text += fmt.Sprintf(" as user %q", user)
	}
	if project := either(c.ProjectName, c.ProjectID); project != "" {
		text += fmt.Sprintf(" to project %q", project)
	}
	return text
}

// explain turns gophercloud's error into ours.
func (s *Session) explain(err error, doing string) error {
	switch code := status(err); {
	case code == http.StatusUnauthorized:
		return zun.Wrap(zun.CodeUnauthorized, err, "%s: Keystone at %s does not accept it; check the user name, the password, the project and their domains", doing, s.credentials.AuthURL)
	case code == http.StatusForbidden:
		return zun.Wrap(zun.CodePolicyNotAuthorized, err, "%s: Keystone at %s forbids it", doing, s.credentials.AuthURL)
	case code == http.StatusNotFound || code/100 == 3:
		return zun.Wrap(zun.CodeUnavailable, err, "%s: %s answers %d; is OS_AUTH_URL Keystone's?", doing, s.tokensURL(), code)
	case code == http.StatusBadRequest:
		return zun.Wrap(zun.CodeInvalid, err, "%s: Keystone at %s does not understand the request", doing, s.credentials.AuthURL)
	case code != 0:
		return zun.Wrap(zun.CodeUnavailable, err, "%s: Keystone at %s fails (%d); try again later", doing, s.credentials.AuthURL, code)
	case errors.Is(err, context.DeadlineExceeded):
		return zun.Wrap(zun.CodeUnavailable, err, "%s: no answer from Keystone at %s in time", doing, s.credentials.AuthURL)
	}
	return zun.Wrap(zun.CodeUnavailable, err, "%s: cannot reach Keystone at %s (OS_AUTH_URL): %s", doing, s.credentials.AuthURL, innermost(err))
}

// status returns the HTTP status inside an error of gophercloud's, 0 without one.
func status(err error) int {
	var unexpected gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &unexpected) {
		return unexpected.Actual
	}
	return 0
}

// innermost returns the root of an error's chain, whose text is short.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
