package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// statements are what an answer must be, as far as this version claims it, and, by F and a number, what has to come of a
// fault on our own side. Comments name them by their numbers, and each has at least one test whose name begins with it:
// TestR06_..., or TestR06_R07_... for several. R and A follow Route 53, where a statement does not say "ours".
var statements = map[string]string{
	"R01": "Health is read from the last known state; a query never waits for a probe.",
	"R02": "A record without a check is always healthy.",
	"R03": "Weighted: the odds are weight / sum of the weights of the healthy records.",
	"R04": "One draw over the healthy records has the odds of drawing, dropping the unhealthy and drawing again.",
	"R05": "Weights are 0 to 65535 (ours); all 0: equal odds for the healthy ones.",
	"R06": "No record of a set healthy: all count as healthy and the policy decides as usual.",
	"R07": "With a record that has no check R06 never applies: that record takes everything.",
	"R08": "Weight 0 beside others: considered only when all of those are unhealthy; several: equal odds.",
	"R09": "Every record unhealthy, those with weight 0 too: R06, so the others win by weight.",
	"R10": "Failover: the first healthy tier, the primary first; all unhealthy: the primary; primary back: primary again.",
	"R11": "A secondary without a check answers whenever the primary is unhealthy.",
	"R12": "Multivalue: at most max healthy records, chosen and ordered at random; all unhealthy: at most max of all.",
	"R17": "A record with several values is healthy while min of them are, and answers with the healthy ones only (ours).",
	"R18": "A set without a type judges A and AAAA apart, but failover picks one tier for both (ours).",
	"R19": "all_down says what is answered with nothing healthy: serve, last, nodata, servfail, refuse, next, answer (ours).",
	"R21": "failback manual stays on a tier until that fails; a duration waits for the better tier that long (ours).",
	"A01": "An alias is healthy while its target set has a healthy record, all the way down.",
	"A02": "Choose by the outer policy, then inside; a dead branch is left and the next outer candidate taken.",
	"A03": "evaluate off: the branch counts as healthy whatever is in it; inside, R06 applies.",
	"A04": "An alias with its own check needs both.",
	"A05": "Everything down: R06 at the top, then R06 inside; nested failover: the primary's branch.",
	"A06": "The answer carries the asked name, and the target's TTL where that is lower.",
	"A07": "A loop of aliases, or one to a name that is not there, is an error at load that prints the path.",
	"A08": "An alias to a name outside the record sets is looked up in the background; without an address it is unhealthy (ours).",
	"H01": "A check is unknown, healthy or unhealthy; unknown counts as healthy (inverted: unhealthy).",
	"H02": "A first pass decides at once; a new check becomes unhealthy only after fall failures, probed every fast (ours).",
	"H03": "fall failures in a row, or N among the last M, make it unhealthy; rise passes in a row healthy.",
	"H04": "While a contrary streak is open the check is probed every fast.",
	"H05": "hold keeps it unhealthy for a time at least, doubled with every flip soon after, until it is calm (ours).",
	"H06": "HTTP: 200 to 399 passes unless status says otherwise; redirects are not followed unless follow.",
	"H07": "match must lie in the first 5,120 bytes of the decoded body; no more than that is read.",
	"H08": "Host header: the word host or sni, else the target's host, with the port unless it is the scheme's own.",
	"H09": "TLS is verified, with SNI, unless insecure (ours).",
	"H10": "invert swaps; disabled stops probing and counts as healthy; both: unhealthy.",
	"H11": "A host name is resolved for every probe, by resolver or the system's, and never blocks others.",
	"H12": "A probe ends at its timeout, whatever the peer does.",
	"H13": "A panic in a prober makes that probe indeterminate and hurts nothing else.",
	"H14": "While this server seems to be cut off, the canaries too or else every host, nothing becomes unhealthy (ours).",
	"H15": "A manual state, by name or pattern, with reason, author and expiry, wins over what probes find, which go on beneath.",
	"H16": "A probe passes, fails or is indeterminate: what is wrong on our own side never moves a state (ours).",
	"H17": "Only going unhealthy is ever held back, coming back healthy never (ours).",
	"H18": "After a stop of the machine or the process everything is probed again before anything becomes unhealthy (ours).",
	"C01": "atleast N is healthy while N or more children are; all, any, not as named; nesting is allowed.",
	"C02": "N larger than the number of children is an error at load; a disabled child counts as healthy.",
	"C03": "file is healthy while its first word is up and unhealthy while it is down; heartbeat D while somebody has posted within D; both at once.",
	"C04": "prometheus is healthy while the query is true; insufficient says what no data means.",
	"C05": "kubernetes is healthy while a Service has a ready endpoint, as a watch of EndpointSlices tells; the API server gone, the last state stays.",
	"D01": "Answers are authoritative, keep the letters of the question, and have the set's TTL.",
	"D02": "NODATA and NXDOMAIN carry the SOA; empty non-terminals exist; a wildcard covers what does not (RFC 4592).",
	"D03": "A CNAME answers every type, with its target where that is ours or can be looked up.",
	"D04": "Zones match at label boundaries, the longest wins, letters' case does not matter.",
	"D05": "SOA and NS at the apex always answer; the serial grows with every change of any answer and never falls.",
	"D06": "Answers over UDP fit the client's buffer, else TC; ANY follows RFC 8482.",
	"D07": "A reply narrows no EDNS client subnet where the client did not matter; a broken one breaks nothing.",
	"D08": "Signed answers of the dnssec plugin validate in every state of health, negative ones too.",
	"D09": "AXFR gives the records that would be answered now; a change of health raises the serial and sends NOTIFY.",
	"D10": "No cache in front outlives the TTL, which is unsettled while a check is not in its best state.",
	"O01": "ready is false until every check is known or 5 s have passed; it speaks for the process, never of targets.",
	"F01": "A target that refuses is left after fall failures, in the time that the timing says.",
	"F02": "Targets that vanish without a word delay no check of others.",
	"F03": "A hostile target costs bounded time and memory, and is told as what it is.",
	"F04": "A target that fails every now and then, never often in a row, is left by fall N/M.",
	"F05": "A target that goes up and down all the time is held down for longer and longer.",
	"F06": "When all targets fail and nothing tells why, going unhealthy is held for a while, and then accepted.",
	"F07": "While the canaries fail too the server is isolated, and nothing moves.",
	"F08": "With a canary that passes nothing is held.",
	"F09": "Without descriptors no state moves, and checks go on once there are some.",
	"F10": "Without ports no state moves, and probes leave none in TIME_WAIT.",
	"F11": "Without a resolver probes go to the addresses from before.",
	"F12": "Without processor time no healthy target is taken down.",
	"F13": "After a stop of the process everything is probed again before anything goes unhealthy.",
	"F14": "A wall clock that is set forward or back moves no state and no timing; certificates expire by it.",
	"F15": "Reloads, broken ones too, keep what is known and pile nothing up.",
	"F16": "A prober that panics is survived, and moves no state.",
	"F17": "A probe that never returns holds its place for a bounded time, and so do many.",
	"F18": "A start spreads its first probes.",
	"F19": "Thousands of checks take less than one processor and leave queries alone.",
	"F25": "The address families are independent.",
	"F26": "A certificate that is expired, of another name or missing at the client is told as such.",
	"F30": "A state file that cannot be written is told once and stops nothing, and is written when it can be.",
	"O02": "With a state file health, manual states and serials survive a restart; what is older than 10 intervals is unknown.",
	"O03": "A reload loses no query, keeps the state of unchanged checks and leaks nothing.",
}

var (
	claims = regexp.MustCompile(`^Test((?:[A-Z][0-9]{2}_)+)`)
	number = regexp.MustCompile(`[A-Z][0-9]{2}`)
)

// TestEveryStatementHasATest reads the test files of the whole repository.
func TestEveryStatementHasATest(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == "bin" || name == "testdata" || strings.HasPrefix(name, ".") && name != ".." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, is := decl.(*ast.FuncDecl); is && f.Recv == nil {
				for _, id := range number.FindAllString(claims.FindString(f.Name.Name), -1) {
					found[id] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, statement := range statements {
		if !found[id] {
			t.Errorf("Expected a test of %s, found none: %s", id, statement)
		}
	}
	for id := range found {
		if statements[id] == "" {
			t.Errorf("Expected only tests of known statements, found one of %s", id)
		}
	}
}
