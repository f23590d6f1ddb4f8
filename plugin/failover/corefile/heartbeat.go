package corefile

import (
	"fmt"
	"os"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Heartbeat is a check that others post for.
type Heartbeat struct {
	Pos       Pos
	Name      string
	TokenFile string // the path to open, empty for none
}

// addHeartbeats takes over the checks of a stanza that others post for.
func (b *builder) addHeartbeats(s *stanza) error {
	for _, c := range s.byOrder {
		if c.target == nil || c.target.kind != onHeartbeat {
			continue
		}
		h := Heartbeat{Pos: c.target.pos, Name: c.name, TokenFile: b.files.path(c.tokenFile)}
		if h.TokenFile != "" && b.files.try != nil {
			if _, err := probe.NewSecretFile(h.TokenFile); err != nil {
				return c.place("token_file").errorf("check %s: token_file %s: %w", c.name, h.TokenFile, err)
			}
			b.warnToken(c.place("token_file"), "check "+c.name, h.TokenFile)
		}
		b.config.Heartbeats = append(b.config.Heartbeats, h)
	}
	return nil
}

// warnToken warns about a token that is none.
func (b *builder) warnToken(pos Pos, what, path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
		b.warn(pos, "%s: everybody on this machine can read the token in %s", what, path)
	}
}

// AgreeHeartbeats refuses checks that nobody could post for, or anybody, and those of one name whom different ones may
// post for. It is about all server blocks together, since the admin API is.
func AgreeHeartbeats(configs []*Config) error {
	admins, open := 0, ""
	for _, config := range configs {
		for _, a := range config.Admins {
			admins++
			if !a.Local() {
				open = fmt.Sprintf("%s on %s", a.AdminAddress, a.Pos)
			}
		}
	}
	first := make(map[string]Heartbeat)
	for _, config := range configs {
		for _, h := range config.Heartbeats {
			other, again := first[h.Name]
			switch {
			case admins == 0:
				return h.Pos.errorf("check %s: there is no admin line, so nobody can post", h.Name)
			case h.TokenFile == "" && open != "":
				return h.Pos.errorf("check %s: others can post at the admin address %s: it needs a token_file", h.Name, open)
			case again && other.TokenFile != h.TokenFile:
				return h.Pos.errorf("check %s has another token_file on %s, and what is posted is for both",
					h.Name, h.Pos.other(other.Pos))
			}
			first[h.Name] = h
		}
	}
	return nil
}
