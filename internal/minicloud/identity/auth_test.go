package identity_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func TestLoginByPasswordGivesAScopedToken(t *testing.T) {
	c := startCloud(t)
	r := c.want(201, "POST", "/v3/auth/tokens", "", login("demo", c.passwords["demo"], inProject("demo")))
	for _, want := range []struct {
		path  []any
		value any
	}{
		{[]any{"token", "user", "name"}, "demo"},
		{[]any{"token", "user", "domain"}, map[string]any{"id": "default", "name": "Default"}},
		{[]any{"token", "user", "password_expires_at"}, nil},
		{[]any{"token", "project", "name"}, "demo"},
		{[]any{"token", "project", "domain", "id"}, "default"},
		{[]any{"token", "is_domain"}, false},
		{[]any{"token", "methods"}, []any{"password"}},
		{[]any{"token", "roles", 0, "name"}, "member"},
		{[]any{"token", "roles", 1, "name"}, "reader"},
		{[]any{"token", "roles", 2, "name"}, nil},
		{[]any{"token", "catalog", 0, "type"}, "container"},
		{[]any{"token", "catalog", 2, "type"}, "network"},
		{[]any{"token", "catalog", 2, "endpoints", 2, "interface"}, "public"},
		{[]any{"token", "catalog", 2, "endpoints", 2, "url"}, "http://127.0.0.1:9696"},
	} {
		if diff := cmp.Diff(want.value, r.at(want.path...)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", want.path, diff)
		}
	}
	for _, name := range []string{"issued_at", "expires_at"} {
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z", r.at("token", name).(string)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r.header.Get("Vary") != "X-Auth-Token" {
		t.Errorf("Vary is %q", r.header.Get("Vary"))
	}
	id, err := c.service.Validate(t.Context(), r.header.Get("X-Subject-Token"))
	if err != nil || id.UserName != "demo" || id.ProjectName != "demo" || id.DomainID != "default" || !id.HasRole("member") || id.HasRole("admin") {
		t.Errorf("Validate gives %+v, %v", id, err)
	}
}

func TestScopes(t *testing.T) {
	c := startCloud(t)
	demoID := c.id("projects", "demo")
	for name, test := range map[string]struct {
		user  string
		scope any
		key   string // of the token that must be there
		id    any
	}{
		"project by id":            {"demo", obj{"project": obj{"id": demoID}}, "project", demoID},
		"project by domain's name": {"demo", obj{"project": obj{"name": "demo", "domain": obj{"name": "Default"}}}, "project", demoID},
		"nothing asked: default":   {"demo", nil, "project", demoID},
		"unscoped, as a word":      {"demo", "unscoped", "project", nil},
		"unscoped, as an object":   {"demo", obj{"unscoped": obj{}}, "project", nil},
		"domain by id":             {"admin", obj{"domain": obj{"id": "default"}}, "domain", "default"},
		"domain by name":           {"admin", obj{"domain": obj{"name": "Default"}}, "domain", "default"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.want(201, "POST", "/v3/auth/tokens", "", login(test.user, c.passwords[test.user], test.scope))
			if got := r.at("token", test.key, "id"); got != test.id {
				t.Errorf("token.%s.id is %v, want %v", test.key, got, test.id)
			}
			if hasRoles := r.at("token", "roles") != nil; hasRoles != (test.id != nil) {
				t.Errorf("roles there: %v", hasRoles)
			}
		})
	}
}

