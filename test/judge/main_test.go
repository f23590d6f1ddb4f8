package judge

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/seed-a19ac2b6/failover/test/harness"
)

// all asks for the judges that are in rare packages too, and for the table.
var all = os.Getenv("JUDGE_ALL") == "1"

func TestMain(m *testing.M) {
	// Where Debian keeps some of the programs; it is not in the path of every user.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
	code := harness.Main(m)
	if all {
		fmt.Print(table())
	}
	os.Exit(code)
}

// row is a line of the table.
type row struct{ judge, subject, verdict string }

var rows struct {
	sync.Mutex
	list []row
}

// deliver puts the verdict of a judge into the table, when the test has ended: what was judged, and what a good verdict
// says, or "" where the test says more about it by a row of its own. A test that failed says so whatever was found.
func deliver(t *testing.T, judge, subject string, good func() string) {
	t.Helper()
	t.Cleanup(func() {
		verdict := "FAILED, see above"
		switch {
		case t.Skipped():
			verdict = "NOT ASKED"
		case !t.Failed():
			verdict = good()
		}
		note(judge, subject, verdict)
	})
}

func note(judge, subject, verdict string) {
	rows.Lock()
	defer rows.Unlock()
	rows.list = append(rows.list, row{judge, subject, verdict})
}

func table() string {
	rows.Lock()
	defer rows.Unlock()
	slices.SortFunc(rows.list, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.judge, b.judge), cmp.Compare(a.subject, b.subject))
	})
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\njudge\tof\tverdict")
	for _, r := range rows.list {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.judge, r.subject, r.verdict)
	}
	w.Flush()
	return text.String()
}

// need fails the test where a program is missing: a judge that was not asked has not found all well.
func need(t *testing.T, program, debian string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		note(program, "", "MISSING: it is in Debian's package "+debian)
		t.Fatalf("%v; it is in Debian's package %s", err, debian)
	}
}

// rare skips a test that `make judge` runs.
func rare(t *testing.T) {
	t.Helper()
	if !all {
		t.Skip("make judge runs this one; its programs are not in every system")
	}
}
