package page

import (
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
		if got := get(t, path).Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; script-src 'self';") {
			t.Errorf("%s: Content-Security-Policy %q", f.Name(), got)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for _, path := range []string{"/index.html", "/assets/index.html", "/assets/", "/assets/page.go", "/assets/..%2fpage.go", "/x"} {
		if got := get(t, path); got.Code == http.StatusOK {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}
