package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gozun/gozun/zun"
)

// maxAnswer bounds what is read of one answer; logs are the largest.
const maxAnswer = 64 << 20

// maxArchive bounds an answer with files in it, Base64 and all.
const maxArchive = 700 << 20

// tries of a GET that could not connect, and the wait before each further one.
var retryWaits = [...]time.Duration{100 * time.Millisecond, 300 * time.Millisecond}

// request is one call. Either path, below /v1, or url is set.
type request struct {
	method string
	path   string
	url    string
	query  url.Values
	body   any     // sent as JSON unless nil
	public bool    // without token and version
	most   Version // the last version in which the service has it; zero: there is none
	large  bool    // the answer may be larger than maxAnswer
}

// call sends a request below /v1 and decodes the answer into out, unless out is nil. It
// returns the request id that the service gave it.
func (c *Client) call(ctx context.Context, r request, out any) (string, error) {
	base, err := c.base(ctx)
	if err != nil {
		return "", err
	}
	r.url = base + r.path
	return c.send(ctx, r, out)
}

func (c *Client) send(ctx context.Context, r request, out any) (string, error) {
	if len(r.query) > 0 {
		r.url += "?" + r.query.Encode()
	}
	response, err := c.exchange(ctx, r)
	if err == nil && response.status == http.StatusUnauthorized && !r.public && c.config.Renew != nil {
		c.config.Renew()
		response, err = c.exchange(ctx, r)
	}
	if err != nil {
		return "", err
	}
	if response.err != nil {
		return response.requestID, response.err
	}
	if out == nil || len(bytes.TrimSpace(response.body)) == 0 {
		return response.requestID, nil
	}
	if err := json.Unmarshal(response.body, out); err != nil {
		return response.requestID, zun.Wrap(zun.CodeUnavailable, err, "cannot read the answer of %s %s: it is not the JSON expected", r.method, r.url)
	}
	return response.requestID, nil
}

// reply is an answer read to its end.
type reply struct {
	status    int
	requestID string
	body      []byte
	err       error // set from status 400
}

// exchange repeats a GET when the connection fails: nothing can have happened twice.
func (c *Client) exchange(ctx context.Context, r request) (reply, error) {
	header, err := c.header(ctx, r)
	if err != nil {
		return reply{}, err
	}
	response, err := c.once(ctx, r, header)
	for i := 0; err != nil && r.method == http.MethodGet && isUnreachable(err) && ctx.Err() == nil && i < len(retryWaits); i++ {
		if c.config.Pause(ctx, retryWaits[i]) != nil {
			return reply{}, err
		}
		response, err = c.once(ctx, r, header)
	}
	return response, err
}

func isUnreachable(err error) bool {
	var unreachable *UnreachableError
	return errors.As(err, &unreachable)
}

func (c *Client) once(ctx context.Context, r request, header http.Header) (reply, error) {
	req, err := prepare(ctx, r)
	if err != nil {
		return reply{}, err
	}
	req.Header = header
	response, err := c.config.HTTP.Do(req)
	if err != nil {
		return reply{}, noAnswer(ctx, r, err)
	}
	defer response.Body.Close()
	limit := int64(maxAnswer)
	if r.large {
		limit = maxArchive
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit))
	if err != nil {
		return reply{}, noAnswer(ctx, r, err)
	}
	if int64(len(body)) == limit {
		return reply{}, zun.Errorf(zun.CodeTooLarge, "cannot take the answer of %s %s: it is over %d MiB; ask for less", r.method, r.path, limit>>20)
	}
	got := reply{status: response.StatusCode, requestID: response.Header.Get("X-Openstack-Request-Id"), body: body}
	if response.StatusCode >= 400 {
		got.err = refusal(response, body)
	}
	return got, nil
}

func noAnswer(ctx context.Context, r request, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its text repeats method and URL
	}
	where := r.url
	if u, parseErr := url.Parse(r.url); parseErr == nil {
		where = u.Scheme + "://" + u.Host
	}
	return &zun.Error{
		Code: zun.CodeUnavailable, Message: "cannot reach the container service at " + where + ": " + err.Error(),
		Err: &UnreachableError{URL: where, Err: err},
	}
}

func prepare(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, zun.Errorf(zun.CodeInvalid, "cannot send %s %s: %w", r.method, r.path, err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot call the container service: %w", err)
	}
	return req, nil
}

// header says who asks and in which version. It is made once for all tries: finding the
// version may itself be a GET with tries of its own.
func (c *Client) header(ctx context.Context, r request) (http.Header, error) {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {"gozun-client"}}
	if r.body != nil {
		header.Set("Content-Type", "application/json")
	}
	if r.public {
		return header, nil
	}
	version, err := c.Version(ctx)
	if err != nil {
		return nil, err
	}
	token, err := c.config.Token(ctx)
	if err != nil {
		return nil, err
	}
	if r.most != (Version{}) && version.AtLeast(r.most) {
		version = r.most
	}
	header.Set("X-Auth-Token", token)
	header.Set("OpenStack-API-Version", "container "+version.String())
	return header, nil
}
