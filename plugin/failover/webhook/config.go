package webhook

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// Format is how events are worded for a receiver.
type Format string

// The formats.
const (
	JSON         Format = "json"         // the event as the admin API has it
	CloudEvents  Format = "cloudevents"  // CloudEvents 1.0, structured
	Slack        Format = "slack"        // a message for people, as Slack and those like it take it
	Alertmanager Format = "alertmanager" // alerts of Prometheus Alertmanager
)

// Formats are all formats.
var Formats = []Format{JSON, CloudEvents, Slack, Alertmanager}

// Config is one receiver, plain data. Those with the same URL and Format are one.
type Config struct {
	URL    string
	Format Format
	// KeyFile is the path of the file with the key that requests are signed with; empty: they are not.
	KeyFile string
	// Events are the kinds that are told, in the order of api.EventKinds; see WithEnds.
	Events []api.EventKind
}

// DefaultEvents are the kinds that are told when the configuration names none: what an operator wants to be woken for,
// with how it ends. A check by itself changes nothing that is answered.
var DefaultEvents = []api.EventKind{
	api.EventFailover, api.EventFailback, api.EventAllDown, api.EventRecovered, api.EventIsolated, api.EventConnected,
	api.EventStale, api.EventFresh, api.EventManual, api.EventRestored, api.EventDrill, api.EventDrillEnd,
}

// ends are the kinds by which what another kind began may end. Who is told of the one is told of the other, or would
// believe for ever that something is wrong.
var ends = map[api.EventKind][]api.EventKind{
	api.EventFailover: {api.EventFailback, api.EventRecovered},
	api.EventAllDown:  {api.EventRecovered},
	api.EventIsolated: {api.EventConnected},
	api.EventStale:    {api.EventFresh},
	api.EventManual:   {api.EventRestored},
	api.EventDrill:    {api.EventDrillEnd},
}

// WithEnds adds the kinds by which those given may end, and gives all in the order of api.EventKinds.
func WithEnds(kinds []api.EventKind) []api.EventKind {
	var all []api.EventKind
	for _, kind := range api.EventKinds {
		wanted := slices.Contains(kinds, kind)
		for _, began := range kinds {
			wanted = wanted || slices.Contains(ends[began], kind)
		}
		if wanted {
			all = append(all, kind)
		}
	}
	return all
}

// Validate refuses what could never work. Its errors hold nothing of the URL, in which secrets are.
func (c *Config) Validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil, u.Host == "", u.Hostname() == "", u.Scheme != "http" && u.Scheme != "https":
		return errors.New("write the receiver as http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")
	case strings.Contains(c.URL, "#"):
		return errors.New("the URL has a fragment (#), which is never sent")
	}
	if c.KeyFile != "" {
		if _, err := readKey(c.KeyFile); err != nil {
			return err
		}
	}
	return nil
}

// Shown is as much of the URL as may be seen by everybody: scheme, host and port.
func (c *Config) Shown() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "" // not of one that was validated
	}
	return u.Scheme + "://" + u.Host
}

// host is Shown without the scheme.
func (c *Config) host() string {
	_, host, _ := strings.Cut(c.Shown(), "://")
	return host
}

// tells tells whether a kind of event is for the receiver.
func (c *Config) tells(kind api.EventKind) bool { return slices.Contains(c.Events, kind) }
