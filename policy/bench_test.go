package policy_test

import (
	"math/rand/v2"
	"testing"

	"github.com/seed-a19ac2b6/failover/policy"
)

func benchmarkDraw(b *testing.B, s *policy.Set) {
	b.Helper()
	plan := decide(s, records(string(fill(len(s.Records))))...).Plans[0]
	src := rand.NewPCG(1, 2)
	sink := 0
	b.ReportAllocs()
	for b.Loop() {
		sink += plan.Draw(src.Uint64())
	}
	_ = sink
}

func BenchmarkDrawWeighted3(b *testing.B)   { benchmarkDraw(b, weighted(10, 20, 20)) }
func BenchmarkDrawWeighted100(b *testing.B) { benchmarkDraw(b, hundred(policy.Weighted)) }
func BenchmarkDrawFailover(b *testing.B)    { benchmarkDraw(b, set(policy.Failover, 2)) }

func benchmarkShuffle(b *testing.B, s *policy.Set) {
	b.Helper()
	plan := decide(s, records(string(fill(len(s.Records))))...).Plans[0]
	order := make([]uint32, len(plan.Choices))
	var src rand.Source = rand.NewPCG(1, 2)
	b.ReportAllocs()
	for b.Loop() {
		plan.Shuffle(order, src)
	}
}

func BenchmarkShuffle8Of8(b *testing.B)   { benchmarkShuffle(b, set(policy.Multivalue, 8)) }
func BenchmarkShuffle8Of100(b *testing.B) { benchmarkShuffle(b, hundred(policy.Multivalue)) }

func benchmarkDecide(b *testing.B, s *policy.Set) {
	b.Helper()
	inputs := records(string(fill(len(s.Records))))
	var memory policy.Memory
	b.ReportAllocs()
	for b.Loop() {
		_, memory = policy.Decide(s, inputs, memory, epoch)
	}
}

func BenchmarkDecideFailover2(b *testing.B)   { benchmarkDecide(b, set(policy.Failover, 2)) }
func BenchmarkDecideWeighted3(b *testing.B)   { benchmarkDecide(b, weighted(10, 20, 20)) }
func BenchmarkDecideWeighted100(b *testing.B) { benchmarkDecide(b, hundred(policy.Weighted)) }
func BenchmarkDecideTree(b *testing.B) {
	tr, now := depth3()
	c := newCompiled(tr)
	b.ReportAllocs()
	for b.Loop() {
		c.decide(now)
	}
}
