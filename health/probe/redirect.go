package probe

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxRedirects is how many redirects are followed; the next one fails.
const maxRedirects = 10

// redirect gives the request that follows an answer, or nil if that is no redirect. An endpoint decides where to
// redirect to, so it must not be able to send us anywhere: only to its own host, whatever the port, and to hosts that
// the operator has named.
func (h *httpAttempt) redirect(spec *Spec, request *http.Request, response *http.Response) (*http.Request, error) {
	location := response.Header.Get("Location")
	method, body := request.Method, spec.Body
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		// RFC 9110 section 15.4: everybody goes on with GET here.
		if body = ""; method != http.MethodHead {
			method = http.MethodGet
		}
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if request.ContentLength == 0 {
			body = "" // a redirect before this one has dropped it
		}
	default:
		return nil, nil
	}
	if location == "" {
		return nil, nil
	}
	u, err := request.URL.Parse(location)
	if err != nil || u.Scheme != string(HTTP) && u.Scheme != string(HTTPS) || u.Hostname() == "" {
		return nil, failure(ReasonProtocol, "http: redirected to something that is not HTTP")
	}
	u.User = nil // what an endpoint says is no secret of ours to tell
	own := isOwn(spec, u.Hostname())
	if !own && !isNamed(spec.FollowHosts, u.Hostname()) {
		return nil, failure(ReasonStatus, "redirected to another host, "+u.Hostname())
	}
	host := u.Host
	if u.Host == request.URL.Host {
		if relative, err := url.Parse(location); err == nil && relative.Host == "" {
			host = request.Host
		}
	}
	header := h.plan.header
	if own && u.Scheme == string(spec.Scheme) && portOf(u) == strconv.Itoa(int(spec.Port)) {
		header = withFiles(header, h.plan.secrets)
	} else {
		header = harmless(header)
	}
	if body == "" && spec.Body != "" {
		header = header.Clone()
		header.Del("Content-Type")
	}
	return newRequest(method, u, host, header, body), nil
}

// harmless is what another host is told, or the same one on another port or without encryption: nothing that may be a
// secret.
func harmless(header http.Header) http.Header {
	kept := http.Header{}
	for _, name := range []string{"Accept-Encoding", "Content-Type", "User-Agent"} {
		if values, ok := header[name]; ok {
			kept[name] = values
		}
	}
	return kept
}

// isOwn tells whether host is the target, by the name that it is connected to or by the one that it is asked as. Both
// are the same endpoint, and so are connected to as the target is.
func isOwn(spec *Spec, host string) bool {
	host = plainHost(host)
	return host == plainHost(spec.Host) || host == plainHost(hostOf(spec.hostHeader()))
}

// isNamed tells whether host is one of those in Spec.FollowHosts.
func isNamed(hosts, host string) bool {
	host = plainHost(host)
	for named := range strings.FieldsSeq(hosts) {
		if plainHost(named) == host {
			return true
		}
	}
	return false
}

// plainHost is the one way of several to write a host.
func plainHost(host string) string {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().WithZone("").String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// portOf is the port of a URL, also where that does not name it.
func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return defaultPort(Scheme(u.Scheme))
}

// peer is whom to ask where a redirect points.
func (h *httpProber) peer(spec *Spec, u *url.URL) (*endpoint, *tlsClient, error) {
	number, err := strconv.ParseUint(portOf(u), 10, 16)
	if err != nil || number == 0 {
		return nil, nil, failure(ReasonProtocol, "http: redirected to something that is not HTTP")
	}
	host, own := u.Hostname(), isOwn(spec, u.Hostname())
	end := &h.endpoint
	if !own || uint16(number) != spec.Port {
		elsewhere := *spec
		elsewhere.Port = uint16(number)
		if !own {
			elsewhere.Host = host
		}
		other := newEndpoint(elsewhere, h.endpoint.network())
		end = &other
	}
	switch {
	case u.Scheme != string(HTTPS):
		return end, nil, nil
	case own && h.tls != nil:
		return end, h.tls, nil
	case h.tls != nil:
		return end, h.tls.elsewhere(host), nil
	default:
		client, err := newTLSClient(Spec{Scheme: HTTPS, Host: host, HTTP2: spec.HTTP2})
		return end, client, err
	}
}
