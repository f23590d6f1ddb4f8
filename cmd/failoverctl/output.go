package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"

	"github.com/miekg/dns"
)

// printJSON writes JSON that people can read, too.
func printJSON(t *term.Terminal, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Out, "%s\n", text)
	return err
}

// printLine writes JSON on one line.
func printLine(t *term.Terminal, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Out, "%s\n", text)
	return err
}

// fqdn is the name of a record set as the API has it. A pattern that ends with a wildcard is left as it is.
func fqdn(name string) string {
	if strings.HasSuffix(name, "*") || strings.HasSuffix(name, "?") {
		return strings.ToLower(name)
	}
	return strings.ToLower(dns.Fqdn(name))
}

// ofState is a check's state in its colour.
func ofState(state string) term.Text {
	switch state {
	case api.Healthy:
		return term.Text{Text: state, Colour: term.Green}
	case api.Unhealthy:
		return term.Text{Text: state, Colour: term.Red}
	}
	return term.Text{Text: state, Colour: term.Yellow}
}

// percent is odds as people read them.
func percent(odds float64) string { return fmt.Sprintf("%.3g%%", odds*100) }

// ago is how long ago something was.
func ago(at *time.Time, now time.Time) string {
	if at == nil {
		return ""
	}
	return term.Short(now.Sub(*at)) + " ago"
}

// ends says when a manual state does.
func ends(m *api.Manual, now time.Time) string {
	if m.Until == nil {
		return "when it is restored"
	}
	return fmt.Sprintf("%s (in %s)", term.At(*m.Until, now), term.Short(m.Until.Sub(now)))
}

// plural is a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