func TestBadLogins(t *testing.T) {
	c := startCloud(t)
	good := c.passwords["demo"]
	admin := c.token("admin", "admin")
	c.want(201, "POST", "/v3/users", admin, obj{"user": obj{"name": "off", "password": "x", "enabled": false}})
	c.want(201, "POST", "/v3/projects", admin, obj{"project": obj{"name": "closed", "enabled": false}})
	who := obj{"name": "demo", "domain": obj{"id": "default"}, "password": good}
	password := func(user any, scope any) obj {
		return obj{"auth": obj{"identity": obj{"methods": []string{"password"}, "password": obj{"user": user}}, "scope": scope}}
	}
	for name, test := range map[string]struct {
		body   any
		status int
		says   string
	}{
		"not JSON":             {"{", 400, "not valid JSON"},
		"empty":                {"", 400, "not valid JSON"},
		"two documents":        {`{"auth":{}} {}`, 400, "not valid JSON"},
		"a list":               {"[]", 400, "must not be a array"},
		"no auth":              {obj{}, 400, "auth.identity"},
		"null auth":            {`{"auth":null}`, 400, "auth.identity"},
		"methods not a list":   {`{"auth":{"identity":{"methods":"password"}}}`, 400, "methods must not be a string"},
		"no methods":           {`{"auth":{"identity":{"methods":[]}}}`, 401, "methods"},
		"no password object":   {`{"auth":{"identity":{"methods":["password"]}}}`, 400, "needs auth.identity.password.user"},
		"no domain":            {password(obj{"name": "demo", "password": good}, nil), 400, "needs a domain"},
		"no name":              {password(obj{"password": good}, nil), 400, "needs an id"},
		"password is a number": {password(obj{"id": "x", "password": 5}, nil), 400, "must not be a number"},
		"no token id":          {`{"auth":{"identity":{"methods":["token"],"token":{}}}}`, 400, "token.id"},
		"two scopes":           {password(who, obj{"project": obj{"id": "a"}, "domain": obj{"id": "default"}}), 400, "exactly one"},
		"empty scope":          {password(who, obj{}), 400, "exactly one"},
		"scope is a number":    {password(who, 5), 400, "must not be a number"},
		"scope is a word":      {password(who, "all"), 400, "not understood"},
		"system scope":         {password(who, obj{"system": obj{"all": true}}), 400, "no system scope"},
		"project, no domain":   {password(who, obj{"project": obj{"name": "demo"}}), 400, "needs a domain"},
		"too large":            {`{"auth":"` + strings.Repeat("x", 120000) + `"}`, 413, "more than"},

		"unknown method":    {`{"auth":{"identity":{"methods":["totp"]}}}`, 401, "not supported"},
		"wrong password":    {login("demo", "no", nil), 401, "requires authentication"},
		"unknown user":      {login("nobody", "no", nil), 401, "requires authentication"},
		"disabled user":     {login("off", "x", nil), 401, "requires authentication"},
		"unknown domain":    {password(obj{"name": "demo", "domain": obj{"id": "other"}, "password": good}, nil), 401, "requires authentication"},
		"unknown project":   {login("demo", good, inProject("nope")), 401, "requires authentication"},
		"disabled project":  {login("admin", c.passwords["admin"], inProject("closed")), 401, "requires authentication"},
		"project of others": {login("demo", good, inProject("admin")), 401, "requires authentication"},
		"domain of others":  {login("demo", good, obj{"domain": obj{"id": "default"}}), 401, "requires authentication"},
		"unknown token":     {`{"auth":{"identity":{"methods":["token"],"token":{"id":"no"}}}}`, 404, "cannot find the token"},
		"long password":     {login("demo", strings.Repeat("x", 5000), nil), 401, "requires authentication"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.want(test.status, "POST", "/v3/auth/tokens", "", test.body)
			message, _ := r.at("error", "message").(string)
			if !strings.Contains(message, test.says) {
				t.Errorf("message is %q, want %q in it", message, test.says)
			}
			if r.at("error", "code") != float64(test.status) || r.at("error", "title") != http.StatusText(test.status) {
				t.Errorf("error is %v", r.at("error"))
			}
			if test.status == 401 && r.header.Get("WWW-Authenticate") != `Keystone uri="`+c.server.URL+`/v3"` {
				t.Errorf("WWW-Authenticate is %q", r.header.Get("WWW-Authenticate"))
			}
			if r.header.Get("X-Subject-Token") != "" {
				t.Error("a token was given out")
			}
		})
	}
}

func TestRescopedTokenLivesNoLonger(t *testing.T) {
	c := startCloud(t)
	first := c.want(201, "POST", "/v3/auth/tokens", "", login("admin", c.passwords["admin"], "unscoped"))
	token := first.header.Get("X-Subject-Token")
	c.pass(time.Hour)
	body := obj{"auth": obj{"identity": obj{"methods": []string{"token"}, "token": obj{"id": token}}, "scope": inProject("demo")}}
	second := c.want(201, "POST", "/v3/auth/tokens", "", body)
	if second.at("token", "expires_at") != first.at("token", "expires_at") {
		t.Errorf("it expires at %v, the first at %v", second.at("token", "expires_at"), first.at("token", "expires_at"))
	}
	if diff := cmp.Diff([]any{"password", "token"}, second.at("token", "methods")); diff != "" {
		t.Error(diff)
	}
	if second.at("token", "audit_ids", 1) != first.at("token", "audit_ids", 0) {
		t.Error("the audit chain is broken")
	}
	if second.at("token", "project", "name") != "demo" {
		t.Errorf("project is %v", second.at("token", "project"))
	}
}

