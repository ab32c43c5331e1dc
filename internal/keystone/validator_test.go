package keystone_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/zun"
)

// revoke ends a token at the identity service.
func (c *cloud) revoke(t *testing.T, own, subject string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, c.url+"/v3/auth/tokens", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", own)
	request.Header.Set("X-Subject-Token", subject)
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusNoContent {
		t.Fatal(response, err)
	}
	response.Body.Close()
}

// A token that is revoked is taken for as long as the answer is remembered, and no longer.
func TestRevocationIsHeededWithinTheCacheTime(t *testing.T) {
	c := startCloud(t)
	demo := token(t, c.open(c.credentials("demo", "demo")))
	v := keystone.NewValidator(c.open(c.credentials("zun", "service")), time.Minute)
	if _, err := v.Validate(t.Context(), demo); err != nil {
		t.Fatal(err)
	}
	c.revoke(t, demo, demo)
	c.pass(59 * time.Second)
	if _, err := v.Validate(t.Context(), demo); err != nil || c.count(validations) != 1 {
		t.Errorf("within the time: %v after %d validations", err, c.count(validations))
	}
	c.pass(time.Second)
	if _, err := v.Validate(t.Context(), demo); zun.CodeOf(err) != zun.CodeUnauthorized {
		t.Errorf("after the time: %v", err)
	}
}

// A service that has the role sends a user's token on for some time after its end.
func TestServiceTokens(t *testing.T) {
	c := startCloud(t)
	user := c.open(c.credentials("demo", "demo"))
	service := c.open(c.credentials("zun", "service"))
	late := token(t, user)
	v := keystone.NewValidator(service, time.Minute)
	v.ServiceRoles = []string{"service", "admin"}
	strict := keystone.NewValidator(service, time.Minute)
	strict.ServiceRoles, strict.RequireServiceRole = []string{"nobody-has-this"}, true
	lax := keystone.NewValidator(service, time.Minute)
	lax.ServiceRoles = []string{"nobody-has-this"}

	ask := func(v *keystone.Validator, token, service string) error {
		_, err := v.ValidateWithService(t.Context(), token, service)
		return err
	}
	check := func(when string, err error, want zun.Code) {
		t.Helper()
		if got := zun.CodeOf(err); got != want {
			t.Errorf("%s: %v, want %q", when, err, want)
		}
	}
	check("both are good", ask(v, late, token(t, service)), "")
	check("the service's is rubbish", ask(v, late, "rubbish"), zun.CodeUnauthorized)
	check("the role is wanted", ask(strict, late, token(t, service)), zun.CodeUnauthorized)
	check("the role is not wanted", ask(lax, late, token(t, service)), "")
	c.pass(12*time.Hour + time.Minute)
	check("the user's is over, alone", second(v.Validate(t.Context(), late)), zun.CodeUnauthorized)
	check("the user's is over", ask(v, late, token(t, service)), "")
	check("the user's is over, alone, after it was taken", second(v.Validate(t.Context(), late)), zun.CodeUnauthorized)
	check("the user's is over, and the role is missing", ask(lax, late, token(t, service)), zun.CodeUnauthorized)
	check("the user's is over, and the service's is a user's", ask(v, late, token(t, user)), zun.CodeUnauthorized)
	check("never was one", ask(v, "rubbish", token(t, service)), zun.CodeUnauthorized)
	c.pass(48 * time.Hour)
	check("over for too long", ask(v, late, token(t, service)), zun.CodeUnauthorized)
	fresh := token(t, user)
	c.revoke(t, fresh, fresh)
	check("revoked", ask(v, fresh, token(t, service)), zun.CodeUnauthorized)
}

// second is the error of two results.
func second[T any](_ T, err error) error { return err }

// Of an application credential the validator tells which requests it is for. Keystone knows
// such tokens only if it is told that the rules are heeded.
func TestAccessRulesOfApplicationCredentials(t *testing.T) {
	rules := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("X-Subject-Token", "own")
			w.WriteHeader(http.StatusCreated)
		} else if r.Header.Get("OpenStack-Identity-Access-Rules") != "1.0" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"token":{"expires_at":%q,"user":{"id":"u"},"project":{"id":"p"},"roles":[{"name":"member"}],"application_credential":{"id":"c"%s}}}`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339), rules)
	}))
	defer server.Close()
	session := keystone.Open(keystone.Credentials{
		AuthURL: server.URL, ApplicationCredentialID: "c", ApplicationCredentialSecret: "s",
	}, slog.New(slog.DiscardHandler))
	for text, want := range map[string]zun.Identity{
		"":                     {},
		`,"access_rules":null`: {},
		`,"access_rules":[]`:   {Restricted: true},
		`,"access_rules":[{"id":"r","service":"container","method":"GET","path":"/v1/**"}]`: {
			Restricted: true, AccessRules: []zun.AccessRule{{Service: "container", Method: http.MethodGet, Path: "/v1/**"}},
		},
	} {
		rules = text
		got, err := keystone.NewValidator(session, 0).Validate(t.Context(), "token"+strings.Repeat("x", len(text)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.AccessRules, got.AccessRules); diff != "" || want.Restricted != got.Restricted || got.ProjectID != "p" {
			t.Errorf("%s: restricted %v %s", text, got.Restricted, diff)
		}
	}
}

// An application credential made at minicloud logs in, and the validator tells its rules.
func TestApplicationCredentialsOfMinicloud(t *testing.T) {
	c := startCloud(t)
	demo := c.open(c.credentials("demo", "demo"))
	who, err := c.service.Validate(t.Context(), token(t, demo))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"application_credential":{"name":"ci","secret":"hush","access_rules":[{"service":"container","method":"GET","path":"/v1/containers"}]}}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/v3/users/"+who.UserID+"/application_credentials", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", token(t, demo))
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatal(response, err)
	}
	response.Body.Close()
	program := c.open(keystone.Credentials{
		AuthURL: c.url, Username: "demo", UserDomainName: "Default", ApplicationCredentialName: "ci", ApplicationCredentialSecret: "hush",
	})
	service := c.open(c.credentials("zun", "service"))
	validator := keystone.NewValidator(service, time.Minute)
	got, err := validator.Validate(t.Context(), token(t, program))
	if err != nil {
		t.Fatal(err)
	}
	want := []zun.AccessRule{{Service: "container", Method: http.MethodGet, Path: "/v1/containers"}}
	if diff := cmp.Diff(want, got.AccessRules); diff != "" || !got.Restricted || got.ProjectName != "demo" || !got.HasRole("member") {
		t.Errorf("%+v %s", got, diff)
	}
	// What a service asks in the course of a request is not what the rules are about.
	for beside, restricted := range map[*keystone.Session]bool{service: false, demo: true} {
		got, err := validator.ValidateWithService(t.Context(), token(t, program), token(t, beside))
		if err != nil || got.Restricted != restricted || restricted == (got.AccessRules == nil) {
			t.Errorf("with another token beside it: %+v, %v; want restricted %v", got, err, restricted)
		}
	}
}
