package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// A service that knows one container and one network, for the examples.
func exampleService() *httptest.Server {
	mux := http.NewServeMux()
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Openstack-Request-Id", "req-4f1c")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	mux.HandleFunc("GET /{$}", answer(200, `{"versions":[{"id":"v1","status":"CURRENT","min_version":"1.1","max_version":"1.41"}]}`))
	mux.HandleFunc("POST /v1/containers", answer(202, `{"uuid":"c0ffee","name":"web","status":"Creating"}`))
	mux.HandleFunc("GET /v1/containers", answer(200, `{"containers":[{"uuid":"c0ffee","name":"web","status":"Running"}],"next":null}`))
	mux.HandleFunc("GET /v1/containers/{ref}", answer(404, `{"errors":[{"code":"container.container-not-found","title":"Container nope could not be found."}]}`))
	mux.HandleFunc("POST /v1/containers/{ref}/execute", answer(200, `{"output":"hello\n","exit_code":0}`))
	mux.HandleFunc("GET /v1/containers/{ref}/container_actions/{id}", answer(200, `{"action":"create","request_id":"req-4f1c",
		"start_time":"2026-11-23T15:54:03","finish_time":"2026-11-23T15:54:04","message":null,
		"events":[{"event":"image","result":"Success","duration_ms":12}]}`))
	mux.HandleFunc("POST /v1/networks", answer(201, `{"uuid":"f00","name":"foo","status":"Active","subnets":[{"cidr":"10.2.0.0/24"}]}`))
	mux.HandleFunc("GET /v1/hosts/{ref}", answer(200, `{"uuid":"a0","hostname":"h1","mem_total":8192,"mem_used":1024}`))
	mux.HandleFunc("GET /v1/services", answer(200, `{"services":[{"id":1,"host":"h1","binary":"zun-compute","state":"up"}]}`))
	mux.HandleFunc("PUT /v1/services/disable", answer(200, `{"service":{"host":"h1","binary":"zun-compute","disabled":true,"disabled_reason":"new disk"}}`))
	mux.HandleFunc("GET /v1/availability_zones", answer(200, `{"availability_zones":[{"availability_zone":"nova"}],"next":null}`))
	mux.HandleFunc("GET /v1/quotas/{project}", answer(200, `{"containers":{"limit":40,"in_use":1}}`))
	mux.HandleFunc("PUT /v1/quotas/{project}", answer(200, `{"containers":40,"memory":51200,"disk":100,"cpu":50}`))
	mux.HandleFunc("PUT /v1/quota_classes/{name}", answer(200, `{"containers":100,"memory":51200,"disk":100,"cpu":20}`))
	mux.HandleFunc("POST /v1/images", answer(202, `{"uuid":"1f","repo":"app","tag":"1","host":"compute1","status":"Pulling"}`))
	mux.HandleFunc("GET /v1/images/{id}", answer(200, `{"uuid":"1f","repo":"app","tag":"1","host":"compute1","status":"Available","size":"1048576"}`))
	mux.HandleFunc("POST /v1/registries", answer(201, `{"registry":{"uuid":"4e6","name":"mine","domain":"r.example.org","username":"me","password":"***"}}`))
	return httptest.NewServer(mux)
}

func exampleClient() (*client.Client, func()) {
	server := exampleService()
	return client.New(client.Config{Endpoint: client.Fixed(server.URL + "/v1"), Token: client.Fixed("a token")}), server.Close
}

func ExampleClient_CreateContainer() {
	c, done := exampleClient()
	defer done()
	ctx := context.Background()

	made, request, err := c.CreateContainer(ctx, client.ContainerCreate{
		Name: "web", Image: "nginx", Run: true,
		Nets: []client.Net{{Network: "foo"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	action, err := c.GetAction(ctx, made.UUID, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(made.Name, made.Status, "done:", action.Done())
	for _, event := range action.Events {
		fmt.Println(event.Event, event.Result, *event.DurationMS, "ms")
	}
	// Output:
	// web Creating done: true
	// image Success 12 ms
}

func ExampleClient_ListContainers() {
	c, done := exampleClient()
	defer done()

	containers, err := c.ListContainers(context.Background(), client.ContainerList{Status: "Running"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, container := range containers {
		fmt.Println(container.UUID, container.Name, container.Status)
	}
	// Output: c0ffee web Running
}

func ExampleClient_CreateNetwork() {
	c, done := exampleClient()
	defer done()

	network, err := c.CreateNetwork(context.Background(), client.NetworkCreate{Name: "foo", Subnet: "10.2.0.0/24"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(network.Name, network.Status, network.Subnets[0].CIDR)
	// Output: foo Active 10.2.0.0/24
}

func ExampleClient_PullImage() {
	c, done := exampleClient()
	defer done()
	ctx := context.Background()

	image, err := c.PullImage(ctx, client.ImagePull{Repo: "app:1", Host: "compute1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(image.Status)
	image, err = c.GetImage(ctx, image.UUID)
	fmt.Println(image.Repo, image.Tag, image.Status, image.Size, err)
	// Output:
	// Pulling
	// app 1 Available 1048576 <nil>
}

func ExampleClient_CreateRegistry() {
	c, done := exampleClient()
	defer done()
	ctx := context.Background()

	registry, err := c.CreateRegistry(ctx, client.RegistryCreate{Name: "mine", Domain: "r.example.org", Username: "me", Password: "secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	made, _, err := c.CreateContainer(ctx, client.ContainerCreate{Image: "app", Registry: registry.UUID})
	fmt.Println(registry.Name, registry.Domain, made.Status, err)
	// Output: mine r.example.org Creating <nil>
}

func ExampleClient_Execute() {
	c, done := exampleClient()
	defer done()

	result, err := c.Execute(context.Background(), "web", []string{"echo", "hello"})
	fmt.Print(result.Output, result.ExitCode, " ", err, "\n")
	// Output:
	// hello
	// 0 <nil>
}

func ExampleRequestID() {
	c, done := exampleClient()
	defer done()

	_, err := c.GetContainer(context.Background(), "nope", false)
	fmt.Println(err)
	fmt.Println(zun.IsNotFound(err), client.RequestID(err))
	// Output:
	// Container nope could not be found.
	// true req-4f1c
}