func TestShowAndRevokeToken(t *testing.T) {
	c := startCloud(t)
	admin, demo, kuryr := c.token("admin", "admin"), c.token("demo", "demo"), c.token("kuryr", "service")
	show := func(status int, method, asking, subject string) reply {
		t.Helper()
		return c.want(status, method, "/v3/auth/tokens", asking, nil, "X-Subject-Token", subject)
	}
	for _, asking := range []string{admin, kuryr, demo} {
		r := show(200, "GET", asking, demo)
		if r.at("token", "user", "name") != "demo" || r.at("token", "catalog") == nil || r.header.Get("X-Subject-Token") != demo {
			t.Errorf("shows %s", r.raw)
		}
	}
	if r := show(200, "HEAD", admin, demo); r.raw != "" {
		t.Errorf("HEAD has a body: %q", r.raw)
	}
	if r := c.want(200, "GET", "/v3/auth/tokens?nocatalog", admin, nil, "X-Subject-Token", demo); r.at("token", "catalog") != nil {
		t.Error("nocatalog has a catalog")
	}
	show(403, "GET", demo, admin)
	show(404, "GET", demo, "unknown")
	show(404, "GET", admin, "unknown")
	show(401, "GET", "unknown", demo)
	c.want(404, "GET", "/v3/auth/tokens", admin, nil)
	c.want(403, "GET", "/v3/auth/tokens", demo, nil)

	show(403, "DELETE", demo, admin)
	show(204, "DELETE", demo, demo)
	show(404, "GET", admin, demo)
	show(401, "GET", demo, demo)
	if _, err := c.service.Validate(t.Context(), demo); zun.CodeOf(err) != zun.CodeUnauthorized {
		t.Errorf("Validate gives %v", err)
	}
}

func TestTokensExpire(t *testing.T) {
	c := startCloud(t)
	token := c.token("demo", "demo")
	c.pass(12*time.Hour - time.Second)
	if _, err := c.service.Validate(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	c.pass(time.Second)
	if _, err := c.service.Validate(t.Context(), token); zun.CodeOf(err) != zun.CodeUnauthorized {
		t.Errorf("Validate gives %v", err)
	}
	c.want(401, "GET", "/v3/auth/projects", token, nil)
}

func TestTokensSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minicloud.db")
	var token, password string
	t.Run("before", func(t *testing.T) {
		c := openCloud(t, path)
		token, password = c.token("demo", "demo"), c.passwords["demo"]
	})
	c := openCloud(t, path)
	if len(c.passwords) != 0 {
		t.Errorf("the second start set passwords of %d users", len(c.passwords))
	}
	if id, err := c.service.Validate(t.Context(), token); err != nil || id.UserName != "demo" {
		t.Errorf("Validate gives %+v, %v", id, err)
	}
	c.want(201, "POST", "/v3/auth/tokens", "", login("demo", password, nil))
}

func TestGuessingAtAPasswordIsHeldBack(t *testing.T) {
	c := startCloud(t)
	for range 8 {
		c.want(401, "POST", "/v3/auth/tokens", "", login("demo", "guess", nil))
	}
	if diff := cmp.Diff([]time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second}, c.waits); diff != "" {
		t.Errorf("delays (-want +got):\n%s", diff)
	}
	c.token("admin", "admin")
	c.token("demo", "demo") // right, and so held back only this once
	c.token("demo", "demo")
	if len(c.waits) != 4 {
		t.Errorf("%d delays, want 4", len(c.waits))
	}
}

func TestRevocation(t *testing.T) {
	for name, undo := range map[string]func(c *cloud, admin string){
		"user disabled": func(c *cloud, admin string) {
			c.want(200, "PATCH", "/v3/users/"+c.id("users", "demo"), admin, obj{"user": obj{"enabled": false}})
		},
		"user deleted": func(c *cloud, admin string) {
			c.want(204, "DELETE", "/v3/users/"+c.id("users", "demo"), admin, nil)
		},
		"password set by the admin": func(c *cloud, admin string) {
			c.want(200, "PATCH", "/v3/users/"+c.id("users", "demo"), admin, obj{"user": obj{"password": "new"}})
			c.want(201, "POST", "/v3/auth/tokens", "", login("demo", "new", nil))
		},
		"password changed by the user": func(c *cloud, _ string) {
			body := obj{"user": obj{"original_password": c.passwords["demo"], "password": "new"}}
			c.want(204, "POST", "/v3/users/"+c.id("users", "demo")+"/password", "", body)
			c.want(201, "POST", "/v3/auth/tokens", "", login("demo", "new", nil))
		},
		"project disabled": func(c *cloud, admin string) {
			c.want(200, "PATCH", "/v3/projects/"+c.id("projects", "demo"), admin, obj{"project": obj{"enabled": false}})
		},
		"project deleted": func(c *cloud, admin string) {
			c.want(204, "DELETE", "/v3/projects/"+c.id("projects", "demo"), admin, nil)
			c.want(404, "GET", "/v3/projects/"+"gone", admin, nil)
		},
		"role taken away": func(c *cloud, admin string) {
			path := "/v3/projects/" + c.id("projects", "demo") + "/users/" + c.id("users", "demo") + "/roles/" + c.id("roles", "member")
			c.want(204, "HEAD", path, admin, nil)
			c.want(204, "DELETE", path, admin, nil)
			c.want(404, "HEAD", path, admin, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := startCloud(t)
			admin, demo := c.token("admin", "admin"), c.token("demo", "demo")
			undo(c, admin)
			if id, err := c.service.Validate(t.Context(), demo); zun.CodeOf(err) != zun.CodeUnauthorized {
				t.Errorf("the token is still good: %+v, %v", id, err)
			}
		})
	}
}
