package test

import (
	"regexp"
	"strings"
	"testing"
)

// passing are what differs from one run to the next, beside what masks has.
var passing = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ +\d+ `), "EVENT "},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`<?\b(\d+(\.\d+)?(h|ms|m|s))+\b`), "SPAN"},
	{regexp.MustCompile(`(lateness_max_seconds|in_flight) \S+`), "$1 N"},
	{regexp.MustCompile(`\b(go1|linux/)\S+`), "BUILD"},
	{regexp.MustCompile(`\.state\.json\d+`), ".state.jsonN"},
	{regexp.MustCompile(`127\.0\.0\.1:\d{5}`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`-+`), "-"}, // lines under columns
}

// says tells whether an output is that of the runbook, in which a line "..." stands for any lines that are left out.
func says(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if strings.TrimSpace(want[0]) == "..." {
		for i := range len(got) + 1 {
			if says(want[1:], got[i:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && timeless(want[0]) == timeless(got[0]) && says(want[1:], got[1:])
}

func timeless(line string) string {
	for _, m := range passing {
		line = m.what.ReplaceAllString(line, m.by)
	}
	return masked(line)
}

func TestOutputsOfTheRunbook(t *testing.T) {
	for _, tc := range []struct {
		name, want, got string
		alike           bool
	}{
		{"the same", "healthy", "healthy", true},
		{"another word", "healthy", "unhealthy", false},
		{"another number", "primary 60", "primary 10", false},
		{"another time", "since 12:00:01, 3.8s ago", "since 05:06:07, 12m4s ago", true},
		{"another end", "ends 06:58:32 (in 1h0m)", "ends 06:58:33 (in 59m59s)", true},
		{"an end that is tomorrow", "ends 17:55:01 (in 12h)", "ends 2026-11-23 00:11:09 (in 12h)", true},
		{"other widths", "NAME  TTL\nx     60", "NAME     TTL\nx        60", true},
		{"an event", "2026-11-22 05:46:26.220     46  isolated", "2027-01-02 15:04:05.000    113  isolated", true},
		{"another event", "2026-11-22 05:46:26.220     46  isolated", "2026-11-22 05:46:26.220     46  connected", false},
		{"left out", "a\n...\nd", "a\nb\nc\nd", true},
		{"left out at the end", "a\n...", "a\nb", true},
		{"not there", "a\n...\ne", "a\nb", false},
		{"one more", "a", "a\nb", false},
		{"one less", "a\nb", "a", false},
	} {
		if got := says(strings.Split(tc.want, "\n"), strings.Split(tc.got, "\n")); got != tc.alike {
			t.Errorf("%s: Expected %v, got %v", tc.name, tc.alike, got)
		}
	}
}
