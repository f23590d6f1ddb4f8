package test

import (
	"context"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/test/harness"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a browser may take for anything on a machine that is busy.
const patience = time.Minute

// browser is a real one, with a page.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu        sync.Mutex
	asked     []string
	complains []string
	forgiven  *regexp.Regexp // of the complaints, nil for none
}

// open starts a browser on a page, and has the test fail at what the page complains about, violations of its content
// security policy among it, and at requests to others.
func open(t *testing.T, url string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium-headless-shell")
	if err != nil {
		t.Fatalf("The status page is tested in a browser (Debian package chromium-headless-shell): %v", err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox)
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		last, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_ = chromedp.Cancel(last) // waits until the process has gone
		closeTab()
		end()
	})
	b := &browser{t: t, ctx: ctx}
	// The process lives as long as the context of the first thing that is done.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Starting the browser: %v", err)
	}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.judge(url) })
	b.do("opening the page", chromedp.Navigate(url))
	return b
}

func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.complains = append(b.complains, text)
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			b.complains = append(b.complains, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// forgive says which complaints are no fault.
func (b *browser) forgive(pattern string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgiven = regexp.MustCompile(pattern)
}

func (b *browser) judge(url string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.asked) < 5 {
		b.t.Errorf("The page asked for %d things only: nothing is proven", len(b.asked))
	}
	for _, asked := range b.asked {
		if !strings.HasPrefix(asked, url) {
			b.t.Errorf("The page asked for %s", asked)
		}
	}
	for _, text := range b.complains {
		if b.forgiven == nil || !b.forgiven.MatchString(text) {
			b.t.Errorf("The page complained: %s", text)
		}
	}
}

func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// ask evaluates a JavaScript expression.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// shows tells whether a JavaScript expression is true.
func (b *browser) shows(expression string) bool {
	b.t.Helper()
	return ask[bool](b, "!!("+expression+")")
}

func (b *browser) await(expression string) {
	b.t.Helper()
	harness.Eventually(b.t, patience, expression, func() bool { return b.shows(expression) })
}

// click presses the mouse on what a CSS selector finds, and fill types into it.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.do("clicking "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.run(`document.querySelector("` + selector + `").select()`) // what is there goes when something is typed
	b.do("filling in "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// run has the page run a JavaScript statement.
func (b *browser) run(statement string) {
	b.t.Helper()
	b.do(statement, chromedp.Evaluate[chromedp.Void]("{"+statement+"; undefined}"))
}

func (b *browser) press(keys string, options ...chromedp.KeyOption) {
	b.t.Helper()
	b.do("pressing a key", chromedp.KeyEvent(keys, options...))
}

// resize makes the window as wide as a phone, or wider.
func (b *browser) resize(wide int64) {
	b.t.Helper()
	b.do("making the window another size", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: wide, Height: 800, DeviceScaleFactor: 2, Mobile: wide < 1000,
		})
		return chromedp.Void{}, err
	})
}

// light makes the system light or dark.
func (b *browser) light(scheme string) {
	b.t.Helper()
	b.do("changing the light", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
}
