package zone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/policy"
)

// A reload in which server blocks with sets of one name come, go and change places. "keys value" is a block whose set
// has the value as primary; with a "!" it is held on its secondary by failback manual.
func TestR21_AHeldSetIsFoundAgainAndNoOtherIsHeld(t *testing.T) {
	for _, tc := range []struct{ what, before, after string }{
		{"nothing changes", "k 1!", "k 1!"},
		{"the keys change", "k 1!", "k2 1!"},
		{"the value changes", "k 1!", "k 9!"},
		{"both change", "k 1!", "k2 9!"},
		{"another view is added behind", "k 1!", "k 1!, k 2"},
		{"another view is added in front", "k 1!", "k 2, k 1!"},
		{"a block on another port is added", "k 1!", "k2 2, k 1!"},
		{"a block with the same records is added", "k 1!", "k2 1, k 1!"},
		{"views change places", "k 1!, k 2", "k 2, k 1!"},
		{"the held view is removed", "k 1!, k 2", "k 2"},
		{"the other view is removed", "k 2, k 1!", "k 1!"},
		{"one of two views changes its value", "k 1!, k 2", "k 1!, k 9"},
		{"two views change their values", "k 1!, k 2", "k 8, k 9"},
		{"two blocks change their values", "k 1!, k2 2", "k2 9, k 8!"},
	} {
		blocks := func(text string, hold bool) (made []Block, held []bool) {
			for i, block := range strings.Split(text, ", ") {
				keys, value, _ := strings.Cut(block, " ")
				value, isHeld := strings.CutSuffix(value, "!")
				x, states := load(t, fmt.Sprintf(`failover {
					check web http://:80/
					primary   www 192.0.2.%s check web
					secondary www 198.51.100.%s
					set www failback manual
				}`, value, value))
				if hold && isHeld {
					for _, state := range []health.State{health.Unhealthy, health.Healthy} {
						states[0].State = state
						x.Update([]int{0}, time.Unix(int64(1_800_000_001+i), 0))
					}
				}
				made, held = append(made, Block{keys, x}), append(held, isHeld)
			}
			return made, held
		}
		from, _ := blocks(tc.before, true)
		into, want := blocks(tc.after, false)
		for _, b := range into {
			*b.Index.sets[0].memory = policy.Memory{} // as before its start
		}
		Adopt(into, from)
		got := make([]bool, 0, len(into))
		for _, b := range into {
			b.Index.Start(b.Index.status, time.Unix(1_800_000_100, 0))
			got = append(got, b.Index.sets[0].Active().ID == "secondary")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: held %v, want %v", tc.what, got, want)
		}
	}
}
