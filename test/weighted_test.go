package test

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// queries is the size of a sample.
const queries = 50_000

// Critical values of the chi-square distribution for p = 0.001, by degrees of freedom. A fair draw exceeds its value
// once in a thousand runs; so a sample that does is drawn once more.
var critical = map[int]float64{1: 10.828, 2: 13.816}

// TestR03_WeightedShares has the example of the specification, 10/20/20, answer real queries. It does not run beside
// other tests: it takes the machine for itself.
func TestR03_WeightedShares(t *testing.T) {
	blue, green, red := harness.Serve(t), harness.Serve(t), harness.Serve(t)
	s := harness.Start(t, harness.Zone(fmt.Sprintf(`
		check * %s
		check blue %s
		check green %s
		check red %s
		weight 10 api 192.0.2.11 check blue
		weight 20 api 192.0.2.12 check green
		weight 20 api 192.0.2.13 check red
		weight 0  api 192.0.2.14`, timing, blue.URL(), green.URL(), red.URL())))

	fits(t, s, map[string]float64{"192.0.2.11": 0.2, "192.0.2.12": 0.4, "192.0.2.13": 0.4})

	red.Set(harness.Fail)
	harness.Eventually(t, harness.Soon, "no answer with the third any more", func() bool {
		return sample(t, s, 64)["192.0.2.13"] == 0
	})
	fits(t, s, map[string]float64{"192.0.2.11": 1.0 / 3, "192.0.2.12": 2.0 / 3})

	// R08: the reserve takes over when all the others are down.
	blue.Set(harness.Fail)
	green.Set(harness.Fail)
	harness.Eventually(t, harness.Soon, "answers with the reserve only", func() bool {
		return sample(t, s, 64)["192.0.2.14"] == 64
	})
}

// fits draws a sample, twice if need be, and judges whether its shares can be the expected ones.
func fits(t *testing.T, s *harness.Server, shares map[string]float64) {
	t.Helper()
	var statistic float64
	for range 2 {
		counts := sample(t, s, queries)
		statistic = 0
		for value, n := range counts {
			share, expected := shares[value]
			if !expected {
				t.Fatalf("Expected none of the answers to be %s, got %d", value, n)
			}
			mean := share * queries
			statistic += (float64(n) - mean) * (float64(n) - mean) / mean
		}
		if len(counts) == len(shares) && statistic <= critical[len(shares)-1] {
			return
		}
		t.Logf("Unlikely sample, chi-square %.2f: %v", statistic, counts)
	}
	t.Errorf("Expected shares %v, got two samples that do not fit, the last with chi-square %.2f", shares, statistic)
}

// sample asks for the A records of api.example.org n times and counts the answers.
func sample(t *testing.T, s *harness.Server, n int) map[string]int {
	t.Helper()
	const clients = 8
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		counts = map[string]int{}
	)
	for i := range clients {
		wg.Go(func() {
			mine, err := draw(s, n/clients+min(1, max(0, n%clients-i)))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("Sampling: %v", err)
			}
			for value, k := range mine {
				counts[value] += k
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return counts
}

// draw asks n times over one socket.
func draw(s *harness.Server, n int) (map[string]int, error) {
	conn, err := net.Dial("udp", s.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	co := &dns.Conn{Conn: conn}
	counts := map[string]int{}
	m := harness.Question("api.example.org.", dns.TypeA)
	for range n {
		m.Id = dns.Id()
		_ = co.SetDeadline(time.Now().Add(harness.Patience))
		if err := co.WriteMsg(m); err != nil {
			return nil, err
		}
		reply, err := co.ReadMsg()
		if err != nil {
			return nil, err
		}
		if reply.Id != m.Id || len(reply.Answer) != 1 {
			return nil, fmt.Errorf("expected one record, got: %v", reply)
		}
		counts[harness.Rdata(reply.Answer[0])]++
	}
	return counts, nil
}
