package probe

import (
	"context"
	"strings"
)

// Prober makes attempts. Probe makes a single one, without a retry inside, and returns soon after ctx ends. It is
// never called twice at a time.
type Prober interface {
	Probe(ctx context.Context) Result
}

// New makes the Prober for s. The error names the field that is wrong, in the words of the Corefile. Files that the
// Spec names are read here for the first time, so that a wrong path stops the start.
func New(s Spec) (Prober, error) { return newProber(s, systemNetwork) }

func newProber(s Spec, n *network) (Prober, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return kinds[s.Scheme].prober(s, n)
}

// kind is what there is to know of a Scheme.
type kind struct {
	// takes gives the groups of fields that a Spec of the kind may have, besides the Scheme.
	takes []group
	// check tells what is wrong with the fields that are the kind's own; nil: there is nothing more to check.
	check func(Spec) error
	// prober makes the Prober for a Spec that has been checked.
	prober func(Spec, *network) (Prober, error)
}

var kinds map[Scheme]kind

func init() { // kinds refers to functions that refer to kinds
	kinds = map[Scheme]kind{
		HTTP:       {takes: []group{fieldsEndpoint, fieldsWeb, fieldsHTTP}, prober: newHTTPProber},
		HTTPS:      {takes: []group{fieldsEndpoint, fieldsWeb, fieldsHTTP, fieldsTLS}, prober: newHTTPProber},
		TCP:        {takes: []group{fieldsEndpoint, fieldsTalk}, prober: newTCPProber},
		TLS:        {takes: []group{fieldsEndpoint, fieldsTalk, fieldsTLS}, prober: newTLSProber},
		UDP:        {takes: []group{fieldsEndpoint, fieldsTalk}, check: Spec.checkUDP, prober: newUDPProber},
		ICMP:       {takes: []group{fieldsEndpoint}, check: Spec.checkICMP, prober: newICMPProber},
		Exec:       {takes: []group{fieldsExec}, prober: newExecProber},
		File:       {takes: []group{fieldsFile}, prober: newFileProber},
		Heartbeat:  {takes: []group{fieldsHeartbeat}, prober: newHeartbeatProber},
		Lookup:     {takes: []group{fieldsLookup}, prober: newLookupProber},
		DNS:        {takes: []group{fieldsEndpoint, fieldsDNS}, prober: newDNSProber},
		GRPC:       {takes: []group{fieldsEndpoint, fieldsGRPC}, prober: newGRPCProber},
		GRPCS:      {takes: []group{fieldsEndpoint, fieldsGRPC, fieldsTLS}, prober: newGRPCProber},
		Kubernetes: {takes: []group{fieldsKubernetes}, prober: newKubernetesProber},
		Prometheus: {takes: []group{fieldsEndpoint, fieldsWeb, fieldsTLS, fieldsPrometheus}, prober: newPrometheusProber},
	}
}

// isToken tells whether text is a token of RFC 9110 section 5.6.2, such as a method or a field name.
func isToken(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return text != ""
}
