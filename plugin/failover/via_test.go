package failover

import (
	"slices"
	"testing"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// Whatever stands before it in the Corefile, a block looks up as itself.
func TestA08_BlocksAreToldApart(t *testing.T) {
	of := func(key, view string, hosts ...string) block {
		return block{
			handler: &Failover{config: new(corefile.Config)}, key: key,
			audience: func() (string, []string) { return view, hosts },
		}
	}
	for _, test := range []struct {
		what   string
		blocks []block
		want   []string
	}{
		{"one", []block{of("a.", "", "")}, []string{"a."}},
		{"one with addresses", []block{of("a.", "", "192.0.2.1", "192.0.2.2"), of("b.", "", "")}, []string{"a.", "b."}},
		{"views", []block{of("a.", "in", ""), of("a.", "out", ""), of("a.", "", "")},
			[]string{"a., view in", "a., view out", "a."}},
		{"a view with addresses", []block{of("a.", "in", "192.0.2.1"), of("a.", "", "192.0.2.1")}, []string{"a., view in", "a."}},
		{"views, one gone", []block{of("a.", "out", "")}, []string{"a., view out"}},
		{"addresses", []block{of("a.", "", "192.0.2.1"), of("a.", "", "192.0.2.2", "192.0.2.3")},
			[]string{"a., bind 192.0.2.1", "a., bind 192.0.2.2 192.0.2.3"}},
		{"views of one name", []block{of("a.", "in", ""), of("a.", "in", "")}, []string{"a., view in", "a., view in (2)"}},
	} {
		tellApart(test.blocks)
		var got []string
		for _, b := range test.blocks {
			got = append(got, b.handler.config.Via())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.what, got, test.want)
		}
	}
}
