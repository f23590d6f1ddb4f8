package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// streams answers with a stream of the text.
func streams(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, text)
	}
}

func TestStream(t *testing.T) {
	const text = ": hello\n\nretry: 1000\n\n" +
		"event: journal\nid: 3\ndata: {\"seq\":3,\ndata: \"kind\":\"manual\"}\n\n" +
		"event: later\ndata: what a newer server says\n\n" +
		"data: no kind\n\n" +
		"event:status\r\ndata:{\"event\":3,\"odd\":1}\r\n\r\n" +
		"event: journal\ndata: {\"seq\":4}\n" // not complete
	c := serve(t, Options{}, streams(text))
	var got []string
	err := c.Stream(t.Context(), 2, func(n News) error {
		if n.Event != nil {
			got = append(got, fmt.Sprintf("%s %d", n.Event.Kind, n.Event.Seq))
		}
		if n.Status != nil {
			got = append(got, fmt.Sprintf("status %d", n.Status.Event))
		}
		return nil
	})
	if _, is := errors.AsType[*Unreachable](err); !is || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("Expected the end of the stream to be an error, got %v", err)
	}
	if want := []string{"manual 3", "status 3"}; !slices.Equal(got, want) {
		t.Errorf("Expected %q, got %q", want, got)
	}
}

func TestStreamEnds(t *testing.T) {
	enough := errors.New("enough")
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"by who hears", streams("event: status\ndata: {}\n\n"), "enough"},
		{"no JSON", streams("event: status\ndata: {\n\n"), "unexpected end of JSON"},
		{"no stream", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, 1) }, "no stream"},
		{"long line", streams("data: " + strings.Repeat("x", mostLine+1)), "too long"},
		{"silence", func(w http.ResponseWriter, r *http.Request) {
			streams(": hello\n\n")(w, r)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "said nothing for a while"},
		{"no beginning", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer in time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := serve(t, Options{Timeout: 200 * time.Millisecond}, tc.handler)
			c.silence = 200 * time.Millisecond
			err := c.Stream(t.Context(), 0, func(News) error { return enough })
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Expected %q, got %v", tc.want, err)
			}
		})
	}
}

func TestStreamEndsWithContext(t *testing.T) {
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		streams("event: status\ndata: {}\n\n")(w, r)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Stream(ctx, 0, func(News) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Expected the error of the context, got %v", err)
	}
}
