package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gozun/gozun/zun"
)

// reply is the answer to a request before it is written. A nil body is the word null,
// with which Zun answers when there is nothing to say; at 204 there is no body.
type reply struct {
	status int
	body   any // an appender, else whatever encoding/json takes
	text   string
	header map[string]string
	stream func(io.Writer) error // writes the JSON of the body, instead of body
}

// appender is a body that writes its own JSON, for the sake of long lists.
type appender interface {
	appendJSON(to []byte) []byte
}

// accepted is the answer to an order that is done later.
func accepted() reply { return reply{status: http.StatusAccepted} }

// render writes an answer. It is the only place that does. whole is false when it broke
// off in the middle.
func (s *server) render(ctx context.Context, w http.ResponseWriter, rep reply) (status int, whole bool) {
	if rep.stream != nil {
		return rep.status, s.renderStream(ctx, w, rep)
	}
	contentType, raw := "text/plain; charset=UTF-8", []byte(rep.text)
	if rep.text == "" {
		var err error
		if raw, err = encode(rep.body); err != nil {
			rep = s.internalFailure(ctx, err)
			raw, _ = encode(rep.body)
		}
		contentType = "application/json"
	}
	header := w.Header()
	for key, value := range rep.header {
		header.Set(key, value)
	}
	if rep.status == http.StatusNoContent {
		w.WriteHeader(rep.status)
		return rep.status, true
	}
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(rep.status)
	// A caller that hung up cannot be told so.
	_, _ = w.Write(raw)
	return rep.status, true
}

// streamTimeout is how long an answer that streams may take.
const streamTimeout = 10 * time.Minute

// renderStream writes an answer as it comes into being, and reports whether it came to its
// end.
func (s *server) renderStream(ctx context.Context, w http.ResponseWriter, rep reply) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(rep.status)
	// Whoever does not take it must not hold for ever what it comes from.
	connection := http.NewResponseController(w)
	if connection.SetWriteDeadline(time.Now().Add(streamTimeout)) == nil {
		defer func() { _ = connection.SetWriteDeadline(time.Time{}) }() // for the next answer on it
	}
	buffered := bufio.NewWriterSize(w, 64<<10)
	err := rep.stream(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		s.Log.WarnContext(ctx, "an answer broke off", "request_id", zun.RequestID(ctx), "error", err)
	}
	return err == nil
}

// encode turns a body into JSON. Unlike json.Marshal it leaves <, > and & alone, as
// Python does.
func encode(body any) ([]byte, error) {
	if a, ok := body.(appender); ok {
		return a.appendJSON(nil), nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return nil, fmt.Errorf("cannot encode a reply: %w", err)
	}
	return bytes.TrimRight(buffer.Bytes(), "\n"), nil
}
