package api

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gozun/gozun/zun"
)

// The bounds of archives, in bytes. One that is put is in memory while it is looked
// through; one that is got flows through, but for the text of old microversions.
const (
	maxArchiveBody = 64 << 20 // of a request that puts one, Base64 and all
	maxTextArchive = 32 << 20 // that is got as text
	archivesAtOnce = 2        // requests that hold an archive in memory; others wait
)

// base64Archives is the first minor microversion in which archives are Base64.
const base64Archives = 25

// statView is the JSON of a file's properties, as Docker has it.
type statView struct {
	Name       string `json:"name"`
	Size       int64  `json:"size"`
	Mode       uint32 `json:"mode"`
	ModTime    string `json:"mtime"`
	LinkTarget string `json:"linkTarget"`
}

// getArchive serves GET /v1/containers/{id}/get_archive.
func (s *server) getArchive(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	from := p.required("path")
	if err := p.done(); err != nil {
		return reply{}, err
	}
	archive, err := s.Control.ReadArchive(ctx, c.grant, c.ident(), absolute(from))
	if err != nil {
		return reply{}, err
	}
	stat := statView{
		Name: archive.Stat.Name, Size: archive.Stat.Size, Mode: archive.Stat.Mode, LinkTarget: archive.Stat.LinkTarget,
		ModTime: archive.Stat.ModifiedAt.Format(time.RFC3339Nano),
	}
	if c.version < base64Archives {
		return s.textArchive(ctx, c, archive, stat)
	}
	return reply{status: http.StatusOK, stream: func(w io.Writer) error {
		defer func() { _ = archive.Content.Close() }() // only read from
		return writeArchive(w, archive.Content, stat)
	}}, nil
}

// absolute is a path from the container's root, where relative ones begin, too. What it
// ends with stays: "/dir/." is what is in the directory.
func absolute(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return "/" + name
}

// writeArchive writes an archive in Base64 as it is read.
func writeArchive(w io.Writer, content io.Reader, stat statView) error {
	properties, err := encode(stat)
	if err != nil {
		return err
	}
	if _, err = io.WriteString(w, `{"data":"`); err != nil {
		return err
	}
	encoder := base64.NewEncoder(base64.StdEncoding, w)
	if _, err = io.Copy(encoder, content); err != nil {
		return err
	}
	if err = encoder.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `","stat":%s}`, properties)
	return err
}

// textArchive answers with an archive as it is, for microversions that know no other way.
// What is not UTF-8 cannot go that way, and never could.
func (s *server) textArchive(ctx context.Context, c *call, archive zun.Archive, stat statView) (reply, error) {
	defer func() { _ = archive.Content.Close() }() // only read from
	leave, err := s.archives.enter(ctx)
	if err != nil {
		return reply{}, err
	}
	defer leave()
	raw, err := io.ReadAll(io.LimitReader(archive.Content, maxTextArchive+1))
	switch {
	case err != nil:
		return reply{}, err
	case len(raw) > maxTextArchive:
		return reply{}, zun.Errorf(zun.CodeInvalid,
			"cannot copy from container %s: it is over %d MiB; use microversion 1.25 or later", shorten(c.ident()), maxTextArchive>>20)
	case !utf8.Valid(raw):
		return reply{}, zun.Errorf(zun.CodeInvalid,
			"cannot copy from container %s: there is more than text in it; use microversion 1.25 or later", shorten(c.ident()))
	}
	type textView struct {
		Data string   `json:"data"`
		Stat statView `json:"stat"`
	}
	return reply{status: http.StatusOK, body: textView{string(raw), stat}}, nil
}

// putArchive serves POST /v1/containers/{id}/put_archive. The whole archive is here and
// understood before the container is touched.
func (s *server) putArchive(ctx context.Context, c *call) (reply, error) {
	leave, err := s.archives.enter(ctx)
	if err != nil {
		return reply{}, err
	}
	defer leave()
	data, given, err := c.archiveBody()
	if err != nil {
		return reply{}, err
	}
	p := c.params()
	to := p.required("path")
	if err := p.done(); err != nil {
		return reply{}, c.needBody(err)
	}
	if !given {
		return reply{}, c.needBody(zun.Errorf(zun.CodeSchemaValidation, "'data' is a required property"))
	}
	if err := checkTar(data); err != nil {
		return reply{}, zun.Errorf(zun.CodeInvalid, "cannot copy to container %s: data is no tar archive: %v", shorten(c.ident()), err)
	}
	return reply{status: http.StatusOK}, s.Control.WriteArchive(ctx, c.grant, c.ident(), absolute(to), bytes.NewReader(data))
}

// archiveBody reads the body of a request with an archive in it. The rest of the body is
// left in c.body.
func (c *call) archiveBody() (data []byte, given bool, err error) {
	raw, err := io.ReadAll(c.raw)
	if err != nil {
		return nil, false, unreadable(err, maxArchiveBody)
	}
	var body struct {
		Path *string         `json:"path"`
		Data json.RawMessage `json:"data"`
	}
	c.body = map[string]any{}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, false, nil
	}
	if !utf8.Valid(raw) || json.Unmarshal(raw, &body) != nil {
		c.ignored = true
		return nil, false, nil //nolint:nilerr // as everywhere, a body that is no object counts as empty
	}
	if body.Path != nil {
		c.body["path"] = *body.Path
	}
	if len(body.Data) == 0 || string(body.Data) == "null" {
		return nil, false, nil
	}
	if c.version < base64Archives {
		var text string
		err = json.Unmarshal(body.Data, &text)
		data = []byte(text)
	} else {
		err = json.Unmarshal(body.Data, &data)
	}
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &corrupt):
		return nil, true, invalidField("data", abbreviated(body.Data), "it must be Base64: "+corrupt.Error())
	case err != nil || body.Data[0] != '"':
		return nil, true, invalidField("data", abbreviated(body.Data), "it must be a string")
	}
	return data, true, nil
}

// checkTar reads an archive to its end. Compressed ones, which Docker takes too, are left
// to Docker.
func checkTar(data []byte) error {
	for _, magic := range []string{"\x1f\x8b", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return nil
		}
	}
	for archive := tar.NewReader(bytes.NewReader(data)); ; {
		_, err := archive.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, archive)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// abbreviated is as much of a value as an error shows.
func abbreviated(value []byte) string {
	return strings.ToValidUTF8(string(value[:min(len(value), 200)]), "")
}

// commitContainer serves POST /v1/containers/{id}/commit.
func (s *server) commitContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	repository, tag := p.required("repository"), p.text("tag")
	if err := p.done(); err != nil {
		return reply{}, c.needBody(err)
	}
	id, err := s.Control.CommitContainer(ctx, c.grant, c.ident(), repository, tag)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted, body: map[string]string{"uuid": id}}, nil
}

// turns let a few requests at a time do something.
type turns chan struct{}

// enter waits for a turn, which ends with leave.
func (t turns) enter(ctx context.Context) (leave func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
