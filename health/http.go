package health

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	// userAgent tells the target's operator who is asking.
	userAgent = "coredns-failover (health-check)"
	// maxRedirects is how many redirects are followed; the next one fails.
	maxRedirects = 10
)

// httpProber sends one request over a fresh connection and judges the status, and the body if there is a match
// (statements H06 to H09). It speaks HTTP/1.1 over its own connection and not through http.Transport, which would cost two goroutines and
// a pool of connections for every attempt, and closes connections at a time of its own.
type httpProber struct {
	endpoint *endpoint
	tls      *tlsClient // nil for http
	probe    Probe
	status   StatusCodes
	match    *matcher // nil: the body is not read
}

func newHTTPProber(p Probe, end *endpoint) (*httpProber, error) {
	h := &httpProber{endpoint: end, probe: p}
	var err error
	if h.status, err = ParseStatusCodes(p.Status); err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	if p.Match != "" {
		if h.match, err = newMatcher(p.Match); err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
	}
	if p.Scheme == HTTPS {
		if h.tls, err = newTLSClient(p); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *httpProber) Probe(ctx context.Context) Result {
	request, err := h.request(ctx)
	if err != nil {
		return indeterminate(ReasonInternal, "the request cannot be made").result()
	}
	response, err := h.send(request)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return classify(ctx, "http", err, ReasonProtocol).result()
	}
	verdict := h.judge(ctx, response)
	response.Body.Close()
	return verdict
}

// request is the first request of an attempt.
func (h *httpProber) request(ctx context.Context) (*http.Request, error) {
	address := string(h.probe.Scheme) + "://" + net.JoinHostPort(bareHost(h.probe.Host), strconv.Itoa(int(h.probe.Port))) + h.probe.Path
	request, err := http.NewRequestWithContext(ctx, h.probe.Method, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	if request.Header, err = parseHeaders(h.probe.Headers); err != nil {
		return nil, err
	}
	if _, ok := request.Header["User-Agent"]; !ok {
		request.Header.Set("User-Agent", userAgent)
	}
	if _, ok := request.Header["Accept-Encoding"]; !ok && h.match != nil {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	request.Host = h.probe.hostHeader()
	request.Close = true
	return request, nil
}

// send follows redirects if asked to.
func (h *httpProber) send(request *http.Request) (*http.Response, error) {
	if !h.probe.Follow {
		return h.RoundTrip(request)
	}
	client := http.Client{Transport: h, CheckRedirect: checkRedirect}
	return client.Do(request)
}

// checkRedirect keeps from another host what belongs to the first: http.Client itself withholds only the credentials
// that it knows, and tells the next host the whole URL of the one before as its Referer.
func checkRedirect(next *http.Request, earlier []*http.Request) error {
	if len(earlier) > maxRedirects {
		return failure(ReasonStatus, fmt.Sprintf("http: more than %d redirects", maxRedirects))
	}
	if next.URL.Scheme != "http" && next.URL.Scheme != "https" || next.URL.Host == "" {
		return failure(ReasonProtocol, "http: redirected to something that is not HTTP")
	}
	next.Close = true
	if next.URL.Host != earlier[0].URL.Host {
		for name := range next.Header {
			if name != "User-Agent" && name != "Accept-Encoding" {
				delete(next.Header, name)
			}
		}
	}
	return nil
}

// judge looks at an answer. It does not read more than it needs.
func (h *httpProber) judge(ctx context.Context, response *http.Response) Result {
	code := response.StatusCode
	if !h.status.Contains(code) {
		return failure(ReasonStatus, "status "+strconv.Itoa(code)).result()
	}
	if h.match == nil {
		return Result{Outcome: Pass, Reason: ReasonOK, Detail: "status " + strconv.Itoa(code)}
	}
	body, err := readBody(response)
	if err != nil && !errors.Is(err, errTooLong) {
		return classify(ctx, "http body", err, ReasonProtocol).result()
	}
	if !h.match.match(body) {
		return failure(ReasonBody, fmt.Sprintf("status %d, no match in the first %d bytes of the body", code, len(body))).result()
	}
	return Result{Outcome: Pass, Reason: ReasonOK, Detail: fmt.Sprintf("status %d, body matches", code)}
}

// readBody reads the first maxBody decoded bytes.
func readBody(response *http.Response) ([]byte, error) {
	var decoded io.Reader = response.Body
	if coding := strings.ToLower(response.Header.Get("Content-Encoding")); coding == "gzip" || coding == "x-gzip" {
		unzip, err := gzip.NewReader(response.Body)
		if err != nil {
			return nil, err
		}
		decoded = unzip
	}
	return io.ReadAll(io.LimitReader(decoded, maxBody))
}

// RoundTrip makes http.Client use this prober's connections. Closing the body closes the connection.
func (h *httpProber) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	end, client, err := h.peer(request.URL)
	if err != nil {
		return nil, err
	}
	raw, err := end.connect(ctx)
	if err != nil {
		return nil, err
	}
	x := &exchange{raw: raw, conn: raw, release: guard(ctx, raw)}
	if client != nil {
		secured, err := client.handshake(ctx, raw)
		if err != nil {
			x.end(false)
			return nil, err
		}
		x.conn = secured
	}
	response, err := x.do(request)
	if err != nil {
		x.end(false)
		return nil, classify(ctx, "http", err, ReasonProtocol)
	}
	return response, nil
}

// peer is whom to connect to: the check's own target, or wherever a redirect points.
func (h *httpProber) peer(u *url.URL) (*endpoint, *tlsClient, error) {
	port := u.Port()
	if port == "" {
		port = defaultPort(Scheme(u.Scheme))
	}
	host := u.Hostname()
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 || host == "" {
		return nil, nil, failure(ReasonProtocol, "http: redirected to something that is not HTTP")
	}
	end := h.endpoint
	own := host == bareHost(h.probe.Host)
	if !own || uint16(number) != h.probe.Port {
		end = newEndpoint(host, uint16(number), h.probe.Source, h.endpoint.network)
		if own {
			end.host, end.addr = h.endpoint.host, h.endpoint.addr // with the zone of a link-local address
		}
	}
	switch {
	case u.Scheme != string(HTTPS):
		return end, nil, nil
	case own && h.tls != nil:
		return end, h.tls, nil
	case h.tls != nil:
		return end, h.tls.elsewhere(host), nil
	default:
		return end, &tlsClient{serverName: host, protocols: []string{"http/1.1"}}, nil
	}
}
