package failover

import (
	"fmt"
	"sync"

	"github.com/seed-a19ac2b6/failover/health/probe"
	"github.com/seed-a19ac2b6/failover/plugin/failover/admin"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
)

// admins are the addresses of the admin API. They belong to the process, so that a reload drops no connection.
var admins = admin.Servers{Backend: backend{}, Panicked: panicked}

// backend is what the admin API tells and does.
type backend struct{}

var _ admin.Backend = backend{}

// agree refuses a server block that says something else of an address than one before.
func (g *generation) agree(config *corefile.Config) error {
	for _, a := range config.Admins {
		for _, b := range g.blocks {
			if err := corefile.AgreeAdmins(b.handler.config.Admins, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// acquireAdmins has the addresses of a generation answered.
func (g *generation) acquireAdmins() error {
	known := make(map[corefile.AdminAddress]bool)
	for _, b := range g.blocks {
		for _, a := range b.handler.config.Admins {
			if known[a.AdminAddress] {
				continue
			}
			known[a.AdminAddress] = true
			line, err := adminLine(a)
			if err != nil {
				return fmt.Errorf("%s - admin: %w", a.Pos, err)
			}
			lease, err := admins.Acquire(line)
			if err != nil {
				return fmt.Errorf("%s - admin: %w", a.Pos, err)
			}
			g.running.admins = append(g.running.admins, lease)
		}
	}
	return nil
}

func adminLine(a corefile.Admin) (admin.Line, error) {
	line := admin.Line{
		Network: a.Network, Address: a.Address, Local: a.Local(),
		CertFile: a.CertFile, KeyFile: a.KeyFile, CAFile: a.CAFile,
	}
	if a.TokenFile != "" {
		file, err := probe.NewSecretFile(a.TokenFile)
		if err != nil {
			return line, fmt.Errorf("token_file %s: %w", a.TokenFile, err)
		}
		line.Token = file.Current
	}
	return line, nil
}

// releaseAdmins ends the use of the addresses, which takes a moment for those that nobody else uses.
func (g *running) releaseAdmins() {
	var done sync.WaitGroup
	for _, lease := range g.admins {
		done.Go(lease.Release)
	}
	done.Wait()
}

// Audit implements admin.Backend.
func (backend) Audit(c admin.Change) {
	from := "a socket"
	if c.Remote.IsValid() {
		from = c.Remote.String()
	}
	text := fmt.Sprintf("%s has asked for a change, from %s: %s", c.Author, from, c.What)
	log.Info(text)
	events.add(api.Event{Kind: api.EventAudit, Text: text, Author: c.Author, Reason: c.What, Detail: from})
}

// Events implements admin.Backend.
func (backend) Events(after uint64, limit int) api.Events {
	found, last := events.after(after)
	if len(found) > limit {
		found = found[:limit]
	}
	if found == nil {
		found = []api.Event{}
	}
	return api.Events{Events: found, Last: last}
}

// News implements admin.Backend.
func (backend) News() (news <-chan struct{}, stop func()) { return events.listen() }
