package probe

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// packed is a header as it is in a frame.
func packed(pairs ...string) []byte {
	var block bytes.Buffer
	pack := hpack.NewEncoder(&block)
	for i := 0; i < len(pairs); i += 2 {
		_ = pack.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return block.Bytes()
}

// TestHTTP2OddAnswers is of answers that are seldom seen, and what RFC 9113 makes of them.
func TestHTTP2OddAnswers(t *testing.T) {
	ok := packed(":status", "200", "content-type", "text/plain")
	header := func(f *http2.Framer, end bool) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: ok, EndHeaders: true, EndStream: end})
	}
	for name, c := range map[string]struct {
		answer  func(*http2.Framer)
		outcome Outcome
		reason  Reason
	}{
		"padding": {func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: ok, EndHeaders: true, PadLength: 200})
			_ = f.WriteDataPadded(1, true, []byte("ok"), make([]byte, 255))
		}, Pass, ReasonOK},
		"continuation": {func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: ok[:1]})
			_ = f.WriteContinuation(1, false, ok[1:3])
			_ = f.WriteContinuation(1, false, nil)
			_ = f.WriteContinuation(1, true, ok[3:])
			_ = f.WriteData(1, true, []byte("ok"))
		}, Pass, ReasonOK},
		"informational": {func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: packed(":status", "103"), EndHeaders: true})
			header(f, false)
			_ = f.WriteData(1, true, []byte("ok"))
		}, Pass, ReasonOK},
		"trailers": {func(f *http2.Framer) {
			header(f, false)
			_ = f.WriteData(1, false, []byte("o"))
			_ = f.WriteData(1, false, nil)
			_ = f.WriteData(1, false, []byte("k"))
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: packed("x", "y"), EndHeaders: true, EndStream: true})
		}, Pass, ReasonOK},
		"frames of no concern": {func(f *http2.Framer) {
			_ = f.WritePing(false, [8]byte{1})
			_ = f.WriteWindowUpdate(0, 1000)
			_ = f.WriteRawFrame(0xbb, 0, 0, []byte("grease"))
			_ = f.WriteSettings(http2.Setting{ID: 0x0a0a, Val: 1}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
			header(f, false)
			_ = f.WriteWindowUpdate(1, 1000)
			_ = f.WritePriority(1, http2.PriorityParam{Weight: 3})
			_ = f.WriteData(1, true, []byte("ok"))
		}, Pass, ReasonOK},
		"going away in good order": {func(f *http2.Framer) {
			_ = f.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil)
			header(f, false)
			_ = f.WriteGoAway(1, http2.ErrCodeNo, []byte("canary"))
			_ = f.WriteData(1, true, []byte("ok"))
		}, Pass, ReasonOK},
		"reset once all is said": {func(f *http2.Framer) {
			header(f, false)
			_ = f.WriteData(1, true, []byte("ok"))
			_ = f.WriteRSTStream(1, http2.ErrCodeNo)
		}, Pass, ReasonOK},
		"no body":                {func(f *http2.Framer) { header(f, true) }, Fail, ReasonBody},
		"gone before the answer": {func(f *http2.Framer) { _ = f.WriteGoAway(0, http2.ErrCodeNo, nil) }, Fail, ReasonReset},
		"refused":                {func(f *http2.Framer) { _ = f.WriteRSTStream(1, http2.ErrCodeRefusedStream) }, Fail, ReasonReset},
		"another stream": {func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: ok, EndHeaders: true, EndStream: true})
		}, Fail, ReasonProtocol},
		"a field in capitals": {func(f *http2.Framer) {
			block := packed(":status", "200", "X-Canary", "x")
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
		}, Fail, ReasonProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			port := listen(t, "127.0.0.1", func(conn net.Conn) {
				defer conn.Close()
				if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
					return
				}
				f := http2.NewFramer(conn, conn)
				_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
				c.answer(f)
				_, _ = io.Copy(io.Discard, conn)
			})
			p := Spec{
				Scheme: HTTP, Host: "127.0.0.1", Port: port, Path: "/", Method: "POST", Body: strings.Repeat("x", 100),
				Status: "200-399", Match: "^ok$", HTTP2: true,
			}
			got := try(t, prober(t, p), 2*time.Second)
			wantResult(t, name, got, c.outcome, c.reason, "")
			if strings.Contains(strings.ToLower(got.Detail), "canary") {
				t.Errorf("The peer is quoted in %q", got.Detail)
			}
		})
	}
}
