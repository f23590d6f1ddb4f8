package probe

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unique"
)

// userAgent tells the target's operator who is asking.
const userAgent = "coredns-failover (health-check)"

// httpProber sends one request over a fresh connection and judges the status, and the body if there is a match
// (statements H06 to H09). It speaks over its own connection and not through http.Transport, which would cost two
// goroutines and a pool of connections for every attempt, and closes connections at a time of its own.
type httpProber struct {
	endpoint endpoint
	tls      *tlsClient // nil for http
	proxy    *endpoint  // nil: none
	plan     *httpPlan
}

// httpPlan is what all checks have in common that differ in nothing but their endpoint. It is immutable.
type httpPlan struct {
	spec    unique.Handle[Spec] // without Host and Port
	status  StatusCodes
	match   *matcher // nil: the body is not read
	path    url.URL  // of the first request; its path and query only
	header  http.Header
	secrets []headerFile
	http2   bool
	text    *requestText // nil: the request is made anew for every attempt
}

var httpPlans shared[unique.Handle[Spec], httpPlan]

func newHTTPProber(s Spec, n *network) (Prober, error) {
	h := &httpProber{}
	return h, h.init(s, n)
}

func (h *httpProber) init(s Spec, n *network) (err error) {
	h.endpoint = newEndpoint(s, n)
	if h.plan, err = planFor(s); err != nil {
		return err
	}
	if s.Proxy != "" {
		via := s
		if via.Host, via.Port, err = parseProxy(s.Proxy); err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
		proxy := newEndpoint(via, n)
		h.proxy = &proxy
	}
	if s.Scheme == HTTPS {
		if h.tls, err = newTLSClient(s); err != nil {
			return err
		}
	} else if s.Follow {
		_, _ = x509.SystemCertPool() // a redirect may lead to https: see newTLSSettings
	}
	return nil
}

func planFor(s Spec) (*httpPlan, error) {
	key := s.ID().rest
	plan, err := httpPlans.get(key, func() (*httpPlan, error) { return newPlan(key) })
	if err != nil || len(plan.secrets) == 0 {
		return plan, err
	}
	_, err = newHeaderFiles(s.HeaderFiles) // what has become of the files since tells whoever makes a new check
	return plan, err
}

func newPlan(key unique.Handle[Spec]) (*httpPlan, error) {
	s := key.Value()
	p := &httpPlan{spec: key, http2: s.HTTP2}
	var err error
	if p.status, err = ParseStatusCodes(s.Status); err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	if s.Match != "" {
		if p.match, err = newMatcher(s.Match); err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
	}
	path, err := url.ParseRequestURI(s.Path)
	if err != nil {
		return nil, errors.New("path: it cannot be in a URL")
	}
	p.path = url.URL{Path: path.Path, RawPath: path.RawPath, RawQuery: path.RawQuery, ForceQuery: path.ForceQuery}
	if p.header, err = parseHeaders(s.Headers); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if _, ok := p.header["User-Agent"]; !ok {
		p.header.Set("User-Agent", userAgent)
	}
	if _, ok := p.header["Accept-Encoding"]; !ok && s.Match != "" {
		p.header.Set("Accept-Encoding", "gzip")
	}
	if p.secrets, err = newHeaderFiles(s.HeaderFiles); err != nil {
		return nil, err
	}
	p.text = p.newRequestText(s)
	return p, nil
}

// spec is the Spec that the prober was made for.
func (h *httpProber) spec() Spec {
	return h.endpoint.spec(h.plan.spec)
}

func (h *httpProber) Probe(ctx context.Context) (result Result) {
	began := time.Now()
	attempt := &httpAttempt{httpProber: h, maxRaw: maxRawBody}
	defer func() { result.Phases = attempt.phases }()
	response, err := attempt.do(ctx)
	if err != nil {
		return classify(ctx, "http", err, ReasonProtocol).result()
	}
	defer response.Body.Close()
	result = h.plan.judge(ctx, response)
	result.Duration = time.Since(began) // without the wait for the peer to close
	return result
}

// httpAttempt is one attempt of a prober.
type httpAttempt struct {
	*httpProber
	phases Phases
	maxRaw int // how much may be read of a body, in bytes, before it is decoded
}

