package probe

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// maxFrames is how many frames are read of an answer. It is less than the bytes allow, since each costs memory.
	maxFrames = 1000
	// maxBody2 is the longest request body over HTTP/2, in bytes: what may be sent before the peer has said how much it
	// takes (RFC 9113 section 6.9.2).
	maxBody2 = 65535
	// maxFrame is the longest frame, in bytes, before the peer has said how long it may be.
	maxFrame = 16 << 10
	// stream is the one that the request is on: the first that a client can open.
	stream = 1
)

// exchange2 is an exchange over HTTP/2. It is also the body of the answer.
//
// It uses the frames of x/net, but neither its client nor that of net/http: their goroutines would have to be kept from
// outliving the attempt, and they log a line for every odd frame, so that a peer could fill the disk.
type exchange2 struct {
	*exchange
	framer  *http2.Framer
	writer  *bufio.Writer
	frames  int
	settled bool   // the peer's settings have come
	begun   bool   // the header has come
	data    []byte // of the body, not read yet
	over    bool   // the answer is complete
	broken  error
}

// doHTTP2 speaks HTTP/2. The bounds are those of HTTP/1.1, frames that are neither header nor body included.
func (x *exchange) doHTTP2(request *http.Request, maxRaw int, phases *Phases) (*http.Response, error) {
	x.left = maxHeader
	x.reader = readers.Get().(*bufio.Reader)
	x.reader.Reset(x)
	y := &exchange2{exchange: x, writer: writers.Get().(*bufio.Writer)}
	y.writer.Reset(x.conn)
	y.framer = http2.NewFramer(y.writer, x.reader)
	y.framer.SetMaxReadFrameSize(maxFrame)
	y.framer.SetReuseFrames()
	y.framer.MaxHeaderListSize = maxHeader
	y.framer.ReadMetaHeaders = hpack.NewDecoder(4<<10, nil)
	if err := y.request(request, uint32(maxHeader+maxRaw)); err != nil {
		y.free()
		return nil, err
	}
	sent := time.Now()
	response, err := y.answer()
	if err != nil {
		y.free()
		return nil, err
	}
	phases.took(&phases.FirstByte, sent)
	x.left = maxRaw
	response.Request, response.Body = request, y
	return response, nil
}

// answer reads up to the end of the header.
func (y *exchange2) answer() (*http.Response, error) {
	for range maxInformational + 1 {
		header, err := y.header()
		if err != nil {
			return nil, err
		}
		code, err := strconv.ParseUint(header.PseudoValue("status"), 10, 16)
		switch {
		case err != nil || code < 100 || code > 999:
			return nil, failure(ReasonProtocol, "http: an answer without a status")
		case header.Truncated:
			return nil, tooLongHeader()
		case code < 200 && !header.StreamEnded():
			continue
		}
		y.begun, y.over = true, header.StreamEnded()
		response := &http.Response{StatusCode: int(code), Header: http.Header{}, Proto: "HTTP/2.0", ProtoMajor: 2}
		for _, f := range header.RegularFields() {
			response.Header.Add(f.Name, f.Value)
		}
		return response, nil
	}
	return nil, failure(ReasonProtocol, "http: too many informational answers")
}

// header reads up to the end of a header.
func (y *exchange2) header() (*http2.MetaHeadersFrame, error) {
	frame, err := y.next()
	if err != nil {
		return nil, err
	}
	header, ok := frame.(*http2.MetaHeadersFrame)
	if !ok {
		return nil, failure(ReasonProtocol, "http: a body without a header")
	}
	return header, nil
}

// next reads up to the next frame of the answer, a header or data, and does what the others ask for.
func (y *exchange2) next() (http2.Frame, error) {
	for y.frames < maxFrames {
		y.frames++
		frame, err := y.framer.ReadFrame()
		if err != nil {
			return nil, y.explain(err)
		}
		settings, ok := frame.(*http2.SettingsFrame)
		if !y.settled && (!ok || settings.IsAck()) {
			return nil, failure(ReasonProtocol, "http: the peer does not speak HTTP/2")
		}
		y.settled = true
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = errors.Join(y.framer.WriteSettingsAck(), y.writer.Flush())
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				err = errors.Join(y.framer.WritePing(true, frame.Data), y.writer.Flush())
			}
		case *http2.GoAwayFrame:
			if frame.ErrCode != http2.ErrCodeNo || frame.LastStreamID < stream {
				err = failure(ReasonReset, "http: the peer broke the exchange off")
			}
		case *http2.RSTStreamFrame:
			err = failure(ReasonReset, "http: the peer broke the exchange off")
		case *http2.PushPromiseFrame:
			err = failure(ReasonProtocol, "http: the peer pushes, which it was told not to")
		case *http2.MetaHeadersFrame, *http2.DataFrame:
			if frame.Header().StreamID != stream {
				err = failure(ReasonProtocol, "http: an answer that nobody asked for")
				break
			}
			return frame, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, failure(ReasonProtocol, fmt.Sprintf("http: more than %d frames", maxFrames))
}

// explain gives what is wrong with a frame that cannot be read.
func (y *exchange2) explain(err error) error {
	switch _, broken := errors.AsType[http2.ConnectionError](err); {
	case errors.Is(y.failed, errTooLong) && !y.begun:
		return tooLongHeader()
	case y.failed != nil:
		return y.failed
	case broken: // a single field that is too long looks the same as one that is malformed
		return failure(ReasonProtocol, fmt.Sprintf("http: not HTTP/2, or the header is longer than %d bytes", maxHeader))
	default:
		return err
	}
}

// Read reads the body.
func (y *exchange2) Read(p []byte) (int, error) {
	for len(y.data) == 0 {
		switch {
		case y.broken != nil:
			return 0, y.broken
		case y.over:
			return 0, io.EOF
		}
		frame, err := y.next()
		switch frame := frame.(type) {
		case *http2.DataFrame:
			y.data, y.over = frame.Data(), frame.StreamEnded()
		case *http2.MetaHeadersFrame: // trailers
			y.over = true
		}
		y.broken = err
	}
	n := copy(p, y.data)
	y.data = y.data[n:]
	return n, nil
}

// Close closes the connection.
func (y *exchange2) Close() error {
	// Over TLS a peer can be told that all has been said, and closes first. Without TLS it would wait for us to, and we
	// would keep the TIME_WAIT.
	_, secured := y.conn.(*tls.Conn)
	good := secured && y.broken == nil && y.failed == nil
	if good && !y.ended {
		_ = errors.Join(y.framer.WriteGoAway(0, http2.ErrCodeNo, nil), y.writer.Flush())
	}
	y.free()
	y.end(good)
	return nil
}

// free gives the writer back.
func (y *exchange2) free() {
	if y.writer != nil {
		y.writer.Reset(nil)
		writers.Put(y.writer)
		y.writer = nil
	}
}
