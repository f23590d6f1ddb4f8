package judge

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

const (
	modelZones = 16
	// questionsPerZone are asked beside those for every name with every type that it has.
	questionsPerZone = 300
)

// modelBlock is a zone, at a port and with the plugins that answer for it.
const modelBlock = `%s:%s {
	bind 127.0.0.1
	errors
	%s
}
`

// outside is what else there is on each port: a name with an address, one that does not exist, one that fails. What is
// not in here is refused.
const outside = `template IN A host.example.net {
		answer "{{ .Name }} 60 IN A 203.0.113.1"
	}
	template ANY ANY host.example.net {
		authority "example.net. 60 IN SOA ns.example.net. hostmaster.example.net. 1 7200 1800 86400 60"
	}
	template ANY ANY nowhere.example.net {
		rcode NXDOMAIN
		authority "example.net. 60 IN SOA ns.example.net. hostmaster.example.net. 1 7200 1800 86400 60"
	}
	template ANY ANY broken.example.net {
		rcode SERVFAIL
	}`

// TestD02_D03_AnswersLikeFile asks both the same questions: every name of random zones and names near them, for types
// of every kind, in letters of every kind. Both must say the same but for
// the rules in file_rules_test.go.
func TestD02_D03_AnswersLikeFile(t *testing.T) {
	t.Parallel()
	c := &comparison{used: map[string]int{}, serials: map[string]uint32{}}
	deliver(t, "the file plugin", "all kinds of questions", func() string {
		return fmt.Sprintf("%d answers are the same, with these exceptions (an answer can have several):", c.count)
	})
	var corefile strings.Builder
	files := make([]string, 0, 2*modelZones)
	for i := range modelZones {
		m := newModel(fmt.Sprintf("z%d.example.org.", i), uint64(i))
		c.models = append(c.models, m)
		file := "zone" + strconv.Itoa(i)
		files = append(files, file, m.zoneFile())
		fmt.Fprintf(&corefile, modelBlock, m.origin, "@DNS@", "failover {\n\t\t"+strings.Join(m.lines, "\n\t\t")+"\n\t}")
		fmt.Fprintf(&corefile, modelBlock, m.origin, "@FILE@", "file "+file)
		// Behind minimal the answers of file have the size of ours.
		fmt.Fprintf(&corefile, modelBlock, m.origin, "@MINIMAL@", "minimal\n\tfile "+file)
	}
	for _, port := range []string{"@DNS@", "@FILE@", "@MINIMAL@"} {
		fmt.Fprintf(&corefile, modelBlock, "example.net", port, outside)
	}
	c.server = harness.Start(t, corefile.String(), files...)
	for _, m := range c.models {
		c.serials[m.origin] = c.server.Serial(t, m.origin)
	}
	for i, m := range c.models {
		c.zone(t, m, rand.New(rand.NewPCG(uint64(i), 1)))
	}
	for _, rule := range rules {
		if c.used[rule.name] == 0 {
			t.Errorf("Expected an answer for which there is the rule %q, found none", rule.name)
		}
		deliver(t, "the file plugin", "exception: "+rule.name, func() string {
			return fmt.Sprintf("%d answers; %s", c.used[rule.name], rule.why)
		})
	}
}

// comparison is of two servers in one process.
type comparison struct {
	server *harness.Server
	models []*model
	count  int
	used   map[string]int
	// serials are ours by zone. There is no health here, so they stay.
	serials map[string]uint32
	wrong   int
}

// questionTypes are all that have a name, and some that have none.
var questionTypes = func() []uint16 {
	types := slices.AppendSeq([]uint16{4711, 65280, 65500}, maps.Keys(dns.TypeToString))
	slices.Sort(types)
	return types
}()

// zone asks for one zone.
func (c *comparison) zone(t *testing.T, m *model, random *rand.Rand) {
	t.Helper()
	names := make([]string, 0, len(m.records))
	for _, r := range m.records {
		name := strings.TrimPrefix(r.name+"."+m.origin, "@.")
		names = append(names, name)
		for _, qtype := range []uint16{dns.StringToType[r.rrtype], dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeANY} {
			c.ask(t, random, name, qtype)
		}
	}
	for range questionsPerZone {
		name := near(random, m, names[random.IntN(len(names))])
		qtype := questionTypes[random.IntN(len(questionTypes))]
		if random.IntN(3) > 0 {
			qtype = []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeCNAME, dns.TypeANY}[random.IntN(6)]
		}
		c.ask(t, random, mixed(random, name), qtype)
	}
}

