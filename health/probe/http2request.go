package probe

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

var (
	alpnHTTP1 = []string{"http/1.1"}
	alpnHTTP2 = []string{http2.NextProtoTLS}
)

// alpn is what a handshake offers to speak; nil for nothing in particular.
func (s Spec) alpn() []string {
	switch {
	case s.HTTP2, s.Scheme == GRPCS:
		return alpnHTTP2
	case s.Scheme == HTTPS:
		return alpnHTTP1
	default:
		return nil
	}
}

// wrongProtocol tells a peer that speaks TLS but not what we want to speak over it.
func wrongProtocol(err error) error {
	verdict, ok := errors.AsType[*probeError](err)
	const noApplicationProtocol = tls.AlertError(120) // RFC 7301 section 3.2
	if ok && verdict.reason == ReasonTLS && strings.HasSuffix(verdict.detail, noApplicationProtocol.Error()) {
		return failure(ReasonProtocol, "http: the peer does not speak HTTP/2")
	}
	return err
}

// request sends everything up to the end of the request. The window is how much the peer may send: a little more than
// we read, so that it never waits for us to allow more.
func (y *exchange2) request(request *http.Request, window uint32) error {
	io.WriteString(y.writer, http2.ClientPreface) // what a bufio.Writer finds out it tells at the end
	block := fields(request)
	err := errors.Join(
		y.framer.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: window},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHeader},
		),
		y.framer.WriteWindowUpdate(0, window),
		y.framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: stream, BlockFragment: block[:min(len(block), maxFrame)],
			EndHeaders: len(block) <= maxFrame, EndStream: request.ContentLength == 0,
		}),
	)
	for len(block) > maxFrame && err == nil {
		block = block[maxFrame:]
		err = y.framer.WriteContinuation(stream, len(block) <= maxFrame, block[:min(len(block), maxFrame)])
	}
	for left := request.ContentLength; left > 0 && err == nil; {
		piece := make([]byte, min(left, maxFrame))
		if _, err = io.ReadFull(request.Body, piece); err == nil {
			left -= int64(len(piece))
			err = y.framer.WriteData(stream, left == 0, piece)
		}
	}
	if err != nil {
		return err
	}
	return y.writer.Flush()
}

// fields packs the request's header (RFC 9113 section 8.3.1).
func fields(request *http.Request) []byte {
	var block bytes.Buffer
	pack := hpack.NewEncoder(&block)
	field := func(name, value string) { _ = pack.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	field(":method", request.Method)
	field(":scheme", request.URL.Scheme)
	field(":authority", request.Host)
	field(":path", request.URL.RequestURI())
	for name, values := range request.Header {
		for _, value := range values {
			field(strings.ToLower(name), value)
		}
	}
	if request.ContentLength > 0 {
		field("content-length", strconv.FormatInt(request.ContentLength, 10))
	}
	return block.Bytes()
}
