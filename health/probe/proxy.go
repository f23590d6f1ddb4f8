package probe

import (
	"context"
	"net"
	"net/http"
	"net/url"
)

// connect opens a connection to end, or to the proxy. What keeps us from the proxy says nothing of the target.
func (h *httpAttempt) connect(ctx context.Context, end *endpoint) (connection, error) {
	if h.proxy == nil {
		return end.connect(ctx, &h.phases)
	}
	raw, err := h.proxy.connect(ctx, &h.phases)
	if err == nil {
		return raw, nil
	}
	verdict := classify(ctx, "connect", err, ReasonInternal)
	if verdict.outcome == Fail {
		return nil, indeterminate(ReasonProxy, "proxy: "+verdict.detail)
	}
	return nil, verdict
}

// absolute is the request in the form for a proxy (RFC 9112 section 3.2.2). It names the target itself; what the target
// is to be asked as is in the Host field, which many proxies hand on and some replace.
func absolute(request *http.Request) *http.Request {
	u := *request.URL
	u.Opaque = "//" + u.Host + u.EscapedPath()
	through := *request
	through.URL = &u
	return &through
}

// tunnel has the proxy connect to the request's target. From then on x.conn leads there.
func (h *httpAttempt) tunnel(x *exchange, request *http.Request) error {
	target := net.JoinHostPort(request.URL.Hostname(), portOf(request.URL))
	header := http.Header{"User-Agent": request.Header["User-Agent"]}
	if credentials := request.Header["Proxy-Authorization"]; credentials != nil {
		header["Proxy-Authorization"] = credentials
		request.Header = request.Header.Clone()
		request.Header.Del("Proxy-Authorization") // the target has no business with it
	}
	ask := newRequest(http.MethodConnect, &url.URL{Host: target}, target, header, "")
	ask.Close = false
	var phases Phases                 // what the proxy takes is not what the target takes
	answer, err := x.do(ask, &phases) //nolint:bodyclose // the exchange goes on with the target
	if err != nil {
		return proxyFailed(x.ctx, err)
	}
	switch code := answer.StatusCode; {
	case code >= 200 && code <= 299:
		if x.reader.Buffered() > 0 {
			return indeterminate(ReasonProxy, "proxy: it speaks before the target was asked")
		}
	case code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		return failure(ReasonUnreachable, "the proxy does not reach the target: "+http.StatusText(code))
	default:
		return indeterminate(ReasonProxy, "proxy: status "+answer.Status[:min(3, len(answer.Status))])
	}
	x.freeReader()
	x.conn = &tunnelled{x.raw, target}
	return nil
}

// proxyFailed is the verdict on a proxy that gives no answer. Silence is most likely that of the target, which the proxy
// waits for. All else is about the proxy, since one that cannot have the target's answer gives one of its own.
func proxyFailed(ctx context.Context, err error) error {
	verdict := classify(ctx, "proxy", err, ReasonProtocol)
	if verdict.outcome == Fail && verdict.reason != ReasonTimeout {
		return indeterminate(ReasonProxy, verdict.detail)
	}
	return verdict
}

// tunnelled is a connection through a proxy. It has the target's address, since that is what errors are about.
type tunnelled struct {
	connection
	target string
}

func (t *tunnelled) RemoteAddr() net.Addr { return tunnelAddr(t.target) }

type tunnelAddr string

func (tunnelAddr) Network() string  { return "tcp" }
func (a tunnelAddr) String() string { return string(a) }
