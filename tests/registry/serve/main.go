// Serve serves a registry for tests on an address, until it is interrupted:
//
//	go run ./tests/registry/serve -listen 127.0.0.1:5555 -user me -password secret
//	docker login 127.0.0.1:5555; docker tag IMAGE 127.0.0.1:5555/app; docker push 127.0.0.1:5555/app
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
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
		r.Gate = func(string, int, int) { <-time.After(*perChunk) }
	}
	server := http.Server{Addr: *listen, Handler: r, ReadHeaderTimeout: 10 * time.Second}
	fmt.Println("registry at", *listen)
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
