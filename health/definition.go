package health

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Scheme names the protocol of a check.
type Scheme string

// The schemes that can be probed.
const (
	HTTP  Scheme = "http"
	HTTPS Scheme = "https"
	TCP   Scheme = "tcp"
	TLS   Scheme = "tls"
)

// Definition says all there is to say about one running check: what is asked of which endpoint, and how results become
// a state. It is plain comparable data and the key of the Registry: equal definitions are one running check, however
// many users it has. It is checked once, when the configuration is read, and never changed after.
type Definition struct {
	Probe  Probe
	Timing Timing
}

// Probe is what one attempt does. Definitions that differ in Timing only measure the same thing, so the state of one
// can seed the other on a reload.
type Probe struct {
	Scheme Scheme
	// Host is an address without brackets, or a host name (no trailing dot), resolved anew for every attempt.
	Host string
	Port uint16
	// Source, when valid, is the local address to probe from.
	Source netip.Addr

	// For http and https.
	Path       string // with the query, begins with "/"
	Method     string
	HostHeader string // the knob host; empty: ServerName, else Host (statement H08)
	Headers    string // further header fields, "Name: value\n" each, sorted by name
	Status     string // canonical ranges, "200-399" or "200,204-206"
	Match      string // regular expression or text to find in the body; empty: the body is not read
	Follow     bool   // follow redirects

	// For https and tls.
	ServerName string // the knob sni; empty: HostHeader without its port, else Host
	Insecure   bool   // do not verify the certificate
	CertFile   string // client certificate and key, PEM
	KeyFile    string
	CAFile     string // certificates to trust instead of the system's, PEM
}

// Timing is when attempts are made and how many of them decide (statements H02 to H04).
type Timing struct {
	Interval time.Duration // between attempts while all is well
	Timeout  time.Duration // one attempt, from resolving the name to the last byte
	Fast     time.Duration // between attempts while the state is unknown or a contrary streak is open
	Fall     int           // failures that make it unhealthy, in a row or, when FallOf > 0, among the last FallOf
	FallOf   int           // 0, or Fall <= FallOf <= 64
	Rise     int           // passes in a row that make it healthy
}

// Target is the endpoint as a URL, fit for logs and metric labels: it holds no query, since queries carry secrets.
func (p Probe) Target() string {
	path, _, _ := strings.Cut(p.Path, "?")
	return string(p.Scheme) + "://" + net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port))) + path
}
