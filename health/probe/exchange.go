package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
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
	ctx     context.Context
	raw     connection
	conn    net.Conn // raw, or TLS over it
	release func()
	reader  *bufio.Reader
	left    int   // bytes that may still be read
	failed  error // of the last Read, unless that was io.EOF
	body    io.ReadCloser
	ended   bool

	answer http.Response // if it is plain
	rest   int64         // bytes of its body that are still to come; -1: those up to the end of the connection
}

// errTooLong is the end of what is read of an answer.
var errTooLong = errors.New("the answer is too long")

func tooLongHeader() *probeError {
	return failure(ReasonProtocol, fmt.Sprintf("http: the header is longer than %d bytes", maxHeader))
}

// readers and writers are reused, since their buffers are most of an attempt's garbage.
var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 2<<10) }}
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 2<<10) }}
)

// roundTrip asks the target.
func (h *httpAttempt) roundTrip(ctx context.Context, request *http.Request) (*http.Response, error) {
	return h.roundTripTo(ctx, request, &h.endpoint, h.tls)
}

// roundTripTo sends a request over a connection of its own. Closing the answer's body closes the connection.
func (h *httpAttempt) roundTripTo(
	ctx context.Context, request *http.Request, end *endpoint, client *tlsClient,
) (*http.Response, error) {
	raw, err := h.connect(ctx, end)
	if err != nil {
		return nil, err
	}
	x := &exchange{ctx: ctx, raw: raw, conn: raw, release: guard(ctx, raw)}
	response, err := h.converse(x, request, client)
	if err != nil {
		x.end(false)
		return nil, classify(ctx, "http", err, ReasonProtocol)
	}
	return response, nil
}

// converse does all that happens on a connection.
func (h *httpAttempt) converse(x *exchange, request *http.Request, client *tlsClient) (*http.Response, error) {
	over2 := h.plan.http2
	tunnelled := client != nil || over2 // through the proxy, if there is one
	switch {
	case h.proxy != nil && tunnelled:
		if err := h.tunnel(x, request); err != nil {
			return nil, err
		}
	case h.proxy != nil:
		request = absolute(request)
	}
	if client != nil {
		secured, err := client.handshake(x.ctx, x.conn, &h.phases)
		if err != nil {
			return nil, wrongProtocol(err)
		}
		if over2 && secured.ConnectionState().NegotiatedProtocol != alpnHTTP2[0] {
			return nil, failure(ReasonProtocol, "http: the peer does not speak HTTP/2")
		}
		x.conn = secured
	}
	if over2 {
		return x.doHTTP2(request, h.maxRaw, &h.phases)
	}
	response, err := h.ask(x, request)
	if h.proxy != nil && !tunnelled {
		if _, judged := errors.AsType[*probeError](err); err != nil && !judged {
			return nil, proxyFailed(x.ctx, err)
		}
		if err == nil && response.StatusCode == http.StatusProxyAuthRequired {
			return nil, indeterminate(ReasonProxy, "proxy: it asks for a password")
		}
	}
	x.left = h.maxRaw
	return response, err
}

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

// ask speaks HTTP/1.1 with the target. An answer to plan.text may come without its fields.
func (h *httpAttempt) ask(x *exchange, request *http.Request) (*http.Response, error) {
	text := h.plan.text
	if text == nil || request != text.request {
		return x.do(request, &h.phases)
	}
	host := text.host(&h.endpoint)
	if err := x.write(func(w *bufio.Writer) error {
		text.write(w, host)
		return nil
	}); err != nil {
		return nil, err
	}
	return x.receive(request, true, &h.phases)
}

// do speaks HTTP/1.1.
func (x *exchange) do(request *http.Request, phases *Phases) (*http.Response, error) {
	if err := x.write(func(w *bufio.Writer) error { return request.Write(w) }); err != nil {
		return nil, err
	}
	return x.receive(request, false, phases)
}

// receive reads an answer up to the end of its header. The fields may be left out of one that is plain.
func (x *exchange) receive(request *http.Request, plain bool, phases *Phases) (*http.Response, error) {
	sent := time.Now()
	x.reader = readers.Get().(*bufio.Reader)
	x.reader.Reset(x)
	x.left = maxHeader
	if _, err := x.reader.Peek(1); err != nil && x.failed != nil {
		return nil, x.failed
	}
	phases.took(&phases.FirstByte, sent)
	for range maxInformational + 1 {
		if plain {
			if response := x.plain(request); response != nil {
				x.left, response.Body = maxRawBody, (*answerBody)(x)
				return response, nil
			}
		}
		response, err := http.ReadResponse(x.reader, request)
		if err != nil && x.failed != nil {
			err = x.failed // ReadResponse takes half a line for a malformed one, and forgets why it is half
		}
		switch {
		case errors.Is(err, errTooLong):
			return nil, tooLongHeader()
		case err != nil:
			return nil, err
		case response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols:
			continue // an informational answer, which has no body
		}
		x.left = maxRawBody
		x.body, response.Body = response.Body, (*answerBody)(x)
		return response, nil
	}
	return nil, failure(ReasonProtocol, "http: too many informational answers")
}

// write sends what a function writes.
func (x *exchange) write(request func(*bufio.Writer) error) error {
	w := writers.Get().(*bufio.Writer)
	defer func() {
		w.Reset(nil)
		writers.Put(w)
	}()
	w.Reset(x.conn)
	if err := request(w); err != nil {
		return err
	}
	return w.Flush()
}

// end closes the connection; in good order only if nothing went wrong.
func (x *exchange) end(good bool) {
	if x.ended {
		return
	}
	x.ended = true
	if good {
		if secured, ok := x.conn.(*tls.Conn); ok {
			_ = secured.CloseWrite() // only says that we go; whoever does not hear it sees us gone
		}
		finish(x.ctx, x.raw)
	} else {
		abort(x.raw)
	}
	x.release()
	x.freeReader()
}

// freeReader gives the reader back.
func (x *exchange) freeReader() {
	if x.reader != nil {
		x.reader.Reset(nil)
		readers.Put(x.reader)
		x.reader = nil
	}
}

// answerBody is the body of an exchange's answer. Unlike the one of http.ReadResponse its Close does not read the rest.
type answerBody exchange

func (b *answerBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, net.ErrClosed
	}
	return b.body.Read(p)
}

func (b *answerBody) Close() error {
	(*exchange)(b).end(b.failed == nil)
	return nil
}
