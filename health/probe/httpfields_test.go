package probe

import (
	"strings"
	"testing"
)

func TestHTTPFieldsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Spec){
		"method: \"CONNECT\"":     func(s *Spec) { s.Method = "CONNECT" },
		"body: a request":         func(s *Spec) { s.Method, s.Body = "HEAD", "x" },
		"body: it is longer":      func(s *Spec) { s.HTTP2, s.Body = true, strings.Repeat("x", 65536) },
		"follow: hosts":           func(s *Spec) { s.FollowHosts = "a.example.org" },
		"follow: \"a/b\"":         func(s *Spec) { s.Follow, s.FollowHosts = true, "a.example.org a/b" },
		"header: the field Te":    func(s *Spec) { s.Headers = "TE: trailers\n" },
		"header: the field Proxy": func(s *Spec) { s.Headers = "proxy-connection: close\n" },
		"proxy: ":                 func(s *Spec) { s.Proxy = "socks5://192.0.2.2:1080" },
	} {
		s := Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "GET", Status: "200"}
		change(&s)
		if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Error %v, want %q", err, want)
		}
	}
	s := Spec{
		Scheme: HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "GET", Status: "200", Body: strings.Repeat("x", 65535), HTTP2: true,
		Follow: true, FollowHosts: "192.0.2.2 2001:db8::1 a.example.org", Proxy: "http://[2001:db8::2]:3128",
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}
