// Package corefile is the language of the failover plugin: it turns the stanzas of one server block into a Config, plain
// data that is checked here once and never changed after. It starts nothing and asks nobody; what a line names on this
// machine (certificates, files of header fields, tokens and keys, programs, the permission to ping) it tries, to refuse it at
// load.
package corefile

import (
	"net/netip"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/miekg/dns"
)

// Config is what the stanzas of one server block say.
type Config struct {
	Zones []*Zone
	// Checks are the distinct definitions that records of this block use, and its canaries; the leaves of expressions
	// index it.
	Checks []Check
	// Combined are the names of the checks that nothing is probed for by themselves: those that combine others, manual
	// and disabled ones. The leaves beyond Checks index it. A check of several stanzas is there for each.
	Combined []string
	// Canaries are indexes of Checks: what the word canary names, in the order of the lines, distinct (statement H14).
	Canaries []int
	// Outside are the names that aliases and CNAMEs lead to outside the record sets.
	Outside []*Outside
	// Resolvers are the name servers that Checks look their hosts up at, with the line that names them.
	Resolvers []Resolver
	// State is where the state is kept over a restart (statement O02), nil for nowhere.
	State *StateFile
	// Webhooks are the receivers of events, in the order of the lines. They are told of the whole process.
	Webhooks []Webhook
	// Admins are the addresses of the admin API, in the order of the lines.
	Admins []Admin
	// Heartbeats are the checks that others post for, in the order of the lines.
	Heartbeats []Heartbeat
	// Clusters are those whose Services checks are about, distinct.
	Clusters []Cluster
	// Warnings are about what is legal but known to bite, in the order of the lines.
	Warnings []Warning

	via string
}

// Check is a running check. There may be hundreds of thousands.
type Check struct {
	Probe probe.ID
	*Traits
}

// Traits are what running checks have in common that one check was made into, or several of the same words. They share
// them.
type Traits struct {
	Timing health.Timing
	// Names are what the configuration calls the check (sorted, distinct).
	Names []string
}

// Leaves is how many statuses expressions can ask for: those of Checks, then those of Combined.
func (c *Config) Leaves() int { return len(c.Checks) + len(c.Combined) }

// Definition is what runs.
func (c *Check) Definition() health.Definition {
	return health.Definition{Probe: c.Probe, Timing: c.Timing}
}

// Resolver is one name server of the word resolver.
type Resolver struct {
	Pos    Pos
	Server netip.AddrPort
}

// Warning is one warning with its place.
type Warning struct {
	Pos  Pos
	Text string
}

// Pos is a place in a Corefile (or a file that it imports).
type Pos struct {
	File string
	Line int
}

// Zone is one zone and its record sets. Stanzas of a block that name the same zone add up to one Zone.
type Zone struct {
	Name      string   // lower case, fully qualified
	TTL       TTL      // of the apex records and of name errors
	MName     string   // SOA primary name server, fully qualified
	RName     string   // SOA mailbox, fully qualified
	NS        []string // fully qualified, never empty
	Fall      fall.F   // Zones empty: no fallthrough
	Cacheable bool
	Sets      []*Set
}

// TTL holds times to live in seconds: Settled while every check a set depends on is in its best state, else Unsettled.
type TTL struct{ Settled, Unsettled uint32 }

// Set is one record set: all records of one name and type.
type Set struct {
	Zone    *Zone
	Name    string // lower case, fully qualified; "*." first for a wildcard
	Type    uint16 // 0: addresses, the set answers A and AAAA
	Kind    policy.Kind
	Records []*Record // failover: the primary first, then the secondaries in order; else in the order of the lines
	TTL     TTL
	AllDown policy.AllDown
	// Fixed has the values of "all_down answer"; nil without.
	Fixed    *Record
	Min      policy.Threshold
	Max      int // multivalue: how many records at the most
	Failback policy.Failback
}

// Types returns the RR types the set answers, by family.
func (s *Set) Types() []uint16 {
	if s.Type == 0 {
		return []uint16{dns.TypeA, dns.TypeAAAA}
	}
	return []uint16{s.Type}
}

// Record is one record line.
type Record struct {
	ID    string // unique in the set
	Alias *Alias // nil for a record with values

	// Of a record with values: those of the first family, then those of the second.
	values []dns.RR
	checks []*health.Expression // parallel to values; nil for a line without checks
	first  uint32               // values of the first family

	Weight uint16
	// Checked tells that the line names a check.
	Checked bool
}

// Values returns the RRs of one family: for a set without a type A first, then AAAA; else there is only the first. They
// have the set's name and its settled TTL, so most answers are made of them as they are: neither they nor the slice may
// be changed.
func (r *Record) Values(family int) []dns.RR { return ofFamily(r.values, r.first, family) }

// Checks returns what must be healthy for each of the values of a family, nil where nothing is checked. What is disabled
// has nothing below it.
func (r *Record) Checks(family int) []*health.Expression { return ofFamily(r.checks, r.first, family) }

func ofFamily[T any](all []T, first uint32, family int) []T {
	switch {
	case len(all) == 0:
		return nil
	case family == 0:
		return all[:first:first]
	}
	return all[first:]
}

// Alias points at other record sets of the same server block, by family as in Record.Values; nil where the target has
// no set that answers the family. Or it points at a name outside of them, which then answers for all families.
type Alias struct {
	Name        string             // fully qualified, as written in the configuration
	Check       *health.Expression // the alias's own, nil without
	Target      [policy.Families]*Set
	Outside     *Outside
	Family      [policy.Families]int // which family of the target answers; of a name outside, 0 for A and 1 for AAAA
	EvaluateOff bool
}

// DefaultTTL is that of a stanza without the word ttl.
var DefaultTTL = TTL{Settled: 60, Unsettled: 10}

// Defaults of a check (statements H03, H04); Fast is an interval's fifth, but at least a second and at most the interval.
const (
	DefaultInterval = 10 * time.Second
	DefaultTimeout  = 4 * time.Second
	DefaultFall     = 3
	DefaultRise     = 2 // of a file both are 1
	// DefaultMax is how many records a multivalue answer has at the most (statement R12).
	DefaultMax = 8
)
