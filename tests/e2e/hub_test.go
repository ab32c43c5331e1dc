package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/tests/registry"
)

// hubName is where a dockerd searches.
const hubName = "index.docker.io"

// dockerHub stands for Docker Hub: a dockerd of the test's own comes to it by way of a proxy,
// and takes its certificate for the hub's.
type dockerHub struct {
	*registry.Registry
	proxy, certificate string
}

func startHub(t *testing.T, listings ...registry.Listing) dockerHub {
	t.Helper()
	hub := dockerHub{Registry: &registry.Registry{Listings: listings}, certificate: filepath.Join(t.TempDir(), "hub.pem")}
	server := httptest.NewUnstartedServer(hub.Registry)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t, hub.certificate)}}
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(tunnel(server.Listener.Addr().String()))
	t.Cleanup(proxy.Close)
	hub.proxy = proxy.URL
	return hub
}

// before is how a dockerd is started so that the hub is before it.
func (h dockerHub) before(d *dockerd) {
	d.env = append(d.env, "HTTPS_PROXY="+h.proxy, "SSL_CERT_FILE="+h.certificate)
}

// selfSigned makes a certificate of the hub's name, and writes it to a file too.
func selfSigned(t *testing.T, file string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{hubName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tunnel is a proxy that connects who wants the hub with an address, and nobody with anything
// else.
func tunnel(hub string) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodConnect || q.Host != hubName+":443" {
			http.Error(w, "only Docker Hub is behind this proxy", http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", hub)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer there.Close()
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer here.Close()
		if _, err := here.Write([]byte("HTTP/1.1 200 Connected\r\n\r\n")); err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(there, buffered)
			there.Close()
		}()
		_, _ = io.Copy(here, there)
	}
}

// Whoever searches Docker Hub finds what it lists, all that fits or the very name, with our
// command, the stock ones and by hand.
func TestImageSearch(t *testing.T) {
	if os.Getenv("GOZUN_E2E") == "" {
		t.Skip("end-to-end tests run with GOZUN_E2E=1")
	}
	hub := startHub(
		t,
		registry.Listing{Name: "nginx", Description: "Official build of Nginx.", Official: true, Stars: 20000},
		registry.Listing{Name: "team/nginx", Description: "<ours>, \"ü\"", Stars: 7},
		registry.Listing{Name: "httpd", Description: "The Apache HTTP server", Official: true, Stars: 4000},
	)
	u := startCloud(t, startDockerd(t, hub.before).host).demo()
	search := func(query string) (found []map[string]any) {
		t.Helper()
		u.request(http.MethodGet, u.container+"/images/"+query, u.token, nil, &found)
		return found
	}
	official := map[string]any{
		"name": "nginx", "description": "Official build of Nginx.", "is_automated": false,
		"metadata": map[string]any{"is_official": true, "star_count": 20000.0},
	}
	ours := map[string]any{
		"name": "team/nginx", "description": "<ours>, \"ü\"", "is_automated": false,
		"metadata": map[string]any{"is_official": false, "star_count": 7.0},
	}
	for query, want := range map[string][]map[string]any{
		"nginx/search": {official, ours},
		"nginx/search?exact_match=False&image_driver=docker":     {official, ours},
		"nginx/search?exact_match=true":                          {official},
		"nginx:1.29/search?exact_match=True":                     {official},
		"docker.io%2Flibrary%2Fnginx/search?exact_match=true":    {official},
		"team/nginx/search?exact_match=true&image_driver=docker": {ours},
		"ngin/search?exact_match=true":                           {},
		"nothing-like-it/search":                                 {},
	} {
		if diff := cmp.Diff(want, search(query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	if asked := strings.Join(hub.Requests(), "\n"); !strings.Contains(asked, "q=team%2Fnginx") || !strings.Contains(asked, "n=100") || strings.Contains(asked, "docker.io") {
		t.Errorf("the hub was asked\n%s", asked)
	}
	for flags, want := range map[string]string{
		"": "nginx True 20000\nteam/nginx False 7\n", "--exact-match": "nginx True 20000\n",
	} {
		args := slices.Concat([]string{"image-search", "nginx", "-f", "value", "-c", "name", "-c", "official", "-c", "stars"}, strings.Fields(flags))
		if got := u.zun(args...); got != want {
			t.Errorf("zun image-search %s: %q", flags, got)
		}
	}
	for _, refused := range []struct{ args, says string }{
		{"registry.example.org/nginx", "Docker Hub"},
		{"--image-driver glance nginx", "only Docker Hub can be searched"},
	} {
		if out := u.fails(program("zun"), append([]string{"image-search"}, strings.Fields(refused.args)...)...); !strings.Contains(out, refused.says) {
			t.Errorf("zun image-search %s: %s", refused.args, out)
		}
	}
	u.typist().story([]line{
		{typed: "zun image-search nginx", shows: []string{"nginx", "team/nginx", "star_count", "20000", "-httpd"}},
		{typed: "zun image-search --image_driver docker --exact-match nginx", shows: []string{"| nginx", "-team/nginx"}},
		{typed: "openstack appcontainer image search nginx -f json", shows: []string{`"Name": "nginx"`, `"team/nginx"`}},
		{typed: "openstack appcontainer image search --image-driver docker --exact-match team/nginx", shows: []string{"team/nginx"}},
		{typed: "zun image-search registry.example.org/nginx", exit: 1, shows: []string{"Docker Hub"}},
	})
}

// Where Docker Hub cannot be reached, or does not answer as it should, the user is told.
func TestImageSearchWithoutTheHub(t *testing.T) {
	u := startCloud(t, "").demo()
	response, body := u.send(http.MethodGet, u.container+"/images/nginx/search", u.token, nil)
	var problem struct{ Errors []struct{ Detail string } }
	switch err := json.Unmarshal(body, &problem); {
	case response.StatusCode == http.StatusOK: // this machine reaches it
	case err != nil, response.StatusCode != http.StatusServiceUnavailable, !strings.Contains(problem.Errors[0].Detail, "cannot reach Docker Hub"):
		t.Errorf("%s %s", response.Status, body)
	}
}
