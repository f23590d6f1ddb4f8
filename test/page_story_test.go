package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/test/harness"
)

// story is what a server tells that is in every kind of trouble.
type story struct {
	Status api.Status
	Sets   api.Sets
	Checks api.Checks
	Manual api.Manuals
	Events api.Events
}

// troubled fills a story. Each of its sentences and names comes from text, which is told what it is.
func troubled(text func(what string) string) story {
	var s story
	fillTexts(reflect.ValueOf(&s).Elem(), "", text)
	s.Sets.Next, s.Checks.Next = "more", "more"
	return s
}

// fillTexts gives all fields below a value something: texts their text, slices and pointers one of each.
func fillTexts(v reflect.Value, name string, text func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text(name))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	case reflect.Uint64, reflect.Uint32, reflect.Uint16:
		v.SetUint(3)
	case reflect.Float64:
		v.SetFloat(1.0 / 3)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillTexts(v.Elem(), name, text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillTexts(v.Index(i), fmt.Sprint(name, i), text)
		}
	case reflect.Struct:
		if at, ok := reflect.TypeAssert[*time.Time](v.Addr()); ok {
			*at = time.Now().Add(time.Hour)
			return
		}
		for i := range v.NumField() {
			fillTexts(v.Field(i), name+"."+v.Type().Field(i).Name, text)
		}
	}
}

// pretend serves the page of a real server with an API that tells a story.
func pretend(t *testing.T, s *story) string {
	t.Helper()
	mux := http.NewServeMux()
	tell := func(path string, value any) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc("GET /v1/"+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
	}
	tell("status", s.Status)
	tell("sets", s.Sets)
	tell("checks", s.Checks)
	tell("manual", s.Manual)
	tell("events", s.Events)
	status, err := json.Marshal(s.Status)
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("GET /v1/stream", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "event: status\ndata: %s\n\n", status)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	real, err := url.Parse(pageOf(harness.Start(t, pageZone(harness.Serve(t), ""))))
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/", httputil.NewSingleHostReverseProxy(real))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// numbered gives items of a story the names and numbers that tell them apart.
func (s *story) numbered() {
	for i := range s.Events.Events {
		s.Events.Events[i].Seq = uint64(i + 1)
	}
	for i := range s.Manual.Manual {
		s.Manual.Manual[i].ID = uint64(i + 1)
	}
}

// wordy is a server's story in the longest words.
func wordy() story {
	long := strings.Repeat("averylonglabelwithouthyphens.", 8)
	s := troubled(func(what string) string {
		switch {
		case strings.HasSuffix(what, "State"), strings.HasSuffix(what, "Real"):
			return api.Unhealthy
		case strings.HasSuffix(what, ".Type"):
			return "A/AAAA"
		case strings.HasSuffix(what, "Alias"), strings.HasSuffix(what, "StateFile"):
			return ""
		}
		return what + long
	})
	s.numbered()
	for i := range s.Checks.Checks {
		s.Checks.Checks[i].Latency = []float64{12, 30, 8.5, 200, 12}
	}
	s.Checks.Checks[0].State, s.Checks.Checks[0].Manual = api.Healthy, nil
	s.Checks.Checks[1].State = api.Unknown
	s.Sets.Sets[0].AllDown = false
	s.Sets.Sets[0].Active = s.Sets.Sets[0].Records[0].ID
	s.Sets.Sets[0].Records[1].Healthy, s.Sets.Sets[0].Records[1].Odds = false, 0
	return s
}
