package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// silence is how long a stream may say nothing: three of the server's heartbeats, which are 15 seconds apart.
const silence = 45 * time.Second

// mostLine is the most octets of a line of a stream.
const mostLine = 4 << 20

// News is one message of a stream: one of them is not nil.
type News struct {
	Event  *api.Event
	Status *api.Status
}

// Stream calls hear with what happens from now on, and with the events after a number that the server remembers, one at
// a time. It ends with its context, with the first error of hear, or when the server ends it or has gone, and never
// without an error.
func (c *Client) Stream(ctx context.Context, after uint64, hear func(News) error) error {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := errors.New("it has said nothing for a while")
	timer := time.AfterFunc(c.timeout, func() { cancel(quiet) })
	defer timer.Stop()

	query := url.Values{"after": {strconv.FormatUint(after, 10)}}
	answer, err := c.send(bounded, http.MethodGet, "/v1/stream", query, nil)
	if err != nil {
		if errors.Is(context.Cause(bounded), quiet) {
			err = errors.New("no answer in time")
		}
		return c.failed(ctx, err)
	}
	defer answer.Body.Close()
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind != "text/event-stream" {
		return &Unreachable{c.server, fmt.Errorf("its answer is %q and no stream", kind)}
	}
	timer.Reset(c.silence)
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, mostLine)
	var m message
	for lines.Scan() {
		timer.Reset(c.silence)
		news, err := m.line(lines.Text())
		if err != nil {
			return &Unreachable{c.server, err}
		}
		if news == (News{}) {
			continue
		}
		if err := hear(news); err != nil {
			return err
		}
	}
	err = lines.Err()
	switch {
	case errors.Is(context.Cause(bounded), quiet):
		err = quiet
	case err == nil:
		err = io.ErrUnexpectedEOF
	}
	return c.unreachable(ctx, err)
}

// message is a server-sent event while its lines come.
type message struct {
	kind string
	data []string
}

// line takes one line, and gives what an empty one completes. Kinds that are not known here are those of a newer server.
func (m *message) line(text string) (News, error) {
	text = strings.TrimSuffix(text, "\r")
	if text != "" {
		field, value, _ := strings.Cut(text, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			m.kind = value
		case "data":
			m.data = append(m.data, value)
		}
		return News{}, nil
	}
	kind, data := m.kind, strings.Join(m.data, "\n")
	*m = message{}
	if data == "" {
		return News{}, nil
	}
	var news News
	var err error
	switch kind {
	case "journal":
		news.Event = new(api.Event)
		err = json.Unmarshal([]byte(data), news.Event)
	case "status":
		news.Status = new(api.Status)
		err = json.Unmarshal([]byte(data), news.Status)
	}
	return news, err
}