// near changes a name of the zone a little: one above, below or beside it, or it.
func near(random *rand.Rand, m *model, name string) string {
	odd := []string{
		"x", "*", "-", "xn--caf-dma", strings.Repeat("l", 63), `\000`, `\.`, `a\.b`, `\032`, `\"`, `\255`, `e\.f`,
	}
	for range 1 + random.IntN(2) {
		switch random.IntN(5) {
		case 0:
			if name != m.origin {
				name = parent(name)
			}
		case 1:
			name = labels[random.IntN(len(labels))] + "." + name
		case 2:
			name = odd[random.IntN(len(odd))] + "." + name
		case 3:
			if name != m.origin {
				name = labels[random.IntN(len(labels))] + "." + parent(name)
			}
		}
	}
	if strings.HasPrefix(name, "*.") && random.IntN(2) == 0 {
		name = "w" + name[1:]
	}
	if _, ok := dns.IsDomainName(name); !ok {
		return m.origin
	}
	return name
}

// ask asks one question of both, in the same way, and compares.
func (c *comparison) ask(t *testing.T, random *rand.Rand, name string, qtype uint16) {
	t.Helper()
	q := harness.Question(name, qtype)
	q.RecursionDesired, q.CheckingDisabled = random.IntN(2) == 0, random.IntN(4) == 0
	q.AuthenticatedData = random.IntN(4) == 0
	if random.IntN(2) == 0 {
		q.SetEdns0([]uint16{512, 1232, 4096}[random.IntN(3)], random.IntN(2) == 0)
	}
	network := "tcp"
	if random.IntN(2) == 0 {
		network = "udp"
	}
	ours, err := c.exchange(network, "@DNS@", q)
	if err != nil {
		t.Errorf("%s %s: %v", name, dns.Type(qtype), err)
		return
	}
	if c.count++; c.wrong > 10 {
		t.Fatal("That is enough of them")
	}
	whole, err := c.exchange("tcp", "@FILE@", q)
	if err != nil {
		t.Errorf("%s %s of file: %v", name, dns.Type(qtype), err)
		return
	}
	want, sameSize := c.expected(q, whole)
	if network == "udp" {
		// What is cut off is up to the size.
		cut, err := c.exchange("udp", "@MINIMAL@", q)
		switch {
		case err != nil:
			t.Errorf("%s %s of file behind minimal: %v", name, dns.Type(qtype), err)
			return
		case sameSize && ours.Truncated != cut.Truncated:
			c.differ(t, q, cut, ours, cut)
			return
		case ours.Truncated:
			if !cut.Truncated || len(ours.Answer) != len(cut.Answer) || ours.Rcode != cut.Rcode {
				c.differ(t, q, cut, ours, cut)
			}
			return
		}
	}
	if canon(ours) != canon(want) {
		c.differ(t, q, want, ours, whole)
	}
}

func (c *comparison) differ(t *testing.T, q, want, got, file *dns.Msg) {
	t.Helper()
	c.wrong++
	t.Errorf("%s: expected\n%s\ngot\n%s\nand file says\n%s", q.Question[0].String(), canon(want), canon(got), canon(file))
}

func (c *comparison) exchange(network, word string, q *dns.Msg) (*dns.Msg, error) {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(c.server.Ports[word]))
	client := dns.Client{Net: network, Timeout: harness.Patience, UDPSize: dns.MaxMsgSize}
	m, _, err := client.Exchange(q, addr)
	return m, err
}

// canon is a reply as text: the header, and each section as a set. What is random, or only says how long we were asked,
// is left out.
func canon(m *dns.Msg) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s aa=%v tc=%v rd=%v ra=%v ad=%v cd=%v z=%v opcode=%d %s\n", dns.RcodeToString[m.Rcode],
		m.Authoritative, m.Truncated, m.RecursionDesired, m.RecursionAvailable, m.AuthenticatedData, m.CheckingDisabled,
		m.Zero, m.Opcode, m.Question[0].String())
	for i, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		var lines []string
		for _, rr := range section {
			lines = append(lines, "  "+rr.String())
		}
		slices.Sort(lines)
		fmt.Fprintf(&text, "%s:\n%s\n", []string{"answer", "authority", "additional"}[i], strings.Join(lines, "\n"))
	}
	return text.String()
}
