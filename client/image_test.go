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

func TestImagesOnTheWire(t *testing.T) {
	var asked []string
	c := service(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", string(body)))
		switch {
		case r.Method == http.MethodDelete:
			io.WriteString(w, `null`)
		case r.URL.Path == "/v1/images" && r.Method == http.MethodGet:
			io.WriteString(w, `{"images":[{"uuid":"i1","repo":"app","size":null}],"next":null}`)
		case r.URL.Path == "/v1/images/team/app/search":
			io.WriteString(w, `[{"name":"team/app","description":"it","is_automated":false,"metadata":{"is_official":true,"star_count":7}}]`)
		case r.URL.Path == "/v1/images/nope":
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"errors":[{"code":"container.image-not-found","title":"Image nope could not be found."}]}`)
		default:
			io.WriteString(w, `{"uuid":"i1","repo":"app","tag":"1","host":"h1","size":"7","image_id":null,"status":"Pulling","created_at":"2026-11-23 12:00:00"}`)
		}
	})
	ctx := t.Context()
	made, err := c.PullImage(ctx, client.ImagePull{Repo: "app:1", Host: "h1", Registry: "mine"})
	if err != nil || made.UUID != "i1" || made.Status != zun.ImagePulling || made.Size != "7" || made.CreatedAt.IsZero() {
		t.Errorf("pulled %+v %v", made, err)
	}
	if _, err := c.GetImage(ctx, "nope"); zun.CodeOf(err) != zun.CodeImageNotFound {
		t.Errorf("got %v", err)
	}
	list, err := c.ListImages(ctx, client.ImageList{Repo: "app", Host: "h1", AllProjects: true})
	if diff := cmp.Diff([]client.Image{{UUID: "i1", Repo: "app"}}, list); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	found, err := c.SearchImages(ctx, "team/app", true)
	if err != nil || len(found) != 1 || !found[0].Metadata.Official || found[0].Metadata.Stars != 7 {
		t.Errorf("found %+v %v", found, err)
	}
	if err := c.DeleteImage(ctx, "i1"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{
		`POST /v1/images {"repo":"app:1","host":"h1","registry":"mine"}`,
		`GET /v1/images/nope `,
		`GET /v1/images?all_projects=true&host=h1&repo=app `,
		`GET /v1/images/team%2Fapp/search?exact_match=true&image_driver=docker `,
		`DELETE /v1/images/i1 `,
	}, asked); diff != "" {
		t.Error(diff)
	}
}
