package policy_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"
)

// epoch is when the tests' time begins.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// records reads the health of a set's records, one field a record and one letter a value, so that a table of cases fits
// on a page: "uud d" is a record with two of three values up and a record whose only value is down. The families of a
// record are parted by a slash, "u/d", and a dash is a family that the record has nothing of, "-/u".
func records(health string) []policy.Input {
	var inputs []policy.Input
	for field := range strings.FieldsSeq(health) {
		in := policy.Input{Passed: true}
		for f, part := range strings.Split(field, "/") {
			for _, letter := range strings.Trim(part, "-") {
				in.Families[f].Values = append(in.Families[f].Values, letter == 'u')
			}
		}
		inputs = append(inputs, in)
	}
	return inputs
}

// branch is the input of an alias without a check of its own.
func branch(target policy.Decision) policy.Input {
	in := policy.Input{Passed: true}
	for f, plan := range target.Plans {
		in.Families[f].Inner = plan
	}
	return in
}

// set makes a set of one family with n plain records.
func set(kind policy.Kind, n int) *policy.Set {
	return &policy.Set{Kind: kind, Families: 1, Records: make([]policy.Record, n), Max: 8}
}

// weighted makes a weighted set of one family.
func weighted(weights ...uint16) *policy.Set {
	s := set(policy.Weighted, len(weights))
	for i, w := range weights {
		s.Records[i].Weight = w
	}
	return s
}

// aliases makes a set of one family of n aliases, all of weight 1.
func aliases(kind policy.Kind, n int) *policy.Set {
	s := set(kind, n)
	for i := range s.Records {
		s.Records[i] = policy.Record{Weight: 1, Alias: true}
	}
	return s
}

// both gives a set its second family.
func both(s *policy.Set) *policy.Set {
	s.Families = 2
	return s
}

// decide decides without any memory.
func decide(s *policy.Set, inputs ...policy.Input) policy.Decision {
	decision, _ := policy.Decide(s, inputs, policy.Memory{}, epoch)
	return decision
}

// show writes a plan as text: the records with their odds in their order, "0=1/5 1=4/5", or how many are taken and of
// which, "2 of 0 1 2". What a plan is worth to an alias stands before it unless it is alive: "absent", "dead", or
// "down" where the set's all_down decided.
func show(p *policy.Plan) string {
	if p == nil {
		return "none"
	}
	var words []string
	switch {
	case p.AllDown && p.Status == policy.Dead:
		words = append(words, "down")
	case p.AllDown:
		words = append(words, fmt.Sprintf("all-down-with-status-%d", p.Status))
	case p.Status == policy.Dead:
		words = append(words, "dead")
	case p.Status == policy.Absent:
		words = append(words, "absent")
	}
	if p.Outcome != policy.Answer {
		return strings.Join(append(words, outcomes[p.Outcome]), " ")
	}
	if p.Take > 1 {
		words = append(words, fmt.Sprintf("%d of", p.Take))
	}
	for i, c := range p.Choices {
		if p.Take > 1 {
			words = append(words, fmt.Sprint(c.Record))
		} else {
			words = append(words, fmt.Sprintf("%d=%s", c.Record, odds(p, i).RatString()))
		}
	}
	return strings.Join(words, " ")
}

var outcomes = map[policy.Outcome]string{
	policy.AnswerNoData:   "nodata",
	policy.AnswerServFail: "servfail",
	policy.AnswerRefused:  "refused",
	policy.AnswerNext:     "next",
	policy.AnswerFixed:    "fixed",
}

// odds is Plan.Odds as one exact number.
func odds(p *policy.Plan, i int) *big.Rat {
	n, d := p.Odds(i)
	return new(big.Rat).SetFrac(new(big.Int).SetUint64(n), new(big.Int).SetUint64(d))
}

// values writes the values each choice answers with: "0[0 2] 1[0]".
func values(p *policy.Plan) string {
	words := make([]string, len(p.Choices))
	for i, c := range p.Choices {
		words[i] = fmt.Sprint(c.Record, c.Values)
	}
	return strings.ReplaceAll(strings.Join(words, " "), " [", "[")
}

// want compares what a plan answers with its text.
func want(t *testing.T, name string, p *policy.Plan, text string) {
	t.Helper()
	if got := show(p); got != text {
		t.Errorf("%s: got %q, want %q", name, got, text)
	}
}

// oneFamily is a row of a table over a set of one family: the health of its records and what is answered.
type oneFamily struct{ health, answer string }

// check decides every row without memory.
func check(t *testing.T, s *policy.Set, rows []oneFamily) {
	t.Helper()
	for _, row := range rows {
		want(t, row.health, decide(s, records(row.health)...).Plans[0], row.answer)
	}
}
