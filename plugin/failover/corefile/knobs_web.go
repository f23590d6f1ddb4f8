package corefile

import (
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// field is a field of a request's header.
type field struct {
	value string // or the path of the file that has it
	file  bool
}

// setHeader reads NAME VALUE or NAME file PATH.
func setHeader(s *settings, v []string) error {
	if !isToken(v[0]) {
		// Not repeated either: it may be the whole field, as HTTP writes it.
		return errors.New("what follows is not a field name; write header NAME VALUE")
	}
	name := textproto.CanonicalMIMEHeaderKey(v[0])
	switch name {
	case "Host":
		return errors.New("use the word host")
	case "Connection", "Content-Length", "Trailer", "Transfer-Encoding":
		return fmt.Errorf("%s is not for the configuration to say", name)
	}
	if len(v) == 3 {
		s.headers[name] = field{value: v[2], file: true}
		return pathLetters(v[2])
	}
	// The value may be a secret and is not repeated.
	if strings.ContainsFunc(v[1], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("the value of %s has control characters", v[0])
	}
	s.headers[name] = field{value: strings.TrimSpace(v[1])}
	return nil
}

// lacksPath refuses the values of a header that want a file and do not name it.
func lacksPath(values []string) error {
	if len(values) == 2 && values[1] == "file" {
		return errors.New("header NAME file takes a path (write ./PATH if it looks like a word)")
	}
	return nil
}

// isToken tells that text is a token of RFC 9110, section 5.6.2.
func isToken(text string) bool {
	for _, r := range text {
		if !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return text != ""
}

// setFollow reads the further hosts that a redirect may lead to.
func setFollow(s *settings, v []string) error {
	hosts := make([]string, 0, len(v))
	for _, text := range v {
		host, err := hostName(text)
		if err != nil {
			return err
		}
		hosts = append(hosts, host)
	}
	if host, twice := repeated(hosts); twice {
		return fmt.Errorf("%s is named twice", host)
	}
	slices.Sort(hosts)
	s.probe.Follow, s.probe.FollowHosts = true, strings.Join(hosts, " ")
	return nil
}

// setProxy reads http://HOST:PORT. Errors do not repeat it, since it may hold a password.
func setProxy(s *settings, v []string) error {
	const form = "write it as http://HOST:PORT"
	if strings.ContainsFunc(v[0], unicode.IsControl) || !strings.HasPrefix(v[0], "http://") {
		return errors.New(form)
	}
	u, err := url.Parse(v[0])
	switch {
	case strings.Contains(v[0], "@"):
		return errors.New("no user or password here; use the word header with Proxy-Authorization")
	case err != nil, u.Path != "" && u.Path != "/", strings.ContainsAny(v[0], "?#"), u.Hostname() == "", u.Port() == "":
		return errors.New(form)
	}
	host, err := hostName(u.Hostname())
	if err != nil {
		return err
	}
	port, err := integer(u.Port(), 1, 65535)
	if err != nil {
		return fmt.Errorf("port %w", err)
	}
	s.probe.Proxy = "http://" + net.JoinHostPort(host, strconv.Itoa(port))
	return nil
}
