package client_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

func TestRegistriesOnTheWire(t *testing.T) {
	var asked []string
	c := service(t, "1.40", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", string(body)))
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, `{"errors":[{"code":"container.conflict","title":"cannot delete registry x: in use"}]}`)
		case r.URL.Path == "/v1/registries" && r.Method == http.MethodGet:
			io.WriteString(w, `{"registries":[{"uuid":"r1","name":null,"domain":"d","password":"***"}],"next":null}`)
		default:
			io.WriteString(w, `{"registry":{"uuid":"r1","name":"n","domain":"d","username":null,"password":"***"}}`)
		}
	})
	ctx, empty, other := t.Context(), "", "other"
	want := client.Registry{UUID: "r1", Name: "n", Domain: "d"}
	made, err := c.CreateRegistry(ctx, client.RegistryCreate{Domain: "d", Password: "<p>"})
	if err != nil || made != want {
		t.Errorf("made %+v %v", made, err)
	}
	if got, err := c.GetRegistry(ctx, "a/b"); err != nil || got != want {
		t.Errorf("got %+v %v", got, err)
	}
	if got, err := c.UpdateRegistry(ctx, "n", client.RegistryUpdate{Name: &other, Password: &empty}); err != nil || got != want {
		t.Errorf("updated %+v %v", got, err)
	}
	list, err := c.ListRegistries(ctx, client.RegistryList{Domain: "d", AllProjects: true, Page: client.Page{Limit: 2}})
	if diff := cmp.Diff([]client.Registry{{UUID: "r1", Domain: "d"}}, list); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	if err := c.DeleteRegistry(ctx, "n"); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("deleted: %v", err)
	}
	if diff := cmp.Diff([]string{
		`POST /v1/registries {"registry":{"domain":"d","password":"\u003cp\u003e"}}`,
		`GET /v1/registries/a%2Fb `,
		`PATCH /v1/registries/n {"registry":{"name":"other","password":null}}`,
		`GET /v1/registries?all_projects=true&domain=d&limit=2 `,
		`DELETE /v1/registries/n `,
	}, asked); diff != "" {
		t.Error(diff)
	}
}
