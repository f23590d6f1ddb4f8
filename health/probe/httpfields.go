package probe

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var (
	// fieldsWeb are of all kinds that send HTTP requests.
	fieldsWeb = group{[]string{"Path", "HostHeader", "Headers", "HeaderFiles", "Proxy"}, Spec.checkWeb}
	// fieldsHTTP are of the kinds whose verdict is about the answer itself.
	fieldsHTTP = group{[]string{
		"Method", "Body", "Status", "Match", "Follow", "FollowHosts", "HTTP2",
	}, Spec.checkHTTP}
)

func (s Spec) checkWeb() error {
	_, err := url.ParseRequestURI(s.Path)
	if err != nil || !strings.HasPrefix(s.Path, "/") || strings.ContainsAny(s.Path, "# \t") {
		return errors.New("path: it must begin with / and hold no character that a URL does not allow")
	}
	if s.HostHeader != "" && !isHost(hostOf(s.HostHeader)) {
		return fmt.Errorf("host: %q is neither a host name nor an address", s.HostHeader)
	}
	header, err := parseHeaders(s.Headers)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	names, err := parseHeaders(s.HeaderFiles)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	for name, paths := range names {
		if len(paths) > 1 || len(header[name]) > 0 {
			return fmt.Errorf("header: the field %s is given by a file and once more", name)
		}
	}
	if s.Proxy != "" {
		if _, _, err := parseProxy(s.Proxy); err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
	}
	return nil
}

func (s Spec) checkHTTP() error {
	if !isToken(s.Method) || s.Method == http.MethodConnect {
		return fmt.Errorf("method: %q is not an HTTP method that can be asked of an endpoint", s.Method)
	}
	if _, err := ParseStatusCodes(s.Status); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	if s.Match != "" && s.Method == http.MethodHead {
		return errors.New("match: an answer to HEAD has no body")
	}
	if s.Body != "" && s.Method == http.MethodHead {
		return errors.New("body: a request with HEAD has none")
	}
	if s.HTTP2 && len(s.Body) > maxBody2 {
		return fmt.Errorf("body: it is longer than %d bytes, which HTTP/2 needs the endpoint's consent for", maxBody2)
	}
	if _, err := regexp.Compile(s.Match); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	if s.FollowHosts != "" && !s.Follow {
		return errors.New("follow: hosts that nothing leads to")
	}
	for host := range strings.FieldsSeq(s.FollowHosts) {
		if !isHost(host) {
			return fmt.Errorf("follow: %q is neither a host name nor an address", host)
		}
	}
	return nil
}

// isHost tells whether text is a host name, or an address without brackets.
func isHost(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil || isHostName(text)
}

// parseProxy reads Spec.Proxy.
func parseProxy(text string) (host string, port uint16, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		strings.Trim(u.Path, "/") != "" {
		return "", 0, errors.New("it must be http://HOST:PORT") // not repeated: it may hold a password
	}
	number, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || number == 0 {
		return "", 0, errors.New("it must be http://HOST:PORT, and a port is missing")
	}
	if !isHost(u.Hostname()) {
		return "", 0, fmt.Errorf("%q is neither a host name nor an address", u.Hostname())
	}
	return u.Hostname(), uint16(number), nil
}