// do gives the answer, after all redirects that are to be followed. Closing its body ends the connection.
func (h *httpAttempt) do(ctx context.Context) (*http.Response, error) {
	if text := h.plan.text; text != nil {
		return h.roundTrip(ctx, text.request)
	}
	spec := h.spec()
	request := h.firstRequest(&spec)
	end, client := &h.endpoint, h.tls
	for redirects := 0; ; redirects++ {
		response, err := h.roundTripTo(ctx, request, end, client)
		if err != nil || !spec.Follow {
			return response, err
		}
		next, err := h.redirect(&spec, request, response)
		switch {
		case err == nil && next == nil:
			return response, nil
		case err == nil && redirects == maxRedirects:
			err = failure(ReasonStatus, fmt.Sprintf("http: more than %d redirects", maxRedirects))
		}
		response.Body.Close()
		if err == nil {
			request = next
			end, client, err = h.peer(&spec, next.URL)
		}
		if err != nil {
			return nil, err
		}
	}
}

// firstRequest is the request to the target itself.
func (h *httpAttempt) firstRequest(spec *Spec) *http.Request {
	u := h.plan.path
	u.Scheme = string(spec.Scheme)
	u.Host = net.JoinHostPort(bareHost(spec.Host), strconv.Itoa(int(spec.Port)))
	return newRequest(spec.Method, &u, spec.hostHeader(), withFiles(h.plan.header, h.plan.secrets), spec.Body)
}

// newRequest makes a request that is the only one of its connection.
func newRequest(method string, u *url.URL, host string, header http.Header, body string) *http.Request {
	request := &http.Request{
		Method: method, URL: u, Host: host, Header: header, Body: http.NoBody, Close: true,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body != "" {
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return request
}

// judge looks at an answer. It does not read more than it needs.
func (p *httpPlan) judge(ctx context.Context, response *http.Response) Result {
	code := response.StatusCode
	if !p.status.Contains(code) {
		return failure(ReasonStatus, "status "+strconv.Itoa(code)).result()
	}
	if p.match == nil {
		return Result{Outcome: Pass, Reason: ReasonOK, Detail: passDetails()[code].status}
	}
	window := windows.Get().(*[maxBody]byte)
	defer windows.Put(window)
	body, err := readBody(response, maxBody, window[:])
	if err != nil && !errors.Is(err, errTooLong) {
		return classify(ctx, "http body", err, ReasonProtocol).result()
	}
	if !p.match.match(body) {
		missing := fmt.Sprintf("status %d, no match in the first %d bytes of the body", code, len(body))
		return failure(ReasonBody, missing).result()
	}
	return Result{Outcome: Pass, Reason: ReasonOK, Detail: passDetails()[code].match}
}

// passDetails gives the details of passes, by status. Every check's last result is kept, so they are made but once.
var passDetails = sync.OnceValue(func() *[1000]struct{ status, match string } {
	var all [1000]struct{ status, match string }
	for code := range all {
		all[code].match = fmt.Sprintf("status %d, body matches", code)
		all[code].status, _, _ = strings.Cut(all[code].match, ",")
	}
	return &all
})

// unzippers are reused: each has a window of 32 KiB.
var unzippers sync.Pool

// readBody reads the first limit decoded bytes, into space as far as that goes.
func readBody(response *http.Response, limit int64, space []byte) ([]byte, error) {
	body := bytes.NewBuffer(space[:0])
	coding := strings.ToLower(response.Header.Get("Content-Encoding"))
	if coding != "gzip" && coding != "x-gzip" {
		_, err := body.ReadFrom(io.LimitReader(response.Body, limit))
		return body.Bytes(), err
	}
	unzip, ok := unzippers.Get().(*gzip.Reader)
	if !ok {
		unzip = new(gzip.Reader)
	}
	defer unzippers.Put(unzip)
	switch err := unzip.Reset(response.Body); {
	case errors.Is(err, io.EOF): // there is no body, so there is nothing to decode
		return nil, nil
	case err != nil:
		return nil, err
	}
	_, err := body.ReadFrom(io.LimitReader(unzip, limit))
	return body.Bytes(), err
}
