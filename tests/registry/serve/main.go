// Serve serves a registry for tests on an address, until it is interrupted:
//
//	go run ./tests/registry/serve -listen 127.0.0.1:5555 -user me -password secret
//	docker login 127.0.0.1:5555; docker tag IMAGE 127.0.0.1:5555/app; docker push 127.0.0.1:5555/app
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/gozun/gozun/tests/registry"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:5555", "HOST:PORT; dockerd talks HTTP to loopback only")
	user := flag.String("user", "", "user who may pull and push (default: everybody)")
	password := flag.String("password", "", "his password")
	perChunk := flag.Duration("slow", 0, "pause before each 32 KiB of a layer, to see progress")
	flag.Parse()
	r := &registry.Registry{Username: *user, Password: *password}
	if *perChunk > 0 {
		r.Gate = func(string, int, int) { time.Sleep(*perChunk) }
	}
	server := http.Server{Addr: *listen, Handler: r, ReadHeaderTimeout: 10 * time.Second}
	log.Printf("registry at %s", *listen)
	log.Fatal(server.ListenAndServe())
}
