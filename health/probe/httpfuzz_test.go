package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
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

// FuzzPlainHTTPAnswer holds that an answer is judged the same whether its header is read by parsePlain where that can, or
// always by net/http.
func FuzzPlainHTTPAnswer(f *testing.F) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, seed := range []string{
		"", ok + "\r\nok", ok + "Content-Length: 2\r\n\r\nok", ok + "content-length:\t9 \r\n\r\nok", ok + "Content-Length: 1\r\n\r\nok",
		ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nok", ok + "Content-Length: +2\r\n\r\nok", ok + "Content-Length:\r\n\r\nok",
		ok + "Content-Length: 9223372036854775808\r\n\r\nok", ok + "Content-Length: 4611686018427387904\r\n\r\nok",
		ok + "X: a\r\n b\r\n\r\nok", ok + " X: a\r\n\r\nok", ok + "X : a\r\n\r\nok", ok + ": a\r\n\r\nok", ok + "X\r\n\r\nok", ok + "X: a\r\rb\r\n\r\nok",
		ok + "X: a\n\nok", ok + "X: \x00\r\n\r\nok", ok + "X: \xff\r\n\r\nok", ok + "X: \x7f\r\n\r\nok", ok + "X!: a\r\n\r\nok", ok + "X: a\r\n", ok + "X: a\r\n\r",
		ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ok + "transfer-encoding: x\r\n\r\nok", ok + "Trailer: Te\r\n\r\nok",
		"HTTP/1.0 204 \r\n\r\nok", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200OK\r\n\r\nok", "HTTP/1.1  200 OK\r\n\r\nok",
		"HTTP/1.1 200\r\n\r\nok", "HTTP/1.1 20\r\n\r\nok", "HTTP/1.1 2000\r\n\r\nok", "HTTP/1.1 +20 OK\r\n\r\nok", "HTTP/1.2 200 OK\r\n\r\nok", "http/1.1 200 OK\r\n\r\nok",
		"HTTP/1.1 100 Continue\r\n\r\n" + ok + "\r\nok", "HTTP/1.1 101 Switching Protocols\r\n\r\nok", "HTTP/1.1 099 X\r\n\r\nok",
		ok + "Content-Encoding: gzip\r\n\r\n" + string(zip(f, "all ok")), ok + "Content-Encoding: gzip\r\n\r\nok",
	} {
		f.Add([]byte(seed))
	}
	spec := Spec{Scheme: HTTP, Host: "127.0.0.1", Port: 80, Path: "/", Method: "GET", Status: "200-599", Match: "ok"}
	judging := prober(f, spec).(*httpProber)
	spec.Match, spec.Method = "", "HEAD"
	bodiless := prober(f, spec).(*httpProber)
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, made := range []*httpProber{judging, bodiless} {
			attempt := &httpAttempt{httpProber: made, maxRaw: maxRawBody}
			spec := made.spec()
			plain, plainBody := attempt.hear(t, answer, made.plan.text.request)
			full, fullBody := attempt.hear(t, answer, attempt.firstRequest(&spec))
			if plain != full || plainBody != fullBody {
				t.Errorf("%s %q: %+v, %s; by net/http %+v, %s", spec.Method, answer, plain, plainBody, full, fullBody)
			}
		}
	})
}

// hear judges an answer to request. It also gives what there is of the body, and the error at its end.
func (h *httpAttempt) hear(t *testing.T, answer []byte, request *http.Request) (result Result, body string) {
	t.Helper()
	exchanging := func() *exchange {
		return &exchange{ctx: t.Context(), conn: &answering{answer: bytes.NewReader(answer)}}
	}
	judged, err := h.converse(exchanging(), request, nil) //nolint:bodyclose // there is nothing to close
	if err != nil {
		return classify(t.Context(), "http", err, ReasonProtocol).result(), ""
	}
	result = h.plan.judge(t.Context(), judged)
	whole, err := h.converse(exchanging(), request, nil) //nolint:bodyclose // there is nothing to close
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(whole.Body)
	return result, fmt.Sprintf("%q, %v", all, err)
}
