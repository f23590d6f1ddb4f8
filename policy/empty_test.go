package policy_test

import (
	"testing"

	"github.com/seed-a19ac2b6/failover/policy"
)

// Where all is down, what has nothing to answer with (A08) is served after all else.
func TestR06_A08_WhatIsEmptyIsServedLast(t *testing.T) {
	empty := policy.Decision{Plans: [policy.Families]*policy.Plan{{
		Outcome: policy.AnswerNoData, Status: policy.Dead, AllDown: true, Empty: true,
	}}}
	down := decide(set(policy.Failover, 1), records("d")...)
	for _, kind := range []policy.Kind{policy.Failover, policy.Weighted, policy.Multivalue} {
		s := aliases(kind, 3)
		some := decide(s, branch(empty), branch(down), branch(empty))
		want(t, kind.String(), some.Plans[0], "down 1=1")
		if some.Plans[0].Empty {
			t.Errorf("%s: what has something to answer with is empty", kind)
		}
		all := decide(s, branch(empty), branch(empty), branch(empty))
		if !all.Plans[0].Empty || all.Plans[0].Status != policy.Dead {
			t.Errorf("%s: what has nothing to answer with is not empty: %+v", kind, all.Plans[0])
		}
		// All the way up.
		top := decide(aliases(policy.Weighted, 2), branch(all), branch(some))
		want(t, kind.String(), top.Plans[0], "down 1=1")
		if alive := decide(s, branch(empty), branch(decide(set(kind, 1), records("u")...)), branch(down)); alive.Plans[0].Empty {
			t.Errorf("%s: what is alive is empty", kind)
		}
		s.AllDown = policy.Fixed
		if fixed := decide(s, branch(empty), branch(empty), branch(empty)); fixed.Plans[0].Empty {
			t.Errorf("%s: an answer that is given is empty", kind)
		}
	}
}
