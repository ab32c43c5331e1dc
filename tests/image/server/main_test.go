package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestThePageTellsHostNameAndIsFetched(t *testing.T) {
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	reader, writer := io.Pipe()
	go func() { ended <- run(ctx, []string{"/bin/server", address}, writer, io.Discard) }()
	line := make([]byte, 256)
	n, err := reader.Read(line) // its first words are said when it listens
	if err != nil || !strings.HasPrefix(string(line[:n]), "serving on ") {
		t.Fatalf("got %q, %v", line[:n], err)
	}
	go io.Copy(io.Discard, reader)

	var page bytes.Buffer
	if code := run(t.Context(), []string{"fetch", "http://" + address + "/"}, &page, os.Stderr); code != 0 {
		t.Fatalf("fetch ended with %d", code)
	}
	name, _ := os.Hostname()
	if !strings.HasPrefix(page.String(), "Hello from "+name+"\n") {
		t.Errorf("got page %q", page.String())
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("server ended with %d", code)
	}
	var complaint bytes.Buffer
	if code := run(t.Context(), []string{"server", "fetch", "http://" + address + "/"}, io.Discard, &complaint); code != 1 || complaint.Len() == 0 {
		t.Errorf("fetch of nothing ended with %d, %q", code, complaint.String())
	}
}

func TestSleepAndWrongCalls(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"a short sleep":           {[]string{"sleep", "0.001"}, 0},
		"sleep without end":       {[]string{"sleep"}, 0},
		"a sleep that is cut off": {[]string{"/bin/sleep", "1000000"}, 0},
		"no number":               {[]string{"sleep", "soon"}, 1},
		"no URL":                  {[]string{"fetch"}, 2},
		"another name":            {[]string{"cat"}, 2},
	} {
		if code := run(ctx, c.args, io.Discard, io.Discard); code != c.code {
			t.Errorf("%s: ended with %d, want %d", name, code, c.code)
		}
	}
}
