package corefile

import (
	"slices"
	"testing"
)

func TestH14_Canaries(t *testing.T) {
	config := stanzaOf(t,
		"check a tcp://192.0.2.7:1", "check b tcp://192.0.2.7:2", "check same tcp://192.0.2.7:1",
		"check gauge prometheus http://192.0.2.9:9090 up",
		"canary a b", "canary same gauge",
		"answer www 192.0.2.1 check b")
	got := make([]string, 0, len(config.Canaries))
	for _, index := range config.Canaries {
		got = append(got, config.Checks[index].Probe.Target())
	}
	want := []string{"tcp://192.0.2.7:1", "tcp://192.0.2.7:2", "prometheus http://192.0.2.9:9090/"}
	if !slices.Equal(got, want) {
		t.Errorf("Canaries %q, want %q", got, want)
	}
	for _, w := range config.Warnings {
		t.Errorf("Line %d: %s", w.Pos.Line, w.Text)
	}
}
