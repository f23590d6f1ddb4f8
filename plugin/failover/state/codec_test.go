package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/policy"
)

var then = time.Date(2030, 1, 2, 3, 4, 5, 678, time.UTC)

// example has something of everything.
func example() *Saved {
	until := then.Add(time.Hour)
	return &Saved{
		Header: Header{
			Saved: then, Final: true, LastManual: 9, Serials: map[string]uint32{"example.org.": 1, ".": 1<<32 - 1},
			Manual: []api.Manual{
				{ID: 2, Checks: "web@*<&>", State: api.Unhealthy, Reason: "a \"reason\"\n", Author: "ops", Since: then, Until: &until},
				{ID: 9, Checks: "x", State: api.Healthy, Reason: "r", Author: "a", Since: then},
			},
		},
		Sets: []Set{{
			Zone: "example.org.", Name: "www.example.org.", Type: "A/AAAA", Block: "dns://example.org.:53",
			Policy: "failover", IDs: []string{"primary", "secondary"}, Records: "0a1b",
			Memory: policy.Kept{Active: 1, Since: []time.Time{{}, then}, LastActive: 1, Last: [policy.Families]*policy.KeptPlan{{
				Status: policy.Alive, Take: 1, Choices: []policy.KeptChoice{{Record: 1, Inner: &policy.KeptPlan{
					Take: 1, Shuffled: true, Choices: []policy.KeptChoice{{Values: []int{0, 1}}, {Record: 1, Values: []int{0}}},
					Sums: []uint64{1, 3},
				}}},
			}}},
		}},
		Checks: []Check{
			{Check: "http://192.0.2.1:80/", Definition: "0f", Timing: "interval 10s", State: api.Unhealthy, Since: then,
				Moved: then, Hold: Duration(time.Minute), Reason: "status", Detail: "status <500>", Took: Duration(1500), Probed: then},
			{Check: "tcp://[2001:db8::1]:80", Definition: "0f", Timing: "interval 10s", State: api.Healthy, Since: then,
				Passed: true, Reason: "ok", Probed: then},
		},
	}
}

func written(tb testing.TB, s *Saved) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := Write(&b, Content{Header: s.Header, Sets: slices.Values(s.Sets), Checks: slices.Values(s.Checks)}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	for name, want := range map[string]*Saved{
		"everything": example(),
		"nothing":    {Header: Header{Saved: then, Manual: []api.Manual{}}, Sets: []Set{}, Checks: []Check{}},
	} {
		text := written(t, want)
		if !json.Valid(text) {
			t.Errorf("%s: no JSON:\n%s", name, text)
		}
		got, err := Read(text)
		if err != nil {
			t.Fatalf("%s: %v in\n%s", name, err, text)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%+v, want\n%+v", name, got, want)
		}
		if again := written(t, got); !bytes.Equal(again, text) {
			t.Errorf("%s: written again it is\n%s, was\n%s", name, again, text)
		}
	}
}

func TestEachCheckHasALine(t *testing.T) {
	for _, c := range example().Checks {
		if n := len(slices.Collect(bytes.Lines(written(t, example())))); n > 30 {
			t.Errorf("%d lines", n)
		}
		found := false
		for line := range bytes.Lines(written(t, example())) {
			found = found || bytes.Contains(line, []byte(c.Check)) && bytes.Contains(line, []byte(c.State))
		}
		if !found {
			t.Errorf("%s has no line", c.Check)
		}
	}
}

// Every octet counts: whichever is changed, the file is damaged.
func TestO02_EveryDamageIsFound(t *testing.T) {
	text := written(t, example())
	for i := range text {
		damaged := slices.Clone(text)
		damaged[i] ^= 1
		if _, err := Read(damaged); err == nil {
			t.Errorf("%q instead of %q at %d is not noticed", damaged[i], text[i], i)
		}
		if _, err := Read(text[:i]); err == nil {
			t.Errorf("That the file ends at %d is not noticed", i)
		}
	}
}

// signed replaces something in an example, and has the checksum fit.
func signed(tb testing.TB, what, by string) []byte {
	tb.Helper()
	text := string(written(tb, example()))
	if !strings.Contains(text, what) {
		tb.Fatalf("There is no %s in\n%s", what, text)
	}
	body, _, _ := strings.Cut(strings.Replace(text, what, by, 1), `"crc32c"`)
	return fmt.Appendf(nil, "%s"+crcLine, body, crc32.Checksum([]byte(body), castagnoli))
}

func TestO02_WhatNobodyHasWrittenIsRefused(t *testing.T) {
	for _, tc := range []struct{ what, by, want string }{
		{`"version": 1`, `"version": 2`, "its version is 2"},
		{`"version": 1,`, ``, "it has no version"},
		{`"version": 1`, `"version": "1"`, "it is no JSON"},
		{`"version": 1,`, "\"version\": 1,\n\"version\": 3,", "does not say"},
		{`"final"`, `"finish"`, "unknown field"},
		{`"final": true`, `"final": 1`, "cannot unmarshal"},
		{`"last_manual": 9`, `"last_manual": 8`, "out of order"},
		{`"id":9`, `"id":2`, "out of order"},
		{`"id":9`, `"id":-9`, "cannot unmarshal"},
		{`"state":"unhealthy","reason":"a`, `"state":"unknown","reason":"a`, `a manual state is "unknown"`},
		{`"state":"healthy","since":"2030`, `"state":"broken","since":"2030`, "has no state"},
		{`"hold":"1m0s"`, `"hold":"-1m0s"`, "negative"},
		{`"hold":"1m0s"`, `"hold":60`, "cannot unmarshal"},
		{`4294967295`, `4294967296`, "cannot unmarshal"},
		{`"probed":"2030-01-02T03:04:05.000000678Z"`, `"probed":"0001-01-01T00:00:00Z"`, "not since when"},
	} {
		_, err := Read(signed(t, tc.what, tc.by))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s instead of %s: got %v, want %q", tc.by, tc.what, err, tc.want)
		}
	}
}

// Whatever is read can be written, and is then read as the same.
func FuzzRead(f *testing.F) {
	f.Add(written(f, example()), true)
	f.Add([]byte("{\n\"version\": 1,\n}"), true)
	f.Add([]byte(`{"version": 2}`), false)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, text []byte, sign bool) {
		if sign {
			if body, _, ok := bytes.Cut(text, []byte(`"crc32c"`)); ok {
				text = fmt.Appendf(slices.Clone(body), crcLine, crc32.Checksum(body, castagnoli))
			}
		}
		got, err := Read(text)
		if err != nil {
			return
		}
		for i := range got.Sets {
			got.Sets[i].Memory.Memory(len(got.Sets[i].IDs)) // must not panic
		}
		again, err := Read(written(t, got))
		if err != nil {
			t.Fatalf("What was read cannot be read again: %v", err)
		}
		if a, b := written(t, got), written(t, again); !bytes.Equal(a, b) {
			t.Errorf("Got\n%s, and then\n%s", a, b)
		}
	})
}
