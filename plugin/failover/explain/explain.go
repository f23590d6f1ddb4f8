package explain

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

// Question is what is to be explained.
type Question struct {
	Name string
	Type uint16
	// Client is the address of who asks, the zero value for nobody in particular.
	Client netip.Addr
	// Assume has made-up statuses of checks, by the leaves of the configuration; Assume makes one. They take the place of
	// all that is known of those checks, manual states too. All else is as it is.
	Assume map[int]health.Status
	// Manual gives the manual state that a check is in, by its index; nil leaves out who says so, and why.
	Manual func(leaf int) *api.Manual
	// Untold says why the last probe of a running check told nothing of its target, empty if it did; nil leaves that out.
	Untold func(leaf int) string
}

// Explain tells how the answer to a question comes about that an index, of the given configuration, would give now. The
// question is a plain one, without DNSSEC.
func Explain(index *zone.Index, config *corefile.Config, question Question, now time.Time) (*api.Explanation, error) {
	name, err := asked(question.Name)
	if err != nil {
		return nil, err
	}
	question.Name = name
	e := &explainer{
		index: index, config: config, question: question, now: now,
		applied: make(map[string]bool), known: make(map[*zone.Set]*zone.Situation),
	}
	x := &api.Explanation{Name: name, Type: dns.Type(question.Type).String(), Time: now}
	if question.Client.IsValid() {
		x.Client = question.Client.String()
	}
	for _, leaf := range slices.Sorted(maps.Keys(question.Assume)) {
		if leaf < 0 || leaf >= config.Leaves() {
			return nil, fmt.Errorf("there is no check %d to assume anything of", leaf)
		}
		x.Assumed = append(x.Assumed, e.assumed(leaf))
	}
	way, found := e.first()
	x.Way = *way
	found.show(x)
	x.Statements = slices.Sorted(maps.Keys(e.applied))
	return x, nil
}

// Assume is the status of a check of the given configuration that is assumed to be in a state. It is that which probes
// find, before the word invert; for a check that is not probed itself, what an operator says.
func Assume(config *corefile.Config, leaf int, state health.State) health.Status {
	if leaf < len(config.Checks) {
		return health.Status{State: state}
	}
	return health.Status{Manual: state}
}

// assumed tells of a check of which something is assumed, by itself.
func (e *explainer) assumed(leaf int) api.ExplainedCheck {
	x := health.Expression{Leaf: int32(leaf)}
	if leaf >= len(e.config.Checks) {
		x.Kind = health.ExprManual
	}
	return e.check(&x, func(leaf int) health.Status { return e.question.Assume[leaf] })
}

// asked is a name as it comes out of a query: fully qualified, with its letters, and one way to escape.
func asked(name string) (string, error) {
	var wire [255]byte
	name = dns.Fqdn(name)
	if _, ok := dns.IsDomainName(name); !ok {
		return "", fmt.Errorf("%q is not a domain name", name)
	}
	end, err := dns.PackDomainName(name, wire[:], 0, nil, false)
	if err == nil {
		name, _, err = dns.UnpackDomainName(wire[:end], 0)
	}
	if err != nil {
		return "", errors.New("the name is not a domain name: " + err.Error())
	}
	return name, nil
}

// explainer makes one Explanation.
type explainer struct {
	index    *zone.Index
	config   *corefile.Config
	question Question
	now      time.Time
	steps    int
	chain    []string // the names with CNAMEs on the way to the one that is being explained
	applied  map[string]bool
	known    map[*zone.Set]*zone.Situation
}

// note adds statements to those that were applied in one place, and to those of the whole.
func (e *explainer) note(place *[]string, statements ...string) {
	for _, id := range statements {
		if !slices.Contains(*place, id) {
			*place = append(*place, id)
		}
		e.applied[id] = true
	}
}

// situation is that of a set, the same each time.
func (e *explainer) situation(s *zone.Set) *zone.Situation {
	known := e.known[s]
	if known == nil {
		known = e.index.Situation(s, e.question.Assume, e.now)
		e.known[s] = known
	}
	return known
}
