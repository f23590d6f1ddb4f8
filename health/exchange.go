package health

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

const (
	// maxHeader bounds what is read up to the end of the header, in bytes, informational answers included.
	maxHeader = 16 << 10
	// maxRawBody bounds what is read to decode maxBody bytes, in bytes. One-byte chunks need six times as much.
	maxRawBody = 64 << 10
	// maxInformational is how many answers with a status of 1xx may come before the real one.
	maxInformational = 5
)

// exchange is one request and its answer on one connection.
type exchange struct {
	raw     *net.TCPConn
	conn    net.Conn // raw, or TLS over it
	release func()
	reader  *bufio.Reader
	left    int   // bytes that may still be read
	failed  error // of the last Read, unless that was io.EOF
	body    io.ReadCloser
	ended   bool
}

// errTooLong is the end of what is read of an answer.
var errTooLong = errors.New("the answer is too long")

// readers are reused, since a reader's buffer is most of an attempt's garbage.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 2<<10) }}

// Read bounds what a peer can make us read.
func (x *exchange) Read(p []byte) (int, error) {
	if x.left <= 0 {
		x.failed = errTooLong
		return 0, errTooLong
	}
	n, err := x.conn.Read(p[:min(len(p), x.left)])
	x.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		x.failed = err
	}
	return n, err
}

func (x *exchange) do(request *http.Request) (*http.Response, error) {
	if err := request.Write(x.conn); err != nil {
		return nil, err
	}
	x.reader = readers.Get().(*bufio.Reader)
	x.reader.Reset(x)
	x.left = maxHeader
	for range maxInformational + 1 {
		response, err := http.ReadResponse(x.reader, request)
		if err != nil && x.failed != nil {
			err = x.failed // ReadResponse takes half a line for a malformed one, and forgets why it is half
		}
		switch {
		case errors.Is(err, errTooLong):
			return nil, failure(ReasonProtocol, fmt.Sprintf("http: the header is longer than %d bytes", maxHeader))
		case err != nil:
			return nil, err
		case response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols:
			continue // an informational answer, which has no body
		}
		x.left = maxRawBody
		x.body, response.Body = response.Body, &answerBody{x}
		return response, nil
	}
	return nil, failure(ReasonProtocol, "http: too many informational answers")
}

// end closes the connection; in good order only if nothing went wrong.
func (x *exchange) end(good bool) {
	if x.ended {
		return
	}
	x.ended = true
	x.release()
	if good {
		x.conn.Close()
	} else {
		abort(x.raw)
	}
	if x.reader != nil {
		x.reader.Reset(nil)
		readers.Put(x.reader)
		x.reader = nil
	}
}

// answerBody is the body of an exchange's answer. Unlike the one of http.ReadResponse its Close does not read the rest.
type answerBody struct{ *exchange }

func (b *answerBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, net.ErrClosed
	}
	return b.body.Read(p)
}

func (b *answerBody) Close() error {
	b.end(true)
	return nil
}
