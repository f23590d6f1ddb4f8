package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// DefaultTimeout is that of one request.
const DefaultTimeout = 10 * time.Second

// Most octets that are read of an answer, and of one that says no.
const (
	mostAnswer = 256 << 20
	mostError  = 64 << 10
)

// Client asks one server.
type Client struct {
	server  string // as the user gave it, for messages
	base    string // what the paths of the API are put behind
	token   string
	timeout time.Duration // of a request
	silence time.Duration // how long a stream may say nothing
	http    *http.Client
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// get asks for something and reads the answer into it.
func (c *Client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, http.MethodGet, path, query, nil, into)
}

// do makes one request. A body that is not nil goes as JSON, and so does the answer, into what is given.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body, into any) error {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.send(bounded, method, path, query, body)
	if err != nil {
		return c.failed(ctx, err)
	}
	defer answer.Body.Close()
	if into == nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if len(text) > mostAnswer {
		return &Unreachable{c.server, fmt.Errorf("its answer is longer than %d octets", mostAnswer)}
	}
	if raw, ok := into.(*json.RawMessage); ok && json.Valid(text) {
		*raw = text
		return nil
	}
	// Fields that are not known here are those of a newer server.
	if err := json.Unmarshal(text, into); err != nil {
		return &Unreachable{c.server, fmt.Errorf("its answer is not that of an admin API: %w", err)}
	}
	return nil
}

// failed leaves errors of ours alone.
func (c *Client) failed(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*Refused](err); ok {
		return err
	}
	if _, ok := errors.AsType[*Unreachable](err); ok {
		return err
	}
	return c.unreachable(ctx, err)
}

// send makes one request, and gives an answer that says yes.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "failoverctl")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, c.refused(answer)
}

// refused reads an answer that says no. One without our kind of JSON is somebody else's.
func (c *Client) refused(answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostError))
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	var e api.Error
	if err != nil || kind != "application/json" || json.Unmarshal(text, &e) != nil || e.Error == "" {
		return &Unreachable{c.server, fmt.Errorf("no admin API answers there: status %d", answer.StatusCode)}
	}
	return &Refused{Code: answer.StatusCode, Text: e.Error, Field: e.Field}
}
