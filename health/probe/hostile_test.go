package probe

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxWaste is how much memory an attempt may cost in all, whatever the peer sends, in bytes. Over TLS most of it is what
// the peer in the same process costs.
const (
	maxWaste    = 512 << 10
	maxWasteTLS = 3 << 20
)

// hostile is a peer that does not behave, and what is to become of a check of it.
type hostile struct {
	name   string
	talk   func(net.Conn) // after the request was read; the connection is closed after it
	reason Reason
	detail string
}

// attack gives each peer's Spec to attempts and holds them to time and memory.
func attack(t *testing.T, peers []hostile, serve func(func(net.Conn)) Spec) {
	t.Helper()
	for _, peer := range peers {
		p := serve(peer.talk)
		p.Match = "ok"
		made, timeout, times := prober(t, p), 5*time.Second, 3
		if peer.reason == ReasonTimeout {
			timeout, times = 50*time.Millisecond, 0 // what it costs to wait is known
		}
		result := try(t, made, timeout) // fills the pools
		name := fmt.Sprintf("%s (%s, HTTP/2 %t)", peer.name, p.Scheme, p.HTTP2)
		wantResult(t, name, result, Fail, peer.reason, peer.detail)
		if !utf8.ValidString(result.Detail) || strings.ContainsFunc(result.Detail, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: the detail is %q", name, result.Detail)
		}
		if strings.Contains(result.Detail, "secret") {
			t.Errorf("%s: the peer is quoted in %q", name, result.Detail)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			try(t, made, timeout)
		}
		runtime.ReadMemStats(&after)
		limit := uint64(maxWaste)
		if p.Scheme == HTTPS {
			limit = maxWasteTLS
		}
		if waste := (after.TotalAlloc - before.TotalAlloc) / uint64(max(times, 1)); waste > limit {
			t.Errorf("%s: an attempt costs %d bytes", name, waste)
		}
	}
}

// sayOnly writes text and goes.
func sayOnly(text string) func(net.Conn) {
	block := []byte(text)
	return func(c net.Conn) { c.Write(block) }
}

// floodWith writes text and then more without end.
func floodWith(text, more string) func(net.Conn) {
	block := []byte(strings.Repeat(more, 1+4096/len(more)))
	return func(c net.Conn) {
		_, err := io.WriteString(c, text)
		for err == nil {
			_, err = c.Write(block)
		}
	}
}

// hangAfter writes text and waits for the peer to go.
func hangAfter(text string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, text)
		io.Copy(io.Discard, c)
	}
}

// dripAfter writes text and then one more byte every few milliseconds.
func dripAfter(text string) func(net.Conn) {
	return func(c net.Conn) {
		ticker := time.NewTicker(3 * time.Millisecond)
		defer ticker.Stop()
		_, err := io.WriteString(c, text)
		for err == nil {
			<-ticker.C
			_, err = io.WriteString(c, "x")
		}
	}
}

// resetAfter writes text and breaks the connection off.
func resetAfter(text string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, text)
		if secured, ok := c.(*tls.Conn); ok {
			c = secured.NetConn() // which must not say goodbye
		}
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

