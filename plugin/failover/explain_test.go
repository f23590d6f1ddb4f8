package failover

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/plugin/failover/explain"
	"github.com/seed-a19ac2b6/failover/plugin/failover/lookup"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// explained is a random configuration at work.
type explained struct {
	t        *rapid.T
	config   *corefile.Config
	f        *Failover
	statuses []health.Status
	known    map[string]*lookup.Found // of names outside
	now      time.Time
}

func startForest(t *rapid.T, text string) *explained {
	c := caddy.NewTestController("dns", text)
	c.ServerBlockKeys = []string{"example.org."}
	config, err := corefile.Parse(c)
	if err != nil {
		t.Fatalf("%v, in\n%s", err, text)
	}
	x := &explained{t: t, config: config, now: time.Unix(1_800_000_000, 0)}
	x.statuses, x.known = x.drawStatuses(), map[string]*lookup.Found{}
	x.find()
	x.f = x.serve(zone.New(config, uncounted), x.statuses)
	return x
}

// serve starts a handler on an index.
func (x *explained) serve(index *zone.Index, statuses []health.Status) *Failover {
	index.Panicked = func(v any) { panic(v) }
	index.Look = func(name string) *lookup.Found { return x.known[name] }
	index.Start(func(leaf int) health.Status { return statuses[leaf] }, x.now)
	return &Failover{config: x.config, index: index, Next: test.NextHandler(dns.RcodeRefused, nil)}
}

// drawStatuses draws the health of everything, from all down to all up.
func (x *explained) drawStatuses() []health.Status {
	up := rapid.SampledFrom([]int{0, 3, 6, 9, 10}).Draw(x.t, "share of health")
	statuses := make([]health.Status, x.config.Leaves())
	for i := range statuses {
		statuses[i] = drawStatus(x.t, up)
	}
	return statuses
}

func drawStatus(t *rapid.T, up int) health.Status {
	s := health.Status{State: health.Healthy, Streak: rapid.IntRange(0, 9).Draw(t, "streak") == 0}
	if rapid.IntRange(0, 9).Draw(t, "health") >= up {
		s.State = rapid.SampledFrom([]health.State{health.Unhealthy, health.Unhealthy, health.Unknown}).Draw(t, "state")
	}
	if rapid.IntRange(0, 9).Draw(t, "by hand") == 0 {
		s.Manual = rapid.SampledFrom([]health.State{health.Healthy, health.Unhealthy}).Draw(t, "manual state")
	}
	return s
}

// live lets time pass and health change.
func (x *explained) live() {
	for range rapid.IntRange(0, 4).Draw(x.t, "moments") {
		x.now = x.now.Add(time.Duration(rapid.IntRange(1, 4).Draw(x.t, "seconds")) * time.Second)
		copy(x.statuses, x.drawStatuses())
		leaves := make([]int, len(x.statuses))
		for i := range leaves {
			leaves[i] = i
		}
		for _, name := range x.find() {
			x.f.index.Found(name)
		}
		x.f.index.Update(leaves, x.now)
	}
}

// find draws what is found of some names outside, and gives those.
func (x *explained) find() (names []string) {
	for _, o := range x.config.Outside {
		old := x.known[o.Name]
		if old != nil && rapid.Bool().Draw(x.t, "the same") {
			continue
		}
		names = append(names, o.Name)
		f := &lookup.Found{Answered: true, Since: x.now}
		x.known[o.Name] = f
		switch rapid.SampledFrom([]string{"addresses", "addresses", "nothing", "no name", "nobody", "unknown"}).Draw(x.t, "found") {
		case "nobody":
			f.Nobody, f.Answered = true, false
		case "unknown":
			f.Answered = false
		case "no name":
			f.NXDomain = true
		case "addresses":
			for family, text := range []string{"192.0.2.%d", "2001:db8::%d"} {
				part := &f.Now[family]
				for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(1, 9), 0, 3, rapid.ID[int]).Draw(x.t, "addresses") {
					part.Addrs = append(part.Addrs, netip.MustParseAddr(fmt.Sprintf(text, i)))
				}
				part.TTL = rapid.SampledFrom([]uint32{5, 11, 300}).Draw(x.t, "TTL")
				if rapid.IntRange(0, 3).Draw(x.t, "CNAME") == 0 {
					part.CNAMEs = []string{"far.example.com."}
				}
			}
		}
		if f.Last = f.Now; !f.Any() && old != nil {
			f.Last = old.Last
		}
	}
	return names
}

