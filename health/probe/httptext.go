package probe

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
)

// requestText is a request as it is sent, made once for all checks that differ in nothing but their endpoint. What does
// differ is the Host field. It is immutable.
type requestText struct {
	name    string // what every endpoint is asked as; empty: each as what it is
	scheme  Scheme
	before  []byte // up to the value of the Host field
	after   []byte
	request *http.Request // what its answer is read as the answer to
}

// newRequestText has net/http write the request that s makes of every endpoint. It gives nil if that may be another one
// at the next attempt, is followed by further ones, or is not sent to the endpoint as it stands.
func (p *httpPlan) newRequestText(s Spec) *requestText {
	if s.Scheme != HTTP && s.Scheme != HTTPS || s.HTTP2 || s.Follow || s.Proxy != "" || len(p.secrets) > 0 {
		return nil
	}
	name := s.hostName()
	if name == "" {
		s.Host = "192.0.2.1" // any will do
	}
	host := s.hostHeader()
	u := p.path
	t := &requestText{
		name: name, scheme: s.Scheme, request: newRequest(s.Method, &u, host, p.header, s.Body),
	}
	var all bytes.Buffer
	if t.request.Write(&all) != nil {
		return nil // the attempt will tell
	}
	const field = "\r\nHost: "
	before, after, ok := bytes.Cut(all.Bytes(), []byte(field+host+"\r\n"))
	if !ok {
		return nil // net/http writes another host, or none
	}
	t.before = append(slices.Clip(before), field...)
	t.after = append([]byte("\r\n"), after...)
	return t
}

// host is the Host field for an endpoint, as Spec.hostHeader gives it.
func (t *requestText) host(e *endpoint) string {
	name := t.name
	if name == "" {
		name = bareHost(e.host)
	}
	return hostField(name, t.scheme, e.port)
}

// write writes the request to the endpoint that has this Host field.
func (t *requestText) write(w *bufio.Writer, host string) {
	w.Write(t.before) // what a bufio.Writer finds out it tells at the end
	w.WriteString(host)
	w.Write(t.after)
}
