package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pageZone has a check that a test can break, and one that a tree stands on.
func pageZone(e *harness.Endpoint, more string) string {
	return harness.Zone(fmt.Sprintf(`
		admin 127.0.0.1:@ADMIN@%s
		check web %s interval 200ms timeout 2s fast 100ms fall 1 rise 1
		check gate manual
		primary   www 192.0.2.1 check web
		secondary www 198.51.100.1
		primary   app alias www check gate
		secondary app 198.51.100.2`, more, e.URL()))
}

func pageOf(s *harness.Server) string { return fmt.Sprintf("http://127.0.0.1:%d/", s.Ports["@ADMIN@"]) }

// What the page shows.
const (
	activeOfWWW = `document.querySelector("#sets [data-row^='www.example.org.'] [data-active]")?.dataset.active`
	treeOfApp   = `[data-row^='app.example.org.'] > details`
	live        = `document.querySelector("#live").dataset.live === "yes"`
)

func TestStatusPageShowsAFailover(t *testing.T) {
	e := harness.Serve(t)
	s := harness.Start(t, pageZone(e, ""))
	b := open(t, pageOf(s))
	b.await(activeOfWWW + ` === "primary"`)
	b.await(live)
	b.await(`document.querySelector("#checks .spark polyline")`)

	// Three times at most: a busy machine can stop everything for a second.
	for range 3 {
		e.Kill()
		s.AwaitA(t, patience, "www", "198.51.100.1")
		moved := time.Now()
		b.await(activeOfWWW + ` === "secondary"`)
		took := time.Since(moved)
		b.await(`document.querySelector("#events [data-kind=failover]")?.textContent.includes("www.example.org.")`)
		b.await(`document.querySelector("#checks tbody").textContent.includes("connection refused")`)
		b.await(`document.querySelector("#news").textContent.includes("www.example.org.")`)
		b.await(`document.title.startsWith("(")`)
		e.Revive(t)
		b.await(activeOfWWW + ` === "primary"`)
		t.Logf("The page took %s", took.Round(time.Millisecond))
		if took <= 2*time.Second {
			return
		}
	}
	t.Error("The page shows a failover more than 2 s later")
}

func TestStatusPageMakesAndEndsAManualState(t *testing.T) {
	const secret = "a secret that nobody knows"
	s := harness.Start(t, pageZone(harness.Serve(t), " token_file token"), "token", secret+"\n")
	b := open(t, pageOf(s))
	b.forgive(`401 \(Unauthorized\)`)
	b.await(activeOfWWW + ` === "primary"`)

	// Without the token it shows, and changes nothing.
	b.click(`#checks tr[data-row^="web@"] button`)
	b.fill("#m-reason", "<b>maintenance</b>")
	b.fill("#m-author", "ops")
	b.click("#manual-dialog button[type=submit]")
	b.await(`document.querySelector("#token-dialog").open`)
	b.click("#token-dialog button[value=cancel]")
	b.await(`document.querySelector("#manual-dialog .error").textContent === "this needs the token"`)
	if s.A(t, "www") != "192.0.2.1" || b.shows(`document.querySelector("#manual tbody").childElementCount`) {
		t.Error("A manual state was made without the token")
	}
	b.click("#manual-dialog button[type=submit]")
	b.await(`document.querySelector("#token-dialog").open`)
	b.fill("#token", "a wrong one"+kb.Enter)
	b.await(`!document.querySelector("#token-dialog").open && !document.querySelector("#manual-dialog .error").hidden`)
	if s.A(t, "www") != "192.0.2.1" {
		t.Error("A manual state was made with a wrong token")
	}

	b.click("#manual-dialog button[type=submit]")
	b.await(`document.querySelector("#token-dialog").open`)
	b.fill("#token", secret+kb.Enter)
	b.await(activeOfWWW + ` === "secondary"`)
	s.AwaitA(t, patience, "www", "198.51.100.1")
	b.await(`document.querySelector("#manual tbody").textContent.includes("<b>maintenance</b>")`)
	b.await(`document.querySelector("#checks tbody").textContent.includes("by hand")`)
	if b.shows(`document.querySelector("#manual tbody b, #checks tbody b, #events b")`) {
		t.Error("What somebody typed became markup")
	}
	if strings.Contains(ask[string](b, `location.href + document.documentElement.outerHTML`), secret) ||
		b.shows(`JSON.stringify(localStorage).includes("secret")`) {
		t.Error("The token is kept where it can be seen, or for longer than the tab")
	}

	b.click("#manual tbody button")
	b.await(`document.querySelector("#end-author").value === "ops"`)
	b.click("#end-dialog button[type=submit]")
	b.await(activeOfWWW + ` === "primary"`)
	s.AwaitA(t, patience, "www", "192.0.2.1")
	b.await(`document.querySelector("#manual tbody").childElementCount === 0`)
	// What had the focus has gone; the focus has not.
	b.await(`document.activeElement.id === "manual-title"`)
}

