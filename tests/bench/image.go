package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
)

// makeImage makes the image of the containers on the spot: one static program that sleeps.
// It exposes no port: a driver may make much of one, and others nothing.
func (b *bench) makeImage(ctx context.Context) error {
	program := filepath.Join(b.dir, "sleep")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./tests/image/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the program of the image: %w: %s", err, out)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	header := &tar.Header{Name: "bin/sleep", Mode: 0o755, Size: int64(len(content))}
	if err := errors.Join(w.WriteHeader(header), write(w, content), w.Close()); err != nil {
		return err
	}
	query := url.Values{"fromSrc": {"-"}, "repo": {b.image}, "changes": {"ENV PATH=/bin"}}
	if err := b.docker.send(ctx, http.MethodPost, "/images/create?"+query.Encode(), "application/x-tar", &layer, nil); err != nil {
		return err
	}
	b.push(func(ctx context.Context) error {
		return b.docker.do(ctx, http.MethodDelete, "/images/"+b.image+"?force=1", nil, nil)
	})
	return nil
}

func write(w io.Writer, content []byte) error {
	_, err := w.Write(content)
	return err
}
