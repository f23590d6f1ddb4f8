package probe

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func zip(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestH07_MatchInTheDecodedBody(t *testing.T) {
	pad := strings.Repeat("x", maxBody-2)
	for _, c := range []struct {
		name, match, body string
		coding            string
		outcome           Outcome
		reason            Reason
	}{
		{"plain", "ok", "all ok", "", Pass, ReasonOK},
		{"expression", "st.tus: (up|ok)", "status: up", "", Pass, ReasonOK},
		{"absent", "ok", "secret", "", Fail, ReasonBody},
		{"empty", "ok", "", "", Fail, ReasonBody},
		{"at the limit", "ok", pad + "ok", "", Pass, ReasonOK},
		{"past the limit", "ok", pad + "xok", "", Fail, ReasonBody},
		{"gzip", "ok", "all ok", "gzip", Pass, ReasonOK},
		{"x-gzip", "ok", "all ok", "X-GZIP", Pass, ReasonOK},
		{"gzip at the limit", "ok", pad + "ok", "gzip", Pass, ReasonOK},
		{"gzip past the limit", "ok", pad + "xok", "gzip", Fail, ReasonBody},
		{"gzip bomb", "ok", strings.Repeat("x", 8<<20), "gzip", Fail, ReasonBody},
		{"nothing, and that as gzip", "ok", "", "broken", Fail, ReasonBody},
		{"not gzip", "ok", "all ok, but not compressed", "broken", Fail, ReasonProtocol},
	} {
		body := []byte(c.body)
		if strings.Contains(strings.ToLower(c.coding), "gzip") {
			body = zip(t, c.body)
		}
		p := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Errorf("Accept-Encoding is %q", r.Header.Get("Accept-Encoding"))
			}
			if coding := strings.Replace(c.coding, "broken", "gzip", 1); coding != "" {
				w.Header().Set("Content-Encoding", coding)
			}
			w.Write(body)
		})
		p.Match = c.match
		got := try(t, prober(t, p), 2*time.Second)
		wantResult(t, c.name, got, c.outcome, c.reason, "")
		if strings.Contains(got.Detail, "secret") {
			t.Errorf("%s: the body is in the detail", c.name)
		}
	}
}

func TestH07_NoMoreThanNeededIsRead(t *testing.T) {
	written := make(chan int, 1)
	endless := func(c net.Conn) {
		block, sum := bytes.Repeat([]byte("x"), 4096), 0
		for {
			n, err := c.Write(block)
			if sum += n; err != nil {
				written <- sum
				return
			}
		}
	}
	p := serveRaw(t, "HTTP/1.1 200 OK\r\n\r\n", endless)
	p.Match = "ok"
	wantResult(t, "endless body", try(t, prober(t, p), 2*time.Second), Fail, ReasonBody, "first 5120 bytes")
	<-written // the connection was closed
	p.Match = ""
	wantResult(t, "endless body, not read", try(t, prober(t, p), 2*time.Second), Pass, ReasonOK, "")
	<-written
	// One byte a chunk, until the raw bytes run out.
	p = serveRaw(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1;"+strings.Repeat("e", 100)+"\r\nx\r\n", 2000), nil)
	p.Match = "ok"
	wantResult(t, "costly chunks", try(t, prober(t, p), 2*time.Second), Fail, ReasonProtocol, "")
}
