package corefile

import (
	"crypto/tls"
	"net/netip"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

func web(change func(*probe.Spec)) probe.Spec {
	p := probe.Spec{
		Scheme: probe.HTTPS, Host: "192.0.2.1", Port: 443, Path: "/", Method: "GET", Status: "200-399",
	}
	if change != nil {
		change(&p)
	}
	return p
}

func TestProbe(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  probe.Spec
	}{
		{"template", []string{"check c https://"}, web(nil)},
		{"port and path", []string{"check c https://:8443/a?b=c"}, web(func(p *probe.Spec) { p.Port, p.Path = 8443, "/a?b=c" })},
		{"query alone", []string{"check c http://?b=c"}, web(func(p *probe.Spec) {
			p.Scheme, p.Port, p.Path = probe.HTTP, 80, "/?b=c"
		})},
		{"host", []string{"check c https://OPS.Example.Net."}, web(func(p *probe.Spec) { p.Host = "ops.example.net" })},
		{"address", []string{"check c https://[2001:DB8:0::1]"}, web(func(p *probe.Spec) { p.Host = "2001:db8::1" })},
		{"headers sorted", []string{"check c https:// header b 2 header A-a 1", "check * header b 3 header C 4"}, web(func(p *probe.Spec) {
			p.Headers = "A-A: 1\nB: 2\nC: 4\n"
		})},
		{"host as sni", []string{"check c https:// sni A.example.org host a.example.org"}, web(func(p *probe.Spec) {
			p.ServerName = "a.example.org"
		})},
		{"host with port", []string{"check c https:// host [2001:DB8::1]:8443"}, web(func(p *probe.Spec) {
			p.HostHeader = "[2001:db8::1]:8443"
		})},
		{"tcp", []string{"check c tcp://:25", "check * status 200 insecure method HEAD"}, probe.Spec{
			Scheme: probe.TCP, Host: "192.0.2.1", Port: 25,
		}},
		{"tls", []string{"check c tls://mail.example.net:993 insecure"}, probe.Spec{
			Scheme: probe.TLS, Host: "mail.example.net", Port: 993, Insecure: true,
		}},
		{"sni that is the host", []string{"check c tls://mail.example.net:993 sni mail.example.net"}, probe.Spec{
			Scheme: probe.TLS, Host: "mail.example.net", Port: 993,
		}},
		{"source", []string{"check c tcp://:25 source 127.0.0.1"}, probe.Spec{
			Scheme: probe.TCP, Host: "192.0.2.1", Port: 25, Source: netip.MustParseAddr("127.0.0.1"),
		}},
		{"default source of another family", []string{"check c tcp://:25", "check * source ::1"}, probe.Spec{
			Scheme: probe.TCP, Host: "192.0.2.1", Port: 25,
		}},
		{"files", []string{"check c https:// tls testdata/ca.pem"}, web(func(p *probe.Spec) { p.CAFile = "testdata/ca.pem" })},
		{"POST", []string{"check c http:// method POST body {} http2 follow B.example.org a.example.org proxy http://[2001:db8::8]:3128"}, probe.Spec{
			Scheme: probe.HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "POST", Status: "200-399", Body: "{}",
			HTTP2: true, Follow: true, FollowHosts: "a.example.org b.example.org", Proxy: "http://[2001:db8::8]:3128",
		}},
		{"own hosts to follow before those of the stanza", []string{"check c https:// follow", "check * follow a.example.org"}, web(func(p *probe.Spec) {
			p.Follow = true
		})},
		{"header from a file", []string{"check c https:// header b file testdata/valid/mail.token", "check * header B 1 header A 2"}, web(func(p *probe.Spec) {
			p.Headers, p.HeaderFiles = "A: 2\n", "B: testdata/valid/mail.token\n"
		})},
		{"certificates", []string{"check c tls://:443 tls_min 1.3 expires 30d"}, probe.Spec{
			Scheme: probe.TLS, Host: "192.0.2.1", Port: 443, MinTLS: tls.VersionTLS13, Expires: 30 * 24 * time.Hour,
		}},
		{"own tls_min before that of the stanza", []string{"check c tls://:443 tls_min 1.2 expires 1h", "check * tls_min 1.3"}, probe.Spec{
			Scheme: probe.TLS, Host: "192.0.2.1", Port: 443, Expires: time.Hour,
		}},
		{"send and expect", []string{`check c tcp://:25 send "\\\r\n\t\0\xfFa" expect "^220"`}, probe.Spec{
			Scheme: probe.TCP, Host: "192.0.2.1", Port: 25, Send: "\\\r\n\t\x00\xffa", Expect: "^220",
		}},
		{"udp", []string{"check c udp://:7"}, probe.Spec{Scheme: probe.UDP, Host: "192.0.2.1", Port: 7}},
		{"icmp", []string{"check c icmp://"}, probe.Spec{Scheme: probe.ICMP, Host: "192.0.2.1"}},
		{"dns", []string{"check c dns:///WWW.example.org/mx"}, probe.Spec{
			Scheme: probe.DNS, Host: "192.0.2.1", Port: 53, Name: "www.example.org.", Type: "MX", Rcode: "NOERROR",
		}},
		{"dns with all words", []string{"check c dns://:5353/0/25.2.0.192.in-addr.arpa/TYPE1 rcode nxdomain,noerror,NOERROR force_tcp expect a"}, probe.Spec{
			Scheme: probe.DNS, Host: "192.0.2.1", Port: 5353, Name: "0/25.2.0.192.in-addr.arpa.", Type: "A",
			Rcode: "NOERROR,NXDOMAIN", ForceTCP: true, Expect: "a",
		}},
		{"root", []string{"check c dns:///./SOA"}, probe.Spec{
			Scheme: probe.DNS, Host: "192.0.2.1", Port: 53, Name: ".", Type: "SOA", Rcode: "NOERROR",
		}},
		{"grpc", []string{"check c grpc://:50051"}, probe.Spec{Scheme: probe.GRPC, Host: "192.0.2.1", Port: 50051}},
		{"grpcs", []string{"check c grpcs://:443/shop.Cart insecure"}, probe.Spec{
			Scheme: probe.GRPCS, Host: "192.0.2.1", Port: 443, Service: "shop.Cart", Insecure: true,
		}},
		{"exec", []string{"allow_exec", `check c exec /bin//echo interval "a b"`, "check * source 127.0.0.1 resolver 192.0.2.53"}, probe.Spec{
			Scheme: probe.Exec, Command: "/bin/echo\x00interval\x00a b\x00",
		}},
		{"file", []string{"check c file /run/../run/www"}, probe.Spec{Scheme: probe.File, File: "/run/www"}},
		{"prometheus", []string{"check c prometheus http://192.0.2.9:9090 up"}, probe.Spec{
			Scheme: probe.Prometheus, Host: "192.0.2.9", Port: 9090, Path: "/", Query: "up", Insufficient: "last",
		}},
		{"prometheus over TLS", []string{
			`check c prometheus https://prometheus.example.net/base " a == bool 1 " insufficient healthy insecure header X y`,
			"check * resolver 192.0.2.53 [2001:db8::53]:5353 2001:db8::54",
		}, probe.Spec{
			Scheme: probe.Prometheus, Host: "prometheus.example.net", Port: 443, Path: "/base/", Query: "a == bool 1",
			Insufficient: "healthy", Secure: true, Insecure: true, Headers: "X: y\n",
			Resolver: "192.0.2.53:53 [2001:db8::53]:5353 [2001:db8::54]:53",
		}},
		{"a resolver where nothing is looked up", []string{"check c tcp://:25", "check * resolver 192.0.2.53"}, probe.Spec{
			Scheme: probe.TCP, Host: "192.0.2.1", Port: 25,
		}},
		{"a resolver for a redirect", []string{"check c http:// resolver 192.0.2.53 follow a.example.org"}, probe.Spec{
			Scheme: probe.HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "GET", Status: "200-399",
			Resolver: "192.0.2.53:53", Follow: true, FollowHosts: "a.example.org",
		}},
		{"a resolver for the proxy", []string{"check c http:// resolver 192.0.2.53 proxy http://proxy.example.net:3128"}, probe.Spec{
			Scheme: probe.HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "GET", Status: "200-399",
			Resolver: "192.0.2.53:53", Proxy: "http://proxy.example.net:3128",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := definitionOf(t, tc.lines...).Probe.Spec(); got != tc.want {
				t.Errorf("Probe\n%+v\nwant\n%+v", got, tc.want)
			}
		})
	}
}
