package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// reply is the answer to a request before it is written. A nil body is the word null,
// with which Zun answers when there is nothing to say; at 204 there is no body.
type reply struct {
	status int
	body   any // an appender, else whatever encoding/json takes
	text   string
	header map[string]string
}

// appender is a body that writes its own JSON, for the sake of long lists.
type appender interface {
	appendJSON(to []byte) []byte
}

// accepted is the answer to an order that is done later.
func accepted() reply { return reply{status: http.StatusAccepted} }

// render writes an answer. It is the only place that does.
func (s *server) render(ctx context.Context, w http.ResponseWriter, rep reply) int {
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
		return rep.status
	}
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(rep.status)
	// A caller that hung up cannot be told so.
	_, _ = w.Write(raw)
	return rep.status
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
