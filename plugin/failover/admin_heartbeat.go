package failover

import (
	"github.com/seed-a19ac2b6/failover/health/probe"
)

// HeartbeatToken implements admin.Backend.
func (backend) HeartbeatToken(name string) (token func() string, known bool) {
	for _, r := range newestRunners() {
		for _, h := range r.config.Heartbeats {
			switch {
			case h.Name != name:
				continue
			case h.TokenFile == "":
				return nil, true
			}
			file, err := probe.NewSecretFile(h.TokenFile)
			if err != nil {
				return func() string { return "" }, true // nobody has that
			}
			return file.Current, true
		}
	}
	return nil, false
}

// Heartbeat implements admin.Backend.
func (backend) Heartbeat(name string) { probe.Beat(name) }
