package probe

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unique"
)

// Scheme names the kind of a check: what it asks of whom.
type Scheme string

// The kinds that can be probed.
const (
	HTTP       Scheme = "http"
	HTTPS      Scheme = "https"
	TCP        Scheme = "tcp"
	TLS        Scheme = "tls"
	UDP        Scheme = "udp"
	ICMP       Scheme = "icmp"
	DNS        Scheme = "dns"
	GRPC       Scheme = "grpc"
	GRPCS      Scheme = "grpcs"
	Exec       Scheme = "exec"
	File       Scheme = "file"
	Prometheus Scheme = "prometheus"
	Heartbeat  Scheme = "heartbeat"
	Kubernetes Scheme = "kubernetes"
	Lookup     Scheme = "lookup"
)

// Spec says what one attempt does. It is plain comparable data: checked once, when the configuration is read, and
// never changed after. A field that does not belong to the Scheme is an error.
type Spec struct {
	Scheme Scheme
	// Host is an address without brackets, or a host name (no trailing dot), resolved anew for every attempt. It is
	// empty for exec, file, heartbeat, kubernetes and lookup.
	Host string
	Port uint16 // 0 for icmp, exec, file, heartbeat, kubernetes and lookup

	// For all that have a Host.
	Source   netip.Addr // when valid, the local address to probe from
	Resolver string     // name servers for Host, "192.0.2.53:53 [2001:db8::53]:53"; empty: the system's

	// For http and https; Path, Headers, HeaderFiles, HostHeader and Proxy for prometheus too.
	Path        string // with the query, begins with "/"
	Method      string
	HostHeader  string // the knob host; empty: ServerName, else Host (statement H08)
	Headers     string // further header fields, "Name: value\n" each, sorted by name
	HeaderFiles string // header fields whose value is the first line of a file, "Name: path\n" each, sorted by name
	Body        string // of the request; empty: none
	Status      string // canonical ranges, "200-399" or "200,204-206"
	Match       string // regular expression or text to find in the body; empty: the body is not read
	Follow      bool   // follow redirects to the same host
	FollowHosts string // further hosts that a redirect may lead to, sorted and separated by spaces
	HTTP2       bool   // speak HTTP/2: over https by ALPN, over http by prior knowledge
	Proxy       string // "http://HOST:PORT" to go through; empty: none, also not from the environment

	// For https, tls and grpcs, and for prometheus over https.
	ServerName string // the knob sni; empty: HostHeader without its port, else Host
	Insecure   bool   // do not verify the certificate
	CertFile   string // client certificate and key, PEM
	KeyFile    string
	CAFile     string        // certificates to trust instead of the system's, PEM
	MinTLS     uint16        // least version, as in crypto/tls; 0: TLS 1.2
	Expires    time.Duration // fail when the certificate has less than this to live; 0: when it has expired

	// For tcp, tls and udp.
	Send string // bytes to send; empty: none (udp: an empty datagram)
	// Expect is a regular expression or text that the answer must hold; for dns, one of the answer's records. Empty:
	// nothing is awaited.
	Expect string

	// For dns; Name is for lookup too.
	Name     string // fully qualified
	Type     string // "A"
	Rcode    string // codes that pass, "NOERROR" or "NOERROR,NXDOMAIN"
	ForceTCP bool

	Service string // grpc and grpcs: the service to ask for; empty: the server as a whole. kubernetes: the Service's name

	Command string // exec: the absolute path of the program, then its arguments, each ended by a NUL

	File string // file: an absolute path

	// For heartbeat; Name is that of the check.
	Every time.Duration // within which somebody has to post

	Via string // lookup: through whose plugins

	// For prometheus.
	Query        string
	Insufficient string // what no data means: "healthy", "unhealthy" or "last"
	Secure       bool   // over https

	// For kubernetes.
	Namespace   string
	ServicePort string // name or number of a port that a ready endpoint must have; empty: any will do
	Kubeconfig  string // an absolute path; empty: that of the pod which this process runs in
	Context     string // of the kubeconfig; empty: its current one
}

// ID is a Spec in small, and like it comparable: equal specs have equal IDs. What a thousand checks have in common,
// which is all but the endpoint, is kept once.
type ID struct {
	host string
	rest unique.Handle[Spec] // without Host and Port
	port uint16
}

// ID gives the Spec in small.
func (s Spec) ID() ID {
	id := ID{host: s.Host, port: s.Port}
	s.Host, s.Port = "", 0
	id.rest = unique.Make(s)
	return id
}

// Common is the Spec without Host and Port, to tell quickly what IDs have in common.
func (id ID) Common() unique.Handle[Spec] {
	if id == (ID{}) {
		return unique.Make(Spec{})
	}
	return id.rest
}

// Spec gives what the ID stands for. The zero ID is that of no Spec and gives the zero Spec.
func (id ID) Spec() Spec {
	if id == (ID{}) {
		return Spec{}
	}
	s := id.rest.Value()
	s.Host, s.Port = id.host, id.port
	return s
}

// Scheme is that of the Spec.
func (id ID) Scheme() Scheme {
	if id == (ID{}) {
		return ""
	}
	return id.rest.Value().Scheme // the compiler reads the one field, and copies nothing
}

// Host is that of the Spec.
func (id ID) Host() string { return id.host }

// Port is that of the Spec.
func (id ID) Port() uint16 { return id.port }

// Target is that of the Spec.
func (id ID) Target() string { return id.Spec().Target() }

// Target is what is probed, fit for logs and metric labels: it holds neither a query nor arguments, since those carry
// secrets.
func (s Spec) Target() string {
	hostPort := net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
	switch s.Scheme {
	case Exec:
		file, _, _ := strings.Cut(s.Command, "\x00")
		return "exec " + file
	case File:
		return "file " + s.File
	case Heartbeat:
		return "heartbeat " + s.Every.String()
	case Kubernetes:
		target := "kubernetes " + s.Namespace + "/" + s.Service
		if s.ServicePort != "" {
			target += ":" + s.ServicePort
		}
		return target
	case Lookup:
		return "via " + s.Via
	case Prometheus:
		scheme := HTTP
		if s.Secure {
			scheme = HTTPS
		}
		return "prometheus " + string(scheme) + "://" + hostPort + s.Path
	case ICMP:
		if strings.Contains(s.Host, ":") {
			return "icmp://[" + s.Host + "]"
		}
		return "icmp://" + s.Host
	case DNS:
		return "dns://" + hostPort + "/" + s.Name + "/" + s.Type
	case GRPC, GRPCS:
		if s.Service != "" {
			hostPort += "/" + s.Service
		}
	}
	path, _, _ := strings.Cut(s.Path, "?")
	return string(s.Scheme) + "://" + hostPort + path
}