func (x *explained) explain(q explain.Question) *api.Explanation {
	e, err := explain.Explain(x.f.index, x.config, q, x.now)
	if err != nil {
		x.t.Fatal(err)
	}
	return e
}

// draws is how many answers are compared with an explanation.
const draws = 120

// compare asks a handler many times, and compares its answers with what the explanation lists.
func (x *explained) compare(f *Failover, q explain.Question, e *api.Explanation) {
	records, outcomes := map[string]int{}, map[string]int{}
	for range draws {
		m := replyTo(x.t, f, q)
		outcomes[outcomeOf(m)]++
		if m == nil {
			continue
		}
		seen := map[string]bool{}
		for _, rr := range m.Answer {
			if text := unnumbered(rr.String()); !seen[text] {
				records[text]++
				seen[text] = true
			} else {
				x.t.Fatalf("%s is in an answer twice", text)
			}
		}
	}
	listed, ends := map[string]float64{}, map[string]float64{}
	for _, r := range e.Records {
		rr, err := dns.NewRR(strings.Join([]string{r.Name, "IN", r.Type, r.Data}, " "))
		if err != nil {
			x.t.Fatal(err)
		}
		rr.Header().Ttl = r.TTL
		listed[unnumbered(rr.String())] += r.Odds
	}
	for _, o := range e.Outcomes {
		text := string(o.Kind)
		if o.Kind == api.AnswerElsewhere {
			text = string(api.AnswerRecords) // nobody else answers here
		}
		for _, soa := range o.Authority {
			text += " " + unnumbered(soa)
		}
		ends[text] += o.Odds
	}
	x.agree(e, "record", records, listed)
	x.agree(e, "outcome", outcomes, ends)
}

// agree sees to it that what was counted is what was listed, about as often as it should have been.
func (x *explained) agree(e *api.Explanation, what string, counted map[string]int, listed map[string]float64) {
	fail := func(text string) {
		x.t.Fatalf("%s %q: in %d of %d answers, with odds of %g, in\n%s", what, text, counted[text], draws, listed[text],
			strings.Join(e.Lines(), "\n"))
	}
	for text := range counted {
		if listed[text] <= 0 {
			fail(text)
		}
	}
	for text, odds := range listed {
		// Chernoff's bound: so far off once in e^25 times.
		if distance(float64(counted[text])/draws, odds)*draws > 25 {
			fail(text)
		}
	}
}

// distance is the relative entropy of two coins.
func distance(f, p float64) float64 {
	p = min(max(p, 1e-15), 1-1e-15)
	term := func(a, b float64) float64 {
		if a == 0 {
			return 0
		}
		return a * math.Log(a/b)
	}
	return term(f, p) + term(1-f, 1-p)
}

func replyTo(t *rapid.T, f *Failover, q explain.Question) *dns.Msg {
	r := new(dns.Msg)
	r.SetQuestion(q.Name, q.Type)
	if q.Client.IsValid() {
		r.SetEdns0(1232, false)
		r.IsEdns0().Option = append(r.IsEdns0().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: q.Client.AsSlice(),
		})
	}
	rec := dnstest.NewRecorder(&test.ResponseWriter{})
	rcode, err := f.ServeDNS(context.Background(), rec, r)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Msg == nil && rcode == dns.RcodeRefused && (q.Type == dns.TypeAXFR || q.Type == dns.TypeIXFR) {
		m := new(dns.Msg)
		if f.index.Match(q.Name).Zone == nil {
			return nil
		}
		return m.SetRcode(r, rcode) // as the server would write it
	}
	return rec.Msg
}

