package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Unreachable tells that nobody answered as an admin API does.
type Unreachable struct {
	Server string
	Err    error
}

func (e *Unreachable) Error() string { return fmt.Sprintf("cannot reach %s: %v", e.Server, e.Err) }

// Unwrap returns what went wrong.
func (e *Unreachable) Unwrap() error { return e.Err }

// Refused is an answer that says no.
type Refused struct {
	Code  int    // the HTTP status
	Text  string // why, in the server's words
	Field string // what is wrong in the request, where it is one field
}

func (e *Refused) Error() string {
	text := e.Text
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Code == http.StatusUnauthorized {
		return "the server does not know who asks: " + text
	}
	return "the server says no: " + text
}

// unreachable makes an error of the transport one of ours. What has ended because the caller wanted it stays what it is.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	// The address stands in our own message already.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if wrapped, ok := errors.AsType[*net.OpError](err); ok && wrapped.Op == "dial" && !wrapped.Timeout() {
		err = wrapped.Err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		err = errors.New("no answer in time")
	}
	return &Unreachable{Server: c.server, Err: err}
}
