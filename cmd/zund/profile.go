//go:build pprof

package main

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"
)

// profile serves Go's profiles on the unix socket that GOZUN_PPROF names. It is only in
// programs that were built for it (-tags pprof), for `bench --profile`.
func profile(ctx context.Context) error {
	path := os.Getenv("GOZUN_PPROF")
	if path == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { server.Close() })
	go server.Serve(listener) //nolint:errcheck // ends when it is closed
	return nil
}