// outcomeOf is the kind of an answer, none for what was left to the next plugin, and its authority section.
func outcomeOf(m *dns.Msg) string {
	if m == nil {
		return string(api.AnswerNext)
	}
	kind := map[int]api.AnswerKind{
		dns.RcodeSuccess: api.AnswerRecords, dns.RcodeNameError: api.AnswerNXDomain,
		dns.RcodeServerFailure: api.AnswerServFail, dns.RcodeRefused: api.AnswerRefused,
	}[m.Rcode]
	if m.Rcode == dns.RcodeSuccess && len(m.Ns) > 0 {
		kind = api.AnswerNoData
	}
	text := string(kind)
	for _, soa := range m.Ns {
		text += " " + unnumbered(soa.String())
	}
	return text
}

var serial = regexp.MustCompile(`\d{6,}`)

// unnumbered is a SOA without its serial: that of an index of its own is another.
func unnumbered(soa string) string { return serial.ReplaceAllString(soa, "SERIAL") }

func drawQuestion(t *rapid.T, names []string) explain.Question {
	name := rapid.SampledFrom(names).Draw(t, "name")
	if rapid.IntRange(0, 4).Draw(t, "letters") == 0 {
		name = strings.ToUpper(name)
	}
	var client netip.Addr
	if rapid.IntRange(0, 3).Draw(t, "with client") == 0 {
		client = netip.AddrFrom4([4]byte{198, 51, 100, rapid.Byte().Draw(t, "client")})
	}
	return explain.Question{Name: name, Client: client, Type: rapid.SampledFrom([]uint16{
		dns.TypeA, dns.TypeA, dns.TypeA, dns.TypeAAAA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeTXT, dns.TypeANY, dns.TypeSOA,
		dns.TypeNS, dns.TypeAXFR,
	}).Draw(t, "type")}
}

// What is explained is what is answered: over random trees, health and questions, as things stand and with assumptions.
func TestExplainAgreesWithTheAnswers(t *testing.T) {
	known := statementIDs(t)
	rapid.Check(t, func(t *rapid.T) {
		text, names := drawForest(t)
		x := startForest(t, text)
		x.live()
		for range 10 {
			q := drawQuestion(t, names)
			before := answersOf(x.f.index)
			e := x.explain(q)
			x.compare(x.f, q, e)
			if q.Client.IsValid() && e.Client != q.Client.String() {
				t.Fatalf("The client is %q", e.Client)
			}
			if len(e.Statements) == 0 {
				t.Fatal("No statement was applied")
			}
			for _, id := range e.Statements {
				if !known[id] {
					t.Fatalf("There is no statement %s", id)
				}
			}
			q.Assume = map[int]health.Status{}
			for range rapid.IntRange(1, 4).Draw(t, "assumptions") {
				if len(x.statuses) > 0 {
					q.Assume[rapid.IntRange(0, len(x.statuses)-1).Draw(t, "leaf")] = drawStatus(t, 4)
				}
			}
			x.compare(x.twin(q.Assume), q, x.explain(q))
			q.Assume = nil
			if !slices.Equal(before, answersOf(x.f.index)) {
				t.Fatal("An assumption changed an answer")
			}
			if again := x.explain(q); marshal(t, again) != marshal(t, e) {
				t.Fatalf("After an assumption things stand otherwise:\n%s\n%s", marshal(t, again), marshal(t, e))
			}
		}
	})
}

// twin is a handler that remembers what this one does, and for which the assumed statuses are real.
func (x *explained) twin(assume map[int]health.Status) *Failover {
	statuses := slices.Clone(x.statuses)
	for leaf, status := range assume {
		statuses[leaf] = status
	}
	index := zone.New(x.config, uncounted)
	zone.Adopt([]zone.Block{{Index: index}}, []zone.Block{{Index: x.f.index}})
	return x.serve(index, statuses)
}

// answersOf are the answers of all sets.
func answersOf(index *zone.Index) (answers []*zone.Answer) {
	for s := range index.Sets() {
		for f := range s.Config.Types() {
			answers = append(answers, s.Answer(f))
		}
	}
	return answers
}

func marshal(t *rapid.T, e *api.Explanation) string {
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// statementIDs are the numbers of the statements that the tests know.
func statementIDs(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../test/statements_test.go")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^\t"([A-Z][0-9]{2})": "`).FindAllSubmatch(text, -1) {
		ids[string(found[1])] = true
	}
	if len(ids) < 50 {
		t.Fatalf("Found %d statements only", len(ids))
	}
	return ids
}
