package identity_test

import (
	"testing"
	"time"
)

// credential makes an application credential with user demo's token and returns it.
func (c *cloud) credential(token string, about obj) obj {
	c.Helper()
	r := c.want(201, "POST", "/v3/users/"+c.id("users", "demo")+"/application_credentials", token, obj{"application_credential": about})
	made, _ := r.at("application_credential").(obj)
	return made
}

// byCredential is the body of a login with one.
func byCredential(id, secret any) obj {
	return obj{"auth": obj{"identity": obj{
		"methods": []string{"application_credential"}, "application_credential": obj{"id": id, "secret": secret},
	}}}
}

func TestApplicationCredentials(t *testing.T) {
	c := startCloud(t)
	demo := c.token("demo", "demo")
	path := "/v3/users/" + c.id("users", "demo") + "/application_credentials"
	made := c.credential(demo, obj{"name": "ci", "description": "for tests"})
	if made["secret"] == nil || made["unrestricted"] != false || made["expires_at"] != nil || made["project_id"] != c.id("projects", "demo") {
		t.Errorf("made %v", made)
	}
	shown := c.want(200, "GET", path+"/"+made["id"].(string), demo, nil)
	if shown.at("application_credential", "name") != "ci" || shown.at("application_credential", "secret") != nil {
		t.Errorf("shown %s", shown.raw)
	}
	if list := c.want(200, "GET", path+"?name=ci", demo, nil); list.at("application_credentials", 0, "id") != made["id"] {
		t.Errorf("list %s", list.raw)
	}
	c.want(409, "POST", path, demo, obj{"application_credential": obj{"name": "ci"}})

	login := c.want(201, "POST", "/v3/auth/tokens", "", byCredential(made["id"], made["secret"]))
	if login.at("token", "project", "name") != "demo" || login.at("token", "application_credential", "restricted") != true || login.at("token", "methods", 0) != "application_credential" {
		t.Errorf("login %s", login.raw)
	}
	token := login.header.Get("X-Subject-Token")
	byName := obj{"auth": obj{"identity": obj{"methods": []string{"application_credential"}, "application_credential": obj{
		"name": "ci", "user": byName("demo"), "secret": made["secret"],
	}}}}
	c.want(201, "POST", "/v3/auth/tokens", "", byName)
	c.want(401, "POST", "/v3/auth/tokens", "", byCredential(made["id"], "wrong"))
	c.want(401, "POST", "/v3/auth/tokens", "", byCredential("unknown", made["secret"]))

	c.want(403, "POST", path, token, obj{"application_credential": obj{"name": "more"}})
	c.want(403, "DELETE", path+"/"+made["id"].(string), token, nil)
	c.want(403, "POST", path, c.token("admin", "admin"), obj{"application_credential": obj{"name": "foreign"}})
	c.want(204, "DELETE", path+"/"+made["id"].(string), demo, nil)
	c.want(404, "GET", path+"/"+made["id"].(string), demo, nil)
	c.want(401, "GET", "/v3/auth/projects", token, nil)
	c.want(401, "POST", "/v3/auth/tokens", "", byCredential(made["id"], made["secret"]))
}

func TestBadApplicationCredentials(t *testing.T) {
	c := startCloud(t)
	demo := c.token("demo", "demo")
	path := "/v3/users/" + c.id("users", "demo") + "/application_credentials"
	for _, about := range []obj{
		{},
		{"name": ""},
		{"name": "x", "roles": []obj{{"name": "admin"}}},
		{"name": "x", "expires_at": "soon"},
		{"name": "x", "expires_at": "2001-01-01T00:00:00Z"},
		{"name": "x", "access_rules": []obj{{"service": "container"}}},
		{"name": "x", "access_rules": []obj{{"service": "container", "method": "GET", "path": "v1"}}},
		{"name": 1},
		{"name": "x", "secret": ""},
	} {
		c.want(400, "POST", path, demo, obj{"application_credential": about})
	}
	if list := c.want(200, "GET", path, demo, nil); list.at("application_credentials", 0) != nil {
		t.Errorf("left: %s", list.raw)
	}
	made := c.credential(demo, obj{"name": "x"})
	scoped := byCredential(made["id"], made["secret"])
	scoped["auth"].(obj)["scope"] = inProject("demo")
	c.want(401, "POST", "/v3/auth/tokens", "", scoped)
	for _, login := range []obj{byCredential(nil, made["secret"]), byCredential(made["id"], nil)} {
		c.want(400, "POST", "/v3/auth/tokens", "", login)
	}
}

func TestAnApplicationCredentialEnds(t *testing.T) {
	c := startCloud(t)
	demo := c.token("demo", "demo")
	made := c.credential(demo, obj{"name": "short", "expires_at": c.clock().Add(time.Hour).UTC().Format(time.RFC3339)})
	login := c.want(201, "POST", "/v3/auth/tokens", "", byCredential(made["id"], made["secret"]))
	if login.at("token", "expires_at") != made["expires_at"] {
		t.Errorf("the token lives until %v, the credential until %v", login.at("token", "expires_at"), made["expires_at"])
	}
	// Rescoping does not get out of it.
	rescope := obj{"auth": obj{"identity": obj{"methods": []string{"token"}, "token": obj{"id": login.header.Get("X-Subject-Token")}}, "scope": obj{"domain": obj{"id": "default"}}}}
	c.want(401, "POST", "/v3/auth/tokens", "", rescope)
	c.pass(time.Hour)
	c.want(401, "POST", "/v3/auth/tokens", "", byCredential(made["id"], made["secret"]))
}

// A token with rules is one only to those who say that they heed rules.
func TestAccessRulesOfACredential(t *testing.T) {
	c := startCloud(t)
	made := c.credential(c.token("demo", "demo"), obj{"name": "ruled", "access_rules": []obj{{"service": "container", "method": "GET", "path": "/v1/**"}}})
	login := c.want(201, "POST", "/v3/auth/tokens", "", byCredential(made["id"], made["secret"]))
	token, admin := login.header.Get("X-Subject-Token"), c.token("admin", "admin")
	c.want(404, "GET", "/v3/auth/tokens", admin, nil, "X-Subject-Token", token)
	shown := c.want(200, "GET", "/v3/auth/tokens", admin, nil, "X-Subject-Token", token, "OpenStack-Identity-Access-Rules", "1.0")
	if shown.at("token", "application_credential", "access_rules", 0, "path") != "/v1/**" {
		t.Errorf("%s", shown.raw)
	}
	if _, err := c.service.Validate(t.Context(), token); err == nil {
		t.Error("Neutron, which does not heed rules, takes the token")
	}
}
