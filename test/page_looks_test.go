package test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// Whatever the server says is shown as the text that it is.
func TestStatusPageMakesNoMarkupOfTexts(t *testing.T) {
	var texts []string
	s := troubled(func(what string) string {
		text := `<img class=evil src=x onerror="window.evil=1"><b class=evil>` + what + `</b>&lt;"'`
		texts = append(texts, text)
		return text
	})
	s.numbered()
	b := open(t, pretend(t, &s))
	b.await(`document.querySelector("#checks tbody tr")`)
	b.run(`for (const d of document.querySelectorAll(".trees summary")) d.click()`)
	b.await(`document.querySelectorAll("details[open] .values").length`)
	b.click("#manual tbody button")
	if b.shows(`document.querySelector(".evil, img") || window.evil`) {
		t.Error("Text became markup")
	}
	shown := ask[string](b, `document.body.textContent`)
	missing := map[string]bool{}
	n := 0
	for _, text := range texts {
		if strings.Contains(shown, text) {
			n++
		} else {
			missing[text[strings.Index(text, "<b class=evil>")+14:strings.Index(text, "</b>")]] = true
		}
	}
	// What the page leaves out, it leaves out on purpose; all the rest is there, letter by letter.
	t.Logf("%d of %d texts are shown; not: %v", n, len(texts), missing)
	for _, must := range []string{
		".Status.StateFile", ".Sets.Sets0.Name", ".Sets.Sets0.Policy", ".Sets.Sets0.Records0.ID",
		".Sets.Sets0.Records0.Values0.Data", ".Sets.Sets0.Records0.Values0.Checks0",
		".Checks.Checks0.ID", ".Checks.Checks0.State", ".Checks.Checks0.Manual.Reason",
		".Manual.Manual0.Checks", ".Manual.Manual0.Reason", ".Manual.Manual0.Author", ".Events.Events0.Text",
	} {
		if missing[must] {
			t.Errorf("%s is not shown", must)
		}
	}
	for _, banner := range []string{"#isolated", "#state-file", "#sets .more", "#checks .more"} {
		if !b.shows(`document.querySelector("` + banner + `").checkVisibility()`) {
			t.Errorf("%s is not shown", banner)
		}
	}
}

// contrasts gives the texts of a page whose contrast with what is behind them is less than WCAG 2.2 asks for (1.4.3).
const contrasts = `(() => {
	const parse = (text) => text.match(/[\d.]+/g).map(Number);
	const linear = (c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
	const light = ([r, g, b]) => [r, g, b].map((c) => linear(c / 255))
		.reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] === 1) return c;
			if (c[3] !== 0) throw new Error("half transparent: " + e.outerHTML);
		}
		return [255, 255, 255];
	};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const bad = [];
	let seen = 0;
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement;
		if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.matches("noscript, script")) continue;
		for (let at = e; at; at = at.parentElement) {
			if (getComputedStyle(at).opacity !== "1") bad.push("opacity: " + at.outerHTML);
		}
		const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
		seen++;
		const ratio = (a + .05) / (b + .05);
		if (ratio < 4.5) bad.push(ratio.toFixed(2) + " " + walker.currentNode.data.trim().slice(0, 40));
	}
	return seen > 100 ? bad : ["only " + seen + " texts"];
})()`

// narrow gives what is too small to be hit (2.5.8).
const narrow = `[...document.querySelectorAll(
		"button, summary, nav a, select, input:not([type=checkbox], [type=radio])")]
	.filter((e) => e.checkVisibility())
	.filter((e) => { const r = e.getBoundingClientRect(); return r.width < 24 || r.height < 24; })
	.map((e) => e.outerHTML.slice(0, 60))`

// On a phone nothing is wider than the window but what scrolls by itself, and everything can be hit with a finger; in
// light and dark everything can be read.
func TestStatusPageOnAPhoneAndInTheDark(t *testing.T) {
	s := wordy()
	b := open(t, pretend(t, &s))
	b.await(`document.querySelector("#checks tbody tr")`)
	b.run(`for (const d of document.querySelectorAll(".trees summary")) d.click()`)
	b.await(`document.querySelectorAll("details[open] .values").length`)

	for _, dialog := range []string{"", "#new-manual", "#manual tbody button", "#token-button"} {
		if dialog != "" {
			b.run(`document.querySelector("` + dialog + `").click()`)
			b.await(`document.querySelector("dialog[open]")`)
		}
		for _, wide := range []int64{320, 390, 800, 1400} {
			b.resize(wide)
			got := ask[[]int64](b, `[document.documentElement.scrollWidth, innerWidth]`)
			if got[0] > wide || got[1] != wide {
				t.Errorf("%s: At %d pixels the page is %d wide, in a window of %d", dialog, wide, got[0], got[1])
			}
			for _, what := range ask[[]string](b, narrow) {
				t.Errorf("%s: At %d pixels this is smaller than a finger: %s", dialog, wide, what)
			}
		}
		for _, scheme := range []string{"light", "dark"} {
			b.light(scheme)
			const dark = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).every((c) => c < 64)`
			if b.shows(dark) != (scheme == "dark") {
				t.Errorf("It does not look %s", scheme)
			}
			for _, text := range ask[[]string](b, contrasts) {
				t.Errorf("%s: In the %s this cannot be read well: %s", dialog, scheme, text)
			}
		}
		b.run(`document.querySelector("dialog[open]")?.close()`)
	}
}

// What a screen reader is given: everything that can be used has a name and a role, and no id is there twice.
func TestStatusPageHasNamesForEverything(t *testing.T) {
	s := wordy()
	b := open(t, pretend(t, &s))
	b.await(`document.querySelector("#checks tbody tr")`)
	if twice := ask[[]string](b, `[...document.querySelectorAll("[id]")].map((e) => e.id)
		.filter((id, i, all) => all.indexOf(id) !== i)`); len(twice) > 0 {
		t.Errorf("Twice: %v", twice)
	}
	for _, dialog := range []string{"", "#new-manual", "#manual tbody button", "#token-button"} {
		if dialog != "" {
			b.run(`document.querySelector("` + dialog + `").click()`)
		}
		roles := map[string]int{}
		names := map[string]int{}
		b.do("asking for the accessibility tree", func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
			tree, err := cdp.Call(ctx, tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
			for _, node := range tree.Nodes {
				role, name := axText(node.Role), axText(node.Name)
				roles[role]++
				switch role {
				case "button":
					names[name]++
					fallthrough
				case "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "dialog", "image", "table", "region",
					"navigation":
					if !node.Ignored && strings.TrimSpace(name) == "" {
						t.Errorf("%s: a %s has no name", dialog, role)
					}
				}
			}
			return chromedp.Void{}, err
		})
		for name, n := range names {
			if n > 1 && !strings.HasPrefix(name, "Cancel") {
				t.Errorf("%s: %d buttons are called %q", dialog, n, name)
			}
		}
		want := []string{
			"button", "table", "row", "cell", "columnheader", "rowheader", "list", "listitem", "heading", "image", "navigation",
			"main", "status",
		}
		if dialog != "" {
			want = []string{"dialog", "textbox", "button"}
		}
		for _, role := range want {
			if roles[role] == 0 {
				t.Errorf("%s: There is no %s among %v", dialog, role, roles)
			}
		}
		b.run(`document.querySelector("dialog[open]")?.close()`)
	}
}

func axText(v *accessibility.Value) string {
	var text string
	if v != nil {
		_ = json.Unmarshal(v.Value, &text)
	}
	return text
}