func TestStatusPageByKeyboard(t *testing.T) {
	s := harness.Start(t, pageZone(harness.Serve(t), ""))
	b := open(t, pageOf(s))
	b.await(activeOfWWW + ` === "primary"`)

	// From the top of the page on, Tab comes to everything in the order in which it stands there.
	tab := func(until string) {
		t.Helper()
		for range 40 {
			b.press(kb.Tab)
			if !b.shows(`document.activeElement === document.body || document.activeElement.checkVisibility() &&
				getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
				t.Fatalf("It cannot be seen that %s has the focus", ask[string](b, `document.activeElement.outerHTML`))
			}
			if b.shows(`document.activeElement.matches("` + until + `")`) {
				return
			}
		}
		t.Fatalf("Tab does not come to %s", until)
	}
	for _, next := range []string{".skip", "nav a", "#token-button", "#match", "#trouble-only", treeOfApp + " > summary"} {
		tab(next)
	}
	b.press(kb.Enter)
	b.await(`document.querySelector("` + treeOfApp + `[open] .branch summary")`)
	tab(".branch summary")
	b.press(kb.Enter)
	b.await(`document.querySelector(".branch details[open]")`)

	// A refresh leaves the focus and what is open where they are, though it draws a row anew.
	b.run(`document.querySelector("` + treeOfApp + `").parentElement.id = "old"`)
	b.click("#new-manual")
	b.await(`document.querySelector("#manual-dialog").open`)
	b.press(kb.Escape)
	b.await(`!document.querySelector("#manual-dialog").open && document.activeElement.id === "new-manual"`)
	b.do("going back", chromedp.Focus(chromedp.CSS(".branch summary")))
	b.await(`!document.querySelector("#old")`) // the refresh has seen that this row is not as it was
	b.await(`document.activeElement.matches(".branch details[open] > summary")`)

	tab("#checks tr[data-row='gate'] button")
	b.press(kb.Enter)
	b.await(`document.querySelector("#manual-dialog").open && document.activeElement.id === "m-reason"`)
	b.press("rehearsal" + kb.Tab + "ops" + kb.Enter)
	s.AwaitA(t, patience, "app", "198.51.100.2")
	b.await(`document.querySelector("#manual tbody").textContent.includes("rehearsal")`)
	b.await(`document.querySelector("#checks tr[data-row='gate']").textContent.includes("by hand")`)
	// The row and its button are others by now, and have the focus that the old ones had.
	b.await(`document.activeElement.matches("#checks tr[data-row='gate'] button")`)
	b.await(`document.querySelectorAll("` + treeOfApp + `[open], .branch details[open]").length === 2`)

	// Within a dialog Tab stays in it.
	b.press(kb.Enter)
	b.await(`document.activeElement.id === "m-reason"`)
	for range 12 {
		b.press(kb.Tab)
		if !b.shows(`document.activeElement === document.body || document.activeElement.closest("#manual-dialog")`) {
			t.Error("Tab leaves the dialog")
		}
	}
	b.press(kb.Escape)
	b.await(`document.activeElement.matches("#checks tr[data-row='gate'] button")`)
	if got := ask[string](b, `document.querySelector("#m-author").value`); got != "ops" {
		t.Errorf("The author is not remembered, but %q", got)
	}
}

func TestStatusPageFindsTheServerAgain(t *testing.T) {
	e := harness.Serve(t)
	s := harness.Start(t, pageZone(e, ""))
	b := open(t, pageOf(s))
	b.forgive(`net::ERR_`)
	b.await(live)
	e.Kill() // so that there are more events than the next process has
	b.await(activeOfWWW + ` === "secondary"`)
	b.await(`document.querySelectorAll("#events li").length > 1`)

	s.Stop(t)
	b.await(`document.querySelector("#live").textContent.startsWith("not connected since")`)
	b.await(`document.querySelector("#trouble").textContent === "the server cannot be reached"`)
	e.Revive(t)
	s.Restart(t)
	b.await(live)
	b.await(activeOfWWW + ` === "primary"`)
	b.await(`document.querySelector("#trouble").hidden`)
	// Its events are those of the new process, whose numbers begin again.
	b.await(`document.querySelectorAll("#events [data-kind=failover]").length === 0`)
	e.Kill()
	b.await(activeOfWWW + ` === "secondary"`)
	b.await(`document.querySelectorAll("#events [data-kind=failover]").length === 1`)
	e.Revive(t)
	b.await(activeOfWWW + ` === "primary"`)
}

// With more record sets than anybody reads, the page shows the first, finds the others, and stays quick.
func TestStatusPageOfTenThousandRecordSets(t *testing.T) {
	e := harness.Serve(t)
	var zone strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&zone, "\nprimary n%05d 192.0.2.1 check gate\nsecondary n%05d 198.51.100.1", i, i)
	}
	s := harness.Start(t, strings.Replace(pageZone(e, ""), "check gate manual", "check gate manual"+zone.String(), 1))
	b := open(t, pageOf(s))
	b.run(`var longest = 0, last = performance.now();
		setInterval(() => { const now = performance.now(); longest = Math.max(longest, now - last); last = now; }, 10)`)
	b.await(`document.querySelectorAll("#sets .trees > li").length === 200`)
	b.await(`document.querySelector("#sets .more").textContent.startsWith("These are the first 200")`)
	b.fill("#match", "n09999")
	b.await(`document.querySelectorAll("#sets .trees > li").length === 1 && document.querySelector("#sets .more").hidden`)
	b.fill("#match", kb.Delete)
	b.click("#trouble-only")
	b.await(`document.querySelectorAll("#sets .trees > li").length === 0`)
	e.Kill()
	b.await(activeOfWWW + ` === "secondary"`)
	b.await(`document.querySelectorAll("#sets .trees > li").length === 1`)

	// All of them move at once, each with an event.
	b.click(`#trouble-only`)
	b.click("#new-manual")
	b.fill("#m-checks", "gate")
	b.fill("#m-reason", "rehearsal")
	b.fill("#m-author", "ops"+kb.Enter)
	b.await(`document.querySelectorAll("#sets .trees > li [data-active=secondary]").length === 200`)
	b.await(`document.querySelectorAll("#events li").length === 100`)
	b.await(`document.querySelector("#manual tbody").childElementCount === 1`)
	// Nobody notices a page that stands still for a tenth of a second; a busy machine takes its time beside that.
	longest := ask[float64](b, "longest")
	t.Logf("The page stood still for %.0f ms at most", longest)
	if longest > 2000 {
		t.Errorf("The page stood still for %.0f ms", longest)
	}
	e.Revive(t)
}
