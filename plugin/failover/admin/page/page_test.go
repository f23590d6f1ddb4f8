package page

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func TestThePageIsWhole(t *testing.T) {
	got := get(t, "/")
	if got.Code != http.StatusOK || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d, %s", got.Code, got.Header().Get("Content-Type"))
	}
	links := regexp.MustCompile(`(?:src|href)="(assets/[^"]+)"`).FindAllStringSubmatch(got.Body.String(), -1)
	if len(links) < 3 {
		t.Errorf("Only %d parts", len(links))
	}
	wanted := map[string]bool{}
	for _, link := range links {
		wanted["/"+link[1]] = true
	}
	imports := regexp.MustCompile(`from "\./([^"]+)"`)
	seen := map[string]bool{}
	for len(wanted) > 0 {
		for path := range wanted {
			delete(wanted, path)
			seen[path] = true
			part := get(t, path)
			if part.Code != http.StatusOK {
				t.Errorf("%s: %d", path, part.Code)
			}
			for _, part := range imports.FindAllStringSubmatch(part.Body.String(), -1) {
				if next := "/assets/" + part[1]; !seen[next] {
					wanted[next] = true
				}
			}
		}
	}
}

func TestThePageAsksNobodyElse(t *testing.T) {
	all, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	other := regexp.MustCompile(`(?i)(?:https?:)?//[a-z0-9.-]+\.[a-z]+|url\(|@import|\bon[a-z]+="|style="`)
	for _, f := range all {
		text, err := files.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range other.FindAllString(string(text), -1) {
			if found != "http://www.w3.org" && found != "//www.w3.org" { // the name of SVG's namespace
				t.Errorf("%s has %q", f.Name(), found)
			}
		}
		path := "/assets/" + f.Name()
		if f.Name() == "index.html" {
			path = "/"
		}
		got := get(t, path).Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(got, "default-src 'none'; script-src 'self';") {
			t.Errorf("%s: Content-Security-Policy %q", f.Name(), got)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for _, path := range []string{
		"/index.html", "/assets/index.html", "/assets/", "/assets/page.go", "/assets/..%2fpage.go", "/x",
	} {
		if got := get(t, path); got.Code == http.StatusOK {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}

// What WCAG 2.2 asks of level AA: texts differ from what is behind them (1.4.3), and so do the edges of controls, the
// marks of what has the focus, and graphs (1.4.11).
func TestTheColoursContrast(t *testing.T) {
	style, err := files.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(style), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("There is no dark scheme")
	}
	dark, _, _ = strings.Cut(dark, "* {")
	rest := string(style)[strings.Index(string(style), "* {"):]
	for _, colour := range regexp.MustCompile(`(?i)#[0-9a-f]{3,8}\b`).FindAllString(rest, -1) {
		t.Errorf("A colour that is not of the schemes: %s", colour)
	}
	for name, scheme := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, c := range regexp.MustCompile(`--([a-z]+): #([0-9a-f]{6});`).FindAllStringSubmatch(scheme, -1) {
			colours[c[1]] = luminance(t, c[2])
		}
		if len(colours) < 10 {
			t.Fatalf("%s: Only %d colours", name, len(colours))
		}
		for _, behind := range []string{"back", "panel", "active"} {
			for fore, want := range map[string]float64{
				"text": 4.5, "dim": 4.5, "good": 4.5, "bad": 4.5, "warn": 4.5, "mark": 4.5, "edge": 3,
			} {
				a, b := colours[fore], colours[behind]
				if got := (max(a, b) + .05) / (min(a, b) + .05); got < want {
					t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", name, fore, behind, got, want)
				}
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var rgb [3]uint8
	if _, err := fmt.Sscanf(hex, "%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2]); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, share := range []float64{.2126, .7152, .0722} {
		c := float64(rgb[i]) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += share * c
	}
	return sum
}
