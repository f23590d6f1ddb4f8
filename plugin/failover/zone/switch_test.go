package zone

import (
	"fmt"
	"slices"
	"testing"
)

// Of a set that judges A and AAAA apart it is told which of them is all down, as often as that changes: who was told of
// the one would else hear nothing when the other goes too, or is the one that is left.
func TestAllDownIsToldOfEachFamily(t *testing.T) {
	w := newWorld(t,
		"check four tcp://192.0.2.201:1", "check six tcp://192.0.2.202:1",
		"answer both 192.0.2.1 check four", "answer both 2001:db8::1 check six",
		"primary whole 192.0.2.1 2001:db8::1 check four", "secondary whole 192.0.2.2 check six",
	).start()
	var told []string
	w.Switched = func(s Switch) {
		told = append(told, fmt.Sprintf("%s %s", s.Set.Config.Name[:len("both")], s.Kind))
	}
	for _, step := range []struct {
		check string
		goes  bool
		want  []string
	}{
		{"four", false, []string{"both all_down", "whol failover"}},
		{"six", false, []string{"both all_down", "whol all_down"}},
		{"four", true, []string{"both all_down", "whol recovered"}},
		{"six", true, []string{"both recovered"}},
	} {
		told = nil
		if step.goes {
			w.put(goes, step.check)
		} else {
			w.put(fails, step.check)
		}
		slices.Sort(told)
		if !slices.Equal(told, step.want) {
			t.Errorf("%s goes: %v; told %q, want %q", step.check, step.goes, told, step.want)
		}
	}
}