func TestF03_H12_HostilePeers(t *testing.T) {
	const status = "HTTP/1.1 200 OK\r\n"
	bomb := zip(t, strings.Repeat("x", 8<<20))
	a := newAuthority(t)
	peers := []hostile{
		{"closes", sayOnly(""), ReasonReset, ""},
		{"silent", hangAfter(""), ReasonTimeout, "no answer in time"},
		{"half a status line", hangAfter("HTTP/1.1 2"), ReasonTimeout, ""},
		{"drips a status line", dripAfter(""), ReasonTimeout, ""},
		{"drips a header", dripAfter(status + "X: "), ReasonTimeout, ""},
		{"drips a body", dripAfter(status + "\r\n"), ReasonTimeout, ""},
		{"drips zipped", dripAfter(status + "Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x00"), ReasonTimeout, ""},
		{"half a body", hangAfter(status + "Content-Length: 9\r\n\r\nsecret"), ReasonTimeout, ""},
		{"a body without end of the connection", hangAfter(status + "\r\nsecret"), ReasonTimeout, ""},
		{"resets at once", resetAfter(""), ReasonReset, ""},
		{"resets in the status line", resetAfter("HTTP/1.1 2"), ReasonReset, ""},
		{"resets in the header", resetAfter(status + "X: "), ReasonReset, ""},
		{"resets in the body", resetAfter(status + "Content-Length: 9\r\n\r\nsecret"), ReasonReset, ""},
		{"body without end", floodWith(status+"\r\n", "x"), ReasonBody, "first 5120 bytes"},
		{"chunks without end", floodWith(status+"Transfer-Encoding: chunked\r\n\r\n", "5\r\nxxxxx\r\n"), ReasonBody, ""},
		{"chunk without end", floodWith(status+"Transfer-Encoding: chunked\r\n\r\n", "f"), ReasonProtocol, ""},
		{"chunk extensions without end", floodWith(status+"Transfer-Encoding: chunked\r\n\r\n5;", "a=b;"), ReasonProtocol, ""},
		{"trailers without end", floodWith(status+"Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: x\r\n"), ReasonProtocol, ""},
		{"gzip bomb", sayOnly(status + "Content-Encoding: gzip\r\n\r\n" + string(bomb)), ReasonBody, "first 5120 bytes"},
		{"gzip header without end", floodWith(status+"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x00", "x"), ReasonProtocol, ""},
		{"not zipped", sayOnly(status + "Content-Encoding: gzip\r\n\r\nsecret secret"), ReasonProtocol, ""},
		{"headers without end", floodWith(status, "X: x\r\n"), ReasonProtocol, "longer than 16384 bytes"},
		{"header of 1 MB", sayOnly(status + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\nok"), ReasonProtocol, "longer than 16384 bytes"},
		{"status line without end", floodWith("HTTP/1.1 200 ", "x"), ReasonProtocol, "longer than 16384 bytes"},
		{"100 without end", floodWith("", "HTTP/1.1 100 Continue\r\n\r\n"), ReasonProtocol, "too many informational"},
		{"103 without end", floodWith("", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), ReasonProtocol, "too many informational"},
		{"empty lines without end", floodWith("", "\r\n"), ReasonProtocol, ""},
		{"zeros without end", floodWith("", "\x00"), ReasonProtocol, ""},
		{"another protocol", sayOnly("220 secret.example.org ESMTP\r\n"), ReasonProtocol, "not an HTTP answer"},
		{"HTTP/0.9", sayOnly("<html>secret</html>\r\n"), ReasonProtocol, ""},
		{"HTTP/9.9", sayOnly("HTTP/9.9.9 200 secret\r\n\r\n"), ReasonProtocol, ""},
		{"status of letters", sayOnly("HTTP/1.1 2OO OK\r\n\r\n"), ReasonProtocol, ""},
		{"status of 99999", sayOnly("HTTP/1.1 99999 OK\r\n\r\n"), ReasonProtocol, ""},
		{"status of 999", sayOnly("HTTP/1.1 999 OK\r\n\r\n"), ReasonStatus, "status 999"},
		{"invalid UTF-8 in the status line", sayOnly("HTTP/1.1 500 \xff\xfe\x1b[31m\r\n\r\n"), ReasonStatus, "status 500"},
		{"invalid UTF-8 in the header", sayOnly(status + "X: \xff\xfe\r\n\xff: \xfe\r\n\r\n"), ReasonProtocol, ""},
		{"invalid UTF-8 in the body", sayOnly(status + "\r\n\xff\xfe\x1b[31m"), ReasonBody, ""},
		{"bad chunk", sayOnly(status + "Transfer-Encoding: chunked\r\n\r\nsecret\r\n"), ReasonProtocol, ""},
		{"chunk of 2^70", sayOnly(status + "Transfer-Encoding: chunked\r\n\r\n400000000000000000\r\nx"), ReasonProtocol, ""},
		{"unknown coding", sayOnly(status + "Transfer-Encoding: secret\r\n\r\n"), ReasonProtocol, ""},
		{"shorter than it says", sayOnly(status + "Content-Length: 9\r\n\r\nsecret"), ReasonReset, "closed too early"},
		{"length of 2^62", sayOnly(status + "Content-Length: 4611686018427387904\r\n\r\nsecret"), ReasonReset, ""},
		{"negative length", sayOnly(status + "Content-Length: -1\r\n\r\nok"), ReasonProtocol, ""},
		{"two lengths", sayOnly(status + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nok"), ReasonProtocol, ""},
		{"length that cuts it off", sayOnly(status + "Content-Length: 1\r\n\r\nok"), ReasonBody, "first 1 bytes"},
		{"redirects to itself", sayOnly("HTTP/1.1 302 Found\r\nLocation: /healthz\r\n\r\n"), ReasonStatus, "more than 10 redirects"},
		{"redirects elsewhere", sayOnly("HTTP/1.1 302 Found\r\nLocation: http://other.example.org/secret\r\n\r\n"), ReasonStatus, "another host, other.example.org"},
		{"redirects with a long name", sayOnly("HTTP/1.1 302 Found\r\nLocation: http://" + strings.Repeat("a", 9000) + "/\r\n\r\n"), ReasonStatus, "another host, aaa"},
	}
	config := &tls.Config{Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}}
	for _, kind := range []struct{ overTLS, follow bool }{{false, true}, {true, true}, {false, false}} {
		overTLS := kind.overTLS
		peers := peers
		if !kind.follow { // then the request and most answers take a shorter way
			peers = slices.DeleteFunc(slices.Clone(peers), func(p hostile) bool { return strings.HasPrefix(p.name, "redirects") })
		}
		attack(t, peers, func(talk func(net.Conn)) Spec {
			port := listen(t, "127.0.0.1", func(c net.Conn) {
				defer c.Close()
				if overTLS {
					c = tls.Server(c, config)
					defer c.Close()
				}
				if _, err := c.Read(make([]byte, 4096)); err == nil {
					talk(c)
				}
			})
			p := Spec{Scheme: HTTP, Host: "127.0.0.1", Port: port, Path: "/healthz", Method: "GET", Status: "200-299", Follow: kind.follow}
			if overTLS {
				p.Scheme, p.CAFile = HTTPS, a.file
			}
			return p
		})
	}
}

func TestH12_HostilePeersInTheHandshake(t *testing.T) {
	record := "\x16\x03\x03\x40\x00" // a handshake message of 16 KiB
	peers := []hostile{
		{"closes", sayOnly(""), ReasonReset, ""},
		{"silent", hangAfter(""), ReasonTimeout, "tls 127.0.0.1"},
		{"drips", dripAfter("\x16\x03\x03\x00\x7a"), ReasonTimeout, ""},
		{"resets", resetAfter(""), ReasonReset, ""},
		{"resets in a record", resetAfter(record + "\x02"), ReasonReset, ""},
		{"speaks HTTP", sayOnly("HTTP/1.1 400 secret\r\n\r\n"), ReasonTLS, "does not speak TLS"},
		{"garbage", sayOnly(strings.Repeat("secret\xff", 1000)), ReasonTLS, ""},
		{"records without end", floodWith("", record+strings.Repeat("x", 16<<10)), ReasonTLS, ""},
		{"empty records without end", floodWith("", "\x16\x03\x03\x00\x00"), ReasonTLS, ""},
		{"warnings without end", floodWith("", "\x15\x03\x03\x00\x02\x01\x5a"), ReasonTLS, ""},
		{"refuses", sayOnly("\x15\x03\x03\x00\x02\x02\x28"), ReasonTLS, "handshake failure"},
	}
	attack(t, peers, func(talk func(net.Conn)) Spec {
		port := listen(t, "127.0.0.1", func(c net.Conn) {
			defer c.Close()
			if _, err := c.Read(make([]byte, 4096)); err == nil {
				talk(c)
			}
		})
		return Spec{Scheme: HTTPS, Host: "127.0.0.1", Port: port, Path: "/", Method: "GET", Status: "200-299"}
	})
}

// frame is one of HTTP/2 (RFC 9113 section 4.1).
func frame(kind, flags byte, stream uint32, payload string) string {
	n := len(payload)
	return string([]byte{
		byte(n >> 16), byte(n >> 8), byte(n), kind, flags,
		byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream),
	}) + payload
}

// The kinds of frames, and a header that is nothing but status 200.
const (
	frameData, frameHeaders, frameReset, frameSettings, framePush, framePing = 0, 1, 3, 4, 5, 6
	frameGoAway, frameWindow, frameContinuation                              = 7, 8, 9
	endStream, endHeaders                                                    = 1, 4
	status200                                                                = "\x88"
)

// field is a header field in the form of RFC 7541 section 6.2.2.
func field(name, value string) string {
	return "\x00" + string(rune(len(name))) + name + string(rune(len(value))) + value
}

// awaitHeaders reads the preface and the frames up to the request's.
func awaitHeaders(c net.Conn) bool {
	if _, err := io.CopyN(io.Discard, c, 24); err != nil {
		return false
	}
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(c, head); err != nil {
			return false
		}
		if _, err := io.CopyN(io.Discard, c, int64(head[1])<<8|int64(head[2])); err != nil {
			return false
		}
		if head[3] == frameHeaders {
			return true
		}
	}
}

func TestH12_HostilePeersOfHTTP2(t *testing.T) {
	a := newAuthority(t)
	settings, ok := frame(frameSettings, 0, 0, ""), frame(frameHeaders, endHeaders, 1, status200)
	deep := "\x40\x01x\x7f\x81\x1e" + strings.Repeat("x", 4000) // goes to the dynamic table, and is then one byte
	peers := []hostile{
		{"closes", sayOnly(""), ReasonReset, ""},
		{"closes after its settings", sayOnly(settings), ReasonReset, ""},
		{"silent", hangAfter(""), ReasonTimeout, ""},
		{"silent after its settings", hangAfter(settings), ReasonTimeout, ""},
		{"silent after the header", hangAfter(settings + ok), ReasonTimeout, ""},
		{"drips settings", dripAfter("\x00\x30\x00\x04\x00\x00\x00\x00\x00"), ReasonTimeout, ""},
		{"drips a body", dripAfter(settings + ok + "\x00\x40\x00\x00\x00\x00\x00\x00\x01"), ReasonTimeout, ""},
		{"resets", resetAfter(settings), ReasonReset, ""},
		{"resets in the body", resetAfter(settings + ok), ReasonReset, ""},
		{"resets the stream", hangAfter(settings + frame(frameReset, 0, 1, "\x00\x00\x00\x02")), ReasonReset, "broke the exchange off"},
		{"resets the stream in the body", hangAfter(settings + ok + frame(frameReset, 0, 1, "\x00\x00\x00\x02")), ReasonReset, ""},
		{"goes away", sayOnly(settings + frame(frameGoAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x01secret")), ReasonReset, ""},
		{"speaks HTTP/1.1", sayOnly("HTTP/1.1 200 OK\r\n\r\nsecret"), ReasonProtocol, ""},
		{"garbage without end", floodWith(settings, "secret\xff"), ReasonProtocol, ""},
		{"settings without end", floodWith("", settings), ReasonProtocol, "more than 1000 frames"},
		{"pings without end", floodWith(settings, frame(framePing, 0, 0, "12345678")), ReasonProtocol, "longer than"},
		{"windows without end", floodWith(settings, frame(frameWindow, 0, 0, "\x00\x00\x00\x01")), ReasonProtocol, "more than 1000 frames"},
		{"unknown frames without end", floodWith(settings, frame(0xbe, 0, 0, "secret")), ReasonProtocol, "more than 1000 frames"},
		{"continuations without end", floodWith(settings+frame(frameHeaders, 0, 1, status200), frame(frameContinuation, 0, 1, field("x", "x"))), ReasonProtocol, ""},
		{"empty continuations without end", floodWith(settings+frame(frameHeaders, 0, 1, status200), frame(frameContinuation, 0, 1, "")), ReasonProtocol, ""},
		{"header that unpacks", sayOnly(settings + frame(frameHeaders, endHeaders|endStream, 1, status200+deep+strings.Repeat("\xbe", 8000))), ReasonProtocol, "longer than 16384 bytes"},
		{"103 without end", floodWith(settings, frame(frameHeaders, endHeaders, 1, "\x08\x03103")), ReasonProtocol, ""},
		{"pushes", hangAfter(settings + frame(framePush, endHeaders, 1, "\x00\x00\x00\x02"+status200)), ReasonProtocol, ""},
		{"no status", hangAfter(settings + frame(frameHeaders, endHeaders, 1, field("x", "x"))), ReasonProtocol, ""},
		{"status of letters", hangAfter(settings + frame(frameHeaders, endHeaders, 1, "\x08\x03abc")), ReasonProtocol, ""},
		{"invalid UTF-8 in the header", hangAfter(settings + frame(frameHeaders, endHeaders, 1, status200+field("x\xff", "\xfe"))), ReasonProtocol, ""},
		{"bad packing", hangAfter(settings + frame(frameHeaders, endHeaders, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")), ReasonProtocol, ""},
		{"frame of 16 MB", floodWith(settings+"\xff\xff\xff\x00\x00\x00\x00\x00\x01", "x"), ReasonProtocol, ""},
		{"body on no stream", hangAfter(settings + frame(frameData, 0, 0, "secret")), ReasonProtocol, ""},
		{"body before the header", hangAfter(settings + frame(frameData, endStream, 1, "secret")), ReasonProtocol, ""},
		{"body without end", floodWith(settings+ok, frame(frameData, 0, 1, strings.Repeat("x", 1000))), ReasonBody, "first 5120 bytes"},
		{"empty body without end", floodWith(settings+ok, frame(frameData, 0, 1, "")), ReasonProtocol, "more than 1000 frames"},
		{"padding without end", floodWith(settings+ok, frame(frameData, 8, 1, "\xff"+strings.Repeat("\x00", 255))), ReasonBody, "first 0 bytes"},
		{"status 500", hangAfter(settings + frame(frameHeaders, endHeaders, 1, "\x8e")), ReasonStatus, "status 500"},
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{a.issue("127.0.0.1", time.Now().Add(time.Hour))}, NextProtos: []string{"h2"},
	}
	for _, overTLS := range []bool{false, true} {
		attack(t, peers, func(talk func(net.Conn)) Spec {
			port := listen(t, "127.0.0.1", func(c net.Conn) {
				defer c.Close()
				if overTLS {
					c = tls.Server(c, config)
					defer c.Close()
				}
				if !awaitHeaders(c) {
					return
				}
				talk(c)
			})
			p := Spec{Scheme: HTTP, Host: "127.0.0.1", Port: port, Path: "/healthz", Method: http.MethodGet, Status: "200-299", HTTP2: true}
			if overTLS {
				p.Scheme, p.CAFile = HTTPS, a.file
			}
			return p
		})
	}
}
