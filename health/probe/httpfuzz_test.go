package probe

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// answering is a connection whose peer has answered already.
type answering struct {
	net.Conn
	answer *bytes.Reader
	read   int
}

func (a *answering) Read(p []byte) (int, error) {
	n, err := a.answer.Read(p)
	a.read += n
	return n, err
}

func (*answering) Write(p []byte) (int, error)      { return len(p), nil }
func (*answering) SetDeadline(time.Time) error      { return nil }
func (*answering) SetReadDeadline(time.Time) error  { return nil }
func (*answering) SetWriteDeadline(time.Time) error { return nil }
func (*answering) Close() error                     { return nil }

// fuzzAnswer holds what any answer at all may lead to.
func fuzzAnswer(f *testing.F, spec Spec) {
	f.Helper()
	made := prober(f, spec).(*httpProber)
	f.Fuzz(func(t *testing.T, answer []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn := &answering{answer: bytes.NewReader(answer)}
		attempt := &httpAttempt{httpProber: made, maxRaw: maxRawBody}
		x := &exchange{ctx: ctx, conn: conn, release: func() {}}
		request := attempt.firstRequest(&spec)
		response, err := attempt.converse(x, request, nil)
		var result Result
		if err != nil {
			result = classify(ctx, "http", err, ReasonProtocol).result()
		} else {
			if _, err := attempt.redirect(&spec, request, response); err != nil {
				result = classify(ctx, "http", err, ReasonProtocol).result()
			} else {
				result = made.plan.judge(ctx, response)
			}
			x.ended = true // there is nothing to close
			response.Body.Close()
		}
		if x.reader != nil {
			x.reader.Reset(nil)
			readers.Put(x.reader)
		}
		if conn.read > maxHeader+maxRawBody {
			t.Errorf("%d bytes were read", conn.read)
		}
		if result.Outcome == Indeterminate || result.Reason == "" {
			t.Errorf("Got %+v, which is nobody's fault", result)
		}
		if len(result.Detail) > maxDetail || !utf8.ValidString(result.Detail) || strings.ContainsFunc(result.Detail, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("The detail is %q", result.Detail)
		}
	})
}

func FuzzHTTPAnswer(f *testing.F) {
	for _, seed := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 503 \xff\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX: x\r\n\r\n", "<html>ok</html>",
		"HTTP/1.1 302 Found\r\nLocation: http://other.example.org/\r\n\r\n", "HTTP/1.1 307 \r\nLocation: //127.0.0.1:81/a?b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 302 Found\r\nLocation: http://[::1%25\xff]:0/\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + string(zip(f, "all ok")),
	} {
		f.Add([]byte(seed))
	}
	fuzzAnswer(f, Spec{
		Scheme: HTTP, Host: "127.0.0.1", Port: 80, Path: "/", Method: "GET", Status: "200-599", Match: "ok", Follow: true, FollowHosts: "localhost",
	})
}

func FuzzHTTP2Answer(f *testing.F) {
	settings, ok := frame(frameSettings, 0, 0, ""), frame(frameHeaders, endHeaders, 1, status200)
	for _, seed := range []string{
		"", settings, settings + ok + frame(frameData, endStream, 1, "ok"), settings + frame(frameHeaders, endHeaders|endStream, 1, "\x8e"),
		settings + frame(frameHeaders, 0, 1, status200) + frame(frameContinuation, endHeaders, 1, field("x", "x")),
		settings + frame(framePing, 0, 0, "12345678") + frame(frameWindow, 0, 0, "\x00\x00\x00\x01") + ok,
		settings + frame(frameReset, 0, 1, "\x00\x00\x00\x02"), settings + frame(frameGoAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x01"),
		settings + frame(framePush, endHeaders, 1, "\x00\x00\x00\x02"+status200), "HTTP/1.1 200 OK\r\n\r\nok",
		settings + ok + frame(frameData, 8, 1, "\x02ok\x00\x00") + frame(frameHeaders, endHeaders|endStream, 1, field("x", "x")),
	} {
		f.Add([]byte(seed))
	}
	fuzzAnswer(f, Spec{
		Scheme: HTTP, Host: "127.0.0.1", Port: 80, Path: "/", Method: "GET", Status: "200-599", Match: "ok", Follow: true, HTTP2: true,
	})
}
