package failover

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/seed-a19ac2b6/failover/health"
	"github.com/seed-a19ac2b6/failover/plugin/failover/admin"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// Manual implements admin.Backend.
func (backend) Manual() api.Manuals { return api.Manuals{Manual: shownManuals(manuals.list())} }

// shownManuals are manual states with the number of checks that they are about.
func shownManuals(all health.Manuals) []api.Manual {
	shown := make([]api.Manual, len(all))
	if len(all) == 0 {
		return shown
	}
	d := listed.get()
	for i, m := range all {
		shown[i] = shownManual(m)
		shown[i].Matches = d.matches(m.Checks)
	}
	return shown
}

// NewManual implements admin.Backend.
func (backend) NewManual(asked api.NewManual) (api.Manual, error) {
	m := health.Manual{Checks: health.Pattern(asked.Checks), Reason: asked.Reason, Author: asked.Author}
	switch asked.State {
	case api.Healthy:
		m.State = health.Healthy
	case api.Unhealthy:
		m.State = health.Unhealthy
	}
	var err error
	if m.Until, err = endOf(asked.For, asked.Until); err != nil {
		return api.Manual{}, err
	}
	if err := printable("reason", asked.Reason); err != nil {
		return api.Manual{}, err
	}
	made, err := manuals.create(m)
	if err != nil {
		return api.Manual{}, refusalOf(err)
	}
	return shownManuals(health.Manuals{made})[0], nil
}

// endOf is when something ends that is asked for: after a duration or at a time, zero for neither.
func endOf(duration string, until *time.Time) (time.Time, error) {
	switch {
	case duration != "" && until != nil:
		return time.Time{}, &admin.Refusal{Status: http.StatusBadRequest, Field: "until", Text: "it is given beside for"}
	case until != nil && until.IsZero(): // what a program sends that has not set it; it would be without an end
		return time.Time{}, &admin.Refusal{Status: http.StatusBadRequest, Field: "until", Text: "it is over already"}
	case until != nil:
		return *until, nil
	case duration == "":
		return time.Time{}, nil
	}
	d, err := time.ParseDuration(duration)
	if err != nil || d <= 0 {
		return time.Time{}, &admin.Refusal{
			Status: http.StatusBadRequest, Field: "for", Text: "it is not a duration with a unit, like 30m",
		}
	}
	return time.Now().Add(d), nil
}

// printable refuses text that would be more than a part of a line where it is logged.
func printable(field, text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return &admin.Refusal{Status: http.StatusBadRequest, Field: field, Text: "it has what cannot be printed"}
	}
	return nil
}

// refusalOf parts an error "FIELD: TEXT" of the table of manual states.
func refusalOf(err error) error {
	field, text, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		return &admin.Refusal{Status: http.StatusConflict, Text: err.Error()}
	}
	return &admin.Refusal{Status: http.StatusBadRequest, Field: field, Text: text}
}

// EndManual implements admin.Backend.
func (backend) EndManual(id uint64, author string) (api.Ended, error) {
	ended := manuals.end(author, func(m *health.Manual) bool { return m.ID == id })
	if len(ended) == 0 {
		return api.Ended{}, &admin.Refusal{Status: http.StatusNotFound, Field: "id", Text: "there is no such manual state"}
	}
	return api.Ended{Ended: shownManuals(ended)}, nil
}

// EndManualOf implements admin.Backend. It ends the manual states with that very pattern, those whose pattern the given
// one matches, and those that are about checks which it is about, and about no others.
func (backend) EndManualOf(pattern, author string) (api.Ended, error) {
	p, err := health.ParsePattern(pattern)
	if err != nil {
		return api.Ended{}, &admin.Refusal{Status: http.StatusBadRequest, Field: "match", Text: err.Error()}
	}
	d := listed.get()
	ended := manuals.end(author, func(m *health.Manual) bool {
		name, target, _ := strings.Cut(string(m.Checks), "@")
		if m.Checks == p || p.Match(name, target) {
			return true
		}
		some, others := false, false
		d.about(m.Checks, func(e *checkEntry) bool {
			some = true
			others = !p.Match(e.name(), e.target())
			return !others
		})
		return some && !others
	})
	return api.Ended{Ended: shownManuals(ended)}, nil
}
