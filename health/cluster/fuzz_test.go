package cluster

import (
	"encoding/json"
	"testing"

	"github.com/seed-a19ac2b6/failover/health/probe"

	discovery "k8s.io/api/discovery/v1"
)

// FuzzEndpoints: whatever an API server sends, a Service is judged, and what is removed leaves nothing behind.
func FuzzEndpoints(f *testing.F) {
	for _, s := range []*discovery.EndpointSlice{
		sliceOf("a"), sliceOf("a", "ready", "unready", "unsaid", "empty"), {}, {Ports: []discovery.EndpointPort{{}}},
	} {
		text, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "pg")
	}
	f.Add([]byte(`{"metadata":{"name":"a","namespace":"prod","labels":{"kubernetes.io/service-name":"db"}},"endpoints":[{}],"ports":[{"port":-1}]}`), "-1")
	f.Fuzz(func(t *testing.T, text []byte, port string) {
		var s discovery.EndpointSlice
		if json.Unmarshal(text, &s) != nil {
			t.Skip()
		}
		e := kept(sliceOf("b", "unready"))
		_ = e.Add(&s)
		_ = e.Update(&s)
		for _, port := range []string{"", port} {
			if got := e.judge("db", port); got.Outcome == probe.Indeterminate || got.Detail == "" {
				t.Errorf("Result %v", got)
			}
		}
		_ = e.Delete(&s)
		_ = e.Delete(sliceOf("b"))
		if len(e.slices)+len(e.services) > 0 {
			t.Errorf("Left: %v %v", e.slices, e.services)
		}
	})
}
