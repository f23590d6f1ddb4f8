package probe

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// plainHeader is the header of an answer of which nothing but this matters.
type plainHeader struct {
	size   int   // up to the body, in bytes
	status int   // 200 to 999
	length int64 // of the body, as long as the status and the method allow one; -1: it goes up to the connection's end
}

// What is in these fields is for net/http to understand.
var (
	contentEncoding  = []byte("Content-Encoding")
	contentLength    = []byte("Content-Length")
	transferEncoding = []byte("Transfer-Encoding")
	trailer          = []byte("Trailer")
)

// parsePlain reads a header as nearly all are: whole, one field a line, and each line of printable ASCII with CR LF at
// its end. It keeps nothing of the fields, and so makes no garbage. It takes only what http.ReadResponse would take for
// the same; of all else it says false, and leaves it to that to tell whether it is an answer at all.
func parsePlain(text []byte) (plainHeader, bool) {
	const version, code = len("HTTP/1.1"), len("HTTP/1.1 200")
	line, rest, ok := cutLine(text)
	if !ok || len(line) < code || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[version-1]|1 != '1' || line[version] != ' ' {
		return plainHeader{}, false
	}
	status, err := strconv.ParseUint(string(line[version+1:code]), 10, 16)
	if err != nil || status < 200 || len(line) > code && line[code] != ' ' {
		return plainHeader{}, false
	}
	header := plainHeader{status: int(status), length: -1}
	for {
		if line, rest, ok = cutLine(rest); !ok {
			return plainHeader{}, false
		}
		if len(line) == 0 {
			header.size = len(text) - len(rest)
			return header, true
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !isPlainName(name) || !header.take(name, value) {
			return plainHeader{}, false
		}
	}
}

// cutLine gives the first line, if it ends with CR LF and is of printable ASCII.
func cutLine(text []byte) (line, rest []byte, ok bool) {
	for i, c := range text {
		switch {
		case c >= ' ' && c <= '~', c == '\t':
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
			return text[:i], text[i+2:], true
		default:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// isPlainName tells whether it is the name of a field, with none of the characters that are rare in one.
func isPlainName(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(name) > 0
}

// take looks at a field. It gives false for one that the reading of the body depends on, but for a single length.
func (h *plainHeader) take(name, value []byte) bool {
	switch len(name) {
	case len(contentLength):
		if bytes.EqualFold(name, contentLength) {
			length, err := strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 62)
			again := h.length >= 0
			h.length = int64(length)
			return err == nil && !again
		}
	case len(contentEncoding):
		return !bytes.EqualFold(name, contentEncoding)
	case len(transferEncoding):
		return !bytes.EqualFold(name, transferEncoding)
	case len(trailer):
		return !bytes.EqualFold(name, trailer)
	}
	return true
}

// hasBody tells whether an answer may have a body (RFC 9110 section 6.4.1).
func (h *plainHeader) hasBody(method string) bool {
	return method != http.MethodHead && h.status != http.StatusNoContent && h.status != http.StatusNotModified
}

// plain reads an answer whose header is plain and has come already. It gives nil for any other, and leaves it unread.
// The answer has no fields.
func (x *exchange) plain(request *http.Request) *http.Response {
	text, _ := x.reader.Peek(x.reader.Buffered()) // never fails for what is there
	header, ok := parsePlain(text)
	if !ok {
		return nil
	}
	_, _ = x.reader.Discard(header.size)
	if !header.hasBody(request.Method) {
		header.length = 0
	}
	x.rest = header.length
	x.body = (*plainBody)(x)
	x.answer = http.Response{StatusCode: header.status, ContentLength: header.length, Request: request}
	return &x.answer
}

// plainBody is the body of a plain answer, as it came.
type plainBody exchange

func (b *plainBody) Read(p []byte) (int, error) {
	switch {
	case b.rest < 0:
		return b.reader.Read(p)
	case b.rest == 0:
		return 0, io.EOF
	}
	n, err := b.reader.Read(p[:min(int64(len(p)), b.rest)])
	b.rest -= int64(n)
	if b.rest > 0 && errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (*plainBody) Close() error { return nil } // the exchange is closed, not its body
