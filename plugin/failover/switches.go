package failover

import (
	"fmt"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/zone"

	"github.com/miekg/dns"
)

// switched counts, logs and remembers that a record set answers with something else.
func switched(s zone.Switch) {
	e := eventOf(s)
	if s.Kind == zone.AllDown || s.Kind == zone.Failover {
		log.Warning(e.Text)
	} else {
		log.Info(e.Text)
	}
	tallies.switched(s.Set.Config, s.Kind)
	events.add(e)
}

func eventOf(s zone.Switch) api.Event {
	set := s.Set.Config
	e := api.Event{At: s.At, Kind: api.EventKind(s.Kind), Zone: set.Zone.Name, Set: set.Name, Type: typesOf(set)}
	if s.From != nil {
		e.From = s.From.ID
	}
	if s.To != nil {
		e.To, e.First = s.To.ID, s.To == set.Records[0]
	}
	what := set.Name + " " + e.Type
	switch s.Kind {
	case zone.Failover:
		e.Text = fmt.Sprintf("%s has failed over from %s to %s", what, e.From, e.To)
		if s.From == nil { // it was so before this process was
			e.Text = fmt.Sprintf("%s is on %s, not on %s", what, e.To, set.Records[0].ID)
		}
	case zone.Failback:
		e.Text = fmt.Sprintf("%s has gone back from %s to %s", what, e.From, e.To)
	case zone.AllDown:
		e.Text = fmt.Sprintf("no record of %s %s is healthy", set.Name, downTypes(s.Set))
	case zone.Recovered:
		e.Text = what + " has a healthy record again"
		if e.To != "" {
			e.Text += ": " + e.To
		}
	}
	return e
}

// downTypes are the types of a set that nothing is healthy of: all that it has, or one where it judges A and AAAA apart and
// the other has a healthy record.
func downTypes(s *zone.Set) string {
	var down, up string
	for f, t := range s.Config.Types() {
		switch a := s.Answer(f); {
		case a == nil:
		case a.AllDown:
			down = dns.Type(t).String()
		default:
			up = dns.Type(t).String()
		}
	}
	if up == "" || down == "" {
		return typesOf(s.Config)
	}
	return down
}
