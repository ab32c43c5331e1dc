package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: server [:port]     serve one page, on :80 unless said, that tells host name and addresses
       fetch URL          print a page
       sleep [seconds]    wait, for ever unless said
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// run does what the program's name says, or its first argument: "server fetch URL" is
// "fetch URL". It returns the exit code: 1 for a failure, 2 for a wrong call.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	name, args := filepath.Base(args[0]), args[1:]
	if name == "server" && len(args) > 0 && (args[0] == "fetch" || args[0] == "sleep") {
		name, args = args[0], args[1:]
	}
	var err error
	switch {
	case name == "server" && len(args) <= 1:
		err = serve(ctx, append(args, ":80")[0], stdout)
	case name == "fetch" && len(args) == 1:
		err = fetch(ctx, args[0], stdout)
	case name == "sleep" && len(args) <= 1:
		err = pause(ctx, args)
	default:
		fmt.Fprint(stderr, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// serve answers every request with the page until ctx ends.
func serve(ctx context.Context, address string, stdout io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("cannot serve: %w", err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(stdout, "%s %s from %s\n", r.Method, r.URL.Path, r.RemoteAddr)
			io.WriteString(w, page())
		}),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(stdout, "serving on %s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}

// page tells who is answering: the host name, then one address to a line.
func page() string {
	name, err := os.Hostname()
	if err != nil {
		name = "a host without a name"
	}
	lines := []string{"Hello from " + name}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		lines = append(lines, err.Error())
	}
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			lines = append(lines, ip.String())
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// fetch prints a page; an answer that is an error is one.
func fetch(ctx context.Context, url string, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second) // within what zun exec waits
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("cannot fetch %s: %w", url, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("cannot fetch %s: %w", url, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(stdout, response.Body); err != nil {
		return fmt.Errorf("cannot fetch %s: %w", url, err)
	}
	if response.StatusCode >= 400 {
		return fmt.Errorf("cannot fetch %s: %s", url, response.Status)
	}
	return nil
}

// pause waits for a number of seconds, or until ctx ends.
func pause(ctx context.Context, args []string) error {
	if len(args) == 0 {
		<-ctx.Done()
		return nil
	}
	seconds, err := strconv.ParseFloat(args[0], 64)
	if err != nil || seconds < 0 {
		return fmt.Errorf("cannot sleep for %q seconds", args[0])
	}
	timer := time.NewTimer(time.Duration(min(seconds, 1e9) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}
