package probe

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Outcome is what one attempt tells of its target (statement H16).
type Outcome uint8

// The outcomes. The zero value is the harmless one, so a forgotten outcome never moves a state.
const (
	Indeterminate Outcome = iota // something is wrong on our own side; says nothing of the target
	Pass
	Fail
)

func (o Outcome) String() string {
	switch o {
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	default:
		return "indeterminate"
	}
}

// Reason says in one word why an attempt ended as it did. The set is closed, so it is fit for a metric label.
type Reason string

// Reasons of a pass and of failures: they speak of the target.
const (
	ReasonOK          Reason = "ok"
	ReasonRefused     Reason = "refused"     // nobody listens on the port
	ReasonTimeout     Reason = "timeout"     // not done within Timing.Timeout
	ReasonReset       Reason = "reset"       // the peer broke the connection off
	ReasonUnreachable Reason = "unreachable" // no way to this host, while there is one to others
	ReasonTLS         Reason = "tls"         // handshake or certificate
	ReasonStatus      Reason = "status"      // an HTTP status that does not pass
	ReasonBody        Reason = "body"        // the text to match was not found
	ReasonResolve     Reason = "resolve"     // the host name does not exist or has no address
	ReasonProtocol    Reason = "protocol"    // the peer does not speak the protocol
	ReasonRcode       Reason = "rcode"       // a DNS response code that does not pass
	ReasonNotServing  Reason = "not_serving" // a gRPC server says so of the service, or does not know it
	ReasonQuery       Reason = "query"       // a Prometheus query is false
	ReasonExit        Reason = "exit"        // a program ended with status 1
	ReasonDown        Reason = "down"        // a file says so
	ReasonHeartbeat   Reason = "heartbeat"   // nobody has posted in time; or, indeterminate, not yet
	ReasonNotReady    Reason = "not_ready"   // no endpoint of a Kubernetes Service is ready
	// ReasonNoData is a Prometheus query without an answer: its outcome is what the word insufficient says.
	ReasonNoData Reason = "no_data"
)

// Reasons of an indeterminate outcome: they speak of this process and its machine.
const (
	ReasonFDLimit    Reason = "fd_limit"   // out of file descriptors, buffers or memory
	ReasonPorts      Reason = "ports"      // out of local ports or addresses
	ReasonNoRoute    Reason = "no_route"   // no route for any target of the address family
	ReasonPermission Reason = "permission" // a local firewall or policy forbids it
	ReasonResolver   Reason = "resolver"   // the resolver does not work and there is no earlier address
	ReasonExec       Reason = "exec"       // a program cannot be run, or ended neither with status 0 nor with 1
	ReasonFile       Reason = "file"       // a file cannot be read, or says neither up nor down
	ReasonProxy      Reason = "proxy"      // the proxy does not work, or does not let us through
	ReasonStale      Reason = "stale"      // a Kubernetes API server is away: what it said may be out of date
	ReasonCanceled   Reason = "canceled"   // broken off by us
	ReasonOverrun    Reason = "overrun"    // this process was late, or the attempt outlived its context
	ReasonPanic      Reason = "panic"      // a bug in a prober
	ReasonInternal   Reason = "internal"   // anything else on our side
)

// Result is what one attempt found.
type Result struct {
	Outcome Outcome
	Reason  Reason
	// Detail explains Reason to a human in at most 256 bytes of printable text. It never holds header values, query
	// strings or anything of a body, since those may be secrets.
	Detail string
	// Duration is how long the attempt took until the verdict was there. Try sets it for a Prober that does not.
	Duration time.Duration
	Phases   Phases
}

// Phases is how long the parts of an attempt took, summed up where there were several connections, as with redirects. A
// part that there was none of is 0.
type Phases struct {
	Resolve   time.Duration // the look-up of the host name
	Connect   time.Duration
	TLS       time.Duration // the handshake
	FirstByte time.Duration // from the end of what was sent to the first byte of the answer
}

// took adds the time since began to one of p's fields, and gives the time.
func (p *Phases) took(phase *time.Duration, began time.Time) time.Time {
	now := time.Now()
	*phase += now.Sub(began)
	return now
}

// maxDetail is the longest Detail, in bytes.
const maxDetail = 256

// Printable makes of text what a Detail may be.
func Printable(text string) string { return printable(text) }

// printable cuts text to what a Detail may be. Parts of it may come from a peer (a certificate's names, say), so
// control characters must not reach a log.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if len(text) <= maxDetail {
		return text
	}
	end := maxDetail
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
