package zone

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// The odds that nothing comes of a draw are those of all the sets of choices that can be drawn.
func TestLackingCountsAllDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "choices")
		take := rapid.IntRange(1, n).Draw(t, "take")
		lacks := rapid.SliceOfN(rapid.Float64Range(0, 1), 0, n).Draw(t, "lacks")
		sum, draws := 0.0, 0.0
		for drawn := range 1 << n {
			if bits.OnesCount(uint(drawn)) != take {
				continue
			}
			odds := 1.0
			for i := range n {
				if drawn>>i&1 == 1 && i < len(lacks) {
					odds *= lacks[i]
				}
			}
			sum += odds
			draws++
		}
		if got, want := lacking(lacks, n, take), sum/draws; math.Abs(got-want) > 1e-9 {
			t.Fatalf("Got %g, want %g", got, want)
		}
	})
}

// A Prospect has what Pick draws, and as often.
func TestProspectIsWhatPickDraws(t *testing.T) {
	x, states := load(t, `failover {
		ttl 60s 10s
		check web http://:80/
		weight 1 heavy 192.0.2.1 check web
		weight 3 heavy 192.0.2.2 192.0.2.3 check web
		answer mix alias heavy
		answer mix alias heavy id again
		answer mix 192.0.2.1
		set mix max 2
		primary empty 192.0.2.9 check web
		set empty all_down nodata ttl 30s 5s
		primary failing 192.0.2.9 check web
		set failing all_down servfail
		answer many alias empty
		answer many alias failing
		answer many alias heavy
		set many max 2
		set many ttl 90s 20s
		weight 1 ways alias empty
		weight 2 ways alias failing
		primary fixed 192.0.2.9 check web
		set fixed all_down answer 192.0.2.7 192.0.2.8
	}`)
	for i := range states {
		states[i].State = health.Unhealthy
		x.Update([]int{i}, time.Unix(1_800_000_001, 0))
	}
	const draws = 4000
	source := rand.NewPCG(1, 2)
	for s := range x.Sets() {
		a := s.Answer(0)
		drawn := map[string]int{}
		for range draws {
			got := a.Pick(Draw{Source: source, Room: make([]dns.RR, 0, a.Room)})
			for _, rr := range got.Records {
				drawn[rr.String()]++
			}
			drawn[fmt.Sprint(got.Outcome, got.SOA)]++
		}
		prospect := a.Prospect()
		odds := map[string]float64{}
		for _, c := range prospect.Records {
			odds[c.Record.String()] += c.Odds
		}
		sum := 0.0
		for _, e := range prospect.Ends {
			outcome := e.Outcome
			if outcome == policy.AnswerFixed {
				outcome = policy.Answer
			}
			odds[fmt.Sprint(outcome, e.SOA)] += e.Odds
			sum += e.Odds
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("%s: the odds of the outcomes add up to %g", s.Config.Name, sum)
		}
		for what := range drawn {
			if odds[what] == 0 {
				t.Errorf("%s: drew %s, which has no odds", s.Config.Name, what)
			}
		}
		for what, p := range odds {
			deviation := math.Sqrt(p * (1 - p) / draws)
			if f := float64(drawn[what]) / draws; math.Abs(f-p) > 6*deviation+1e-9 {
				t.Errorf("%s: drew %s in %g of all answers, want %g", s.Config.Name, what, f, p)
			}
		}
	}
}
