package probe

import (
	"strings"
	"testing"
)

func TestH06_StatusCodes(t *testing.T) {
	for _, c := range []struct{ text, canonical, err string }{
		{"200-399", "200-399", ""},
		{"200", "200", ""},
		{"404,200-299", "200-299,404", ""},
		{"201,200,202", "200-202", ""},
		{"200-250,240-260", "200-260", ""},
		{"100-599", "100-599", ""},
		{"511,512", "511-512", ""},
		{"", "", "empty"},
		{"200,", "", "empty"},
		{"200-", "", "empty"},
		{"99", "", "not an HTTP status"},
		{"600", "", "not an HTTP status"},
		{"+200", "", "not an HTTP status"},
		{"2xx", "", "not an HTTP status"},
		{"300-200", "", "ends before it begins"},
		{"200-299-300", "", "not an HTTP status"},
	} {
		set, err := ParseStatusCodes(c.text)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.err)
		} else if set.String() != c.canonical {
			t.Errorf("%q: got %q, want %q", c.text, set.String(), c.canonical)
		}
	}
	set, _ := ParseStatusCodes("200,500-599")
	for code, want := range map[int]bool{-1: false, 0: false, 199: false, 200: true, 201: false, 499: false, 500: true, 599: true, 600: false, 9999: false} {
		if set.Contains(code) != want {
			t.Errorf("Contains(%d) is %t", code, !want)
		}
	}
}

func FuzzParseStatusCodes(f *testing.F) {
	for _, seed := range []string{"200-399", "200,204-206", "599", "", ",", "200-", "-200", "399-200", "100-599,100-599", "٢٠٠"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := ParseStatusCodes(text)
		if err != nil {
			return
		}
		again, err := ParseStatusCodes(set.String())
		if err != nil || again != set {
			t.Fatalf("%q became %q, which became %q, %v", text, set.String(), again.String(), err)
		}
	})
}

func TestH07_Matcher(t *testing.T) {
	pad := strings.Repeat("x", maxBody-2)
	for _, c := range []struct {
		match, body string
		want        bool
	}{
		{"ok", "all ok here", true},
		{"ok", "OK", false},
		{"^ok$", "ok", true},
		{"^ok$", "not ok", false},
		{"(?i)ok", "OK", true},
		{"a.c", "abc", true},
		{"1+1", "1+1", true}, // literally
		{"1+1", "111", true}, // as an expression
		{"ok", pad + "ok", true},
		{"ok", pad + "xok", false}, // lies half outside
		{"ok", pad + "xxok", false},
		{"", "", true},
	} {
		m, err := newMatcher(c.match)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.match([]byte(c.body)); got != c.want {
			t.Errorf("%q in %.20q...: got %t", c.match, c.body, got)
		}
	}
	if _, err := newMatcher("a("); err == nil {
		t.Error("Expected an error for a( ")
	}
}

func FuzzMatcher(f *testing.F) {
	f.Add("ok", []byte("all ok"), 0)
	f.Add("^a.c$", []byte("abc"), 5115)
	f.Add("1+1", []byte("1+1"), 5118)
	f.Fuzz(func(t *testing.T, text string, body []byte, pad int) {
		m, err := newMatcher(text)
		if err != nil {
			return
		}
		body = append(make([]byte, min(max(pad, 0), 2*maxBody)), body...)
		got := m.match(body)
		if got != m.match(body[:min(len(body), maxBody)]) {
			t.Fatal("What lies beyond the limit made a difference")
		}
		if strings.Contains(string(body[:min(len(body), maxBody)]), text) && !got {
			t.Fatal("The text itself was not found")
		}
	})
}
