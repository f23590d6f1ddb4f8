package webhook

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// letter is a request as it is posted.
type letter struct {
	id          string
	contentType string
	body        []byte
}

const (
	plainJSON      = "application/json"
	cloudEventJSON = "application/cloudevents+json; charset=utf-8"
)

// letterOf words a message in a format.
func letterOf(format Format, m *message, b believed, instance string, now time.Time) (letter, error) {
	l := letter{id: m.id, contentType: plainJSON}
	var content any = m
	switch format {
	case CloudEvents:
		l.contentType = cloudEventJSON
		content = cloudEvent{
			SpecVersion: "1.0", ID: m.id, Source: "//" + instance + "/coredns/failover",
			Type: "org.coredns.failover." + string(m.Kind), Time: m.At, Subject: about(&m.Event),
			DataContentType: plainJSON, Data: m,
		}
	case Slack:
		content = slackMessage{Text: slackText(m, instance)}
	case Alertmanager:
		content = alertsOf(m, b, instance, now)
	}
	var err error
	l.body, err = json.Marshal(content)
	return l, err
}

// cloudEvent is CloudEvents 1.0 in its JSON format. Source and ID together are unique.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Time            time.Time `json:"time"`
	Subject         string    `json:"subject,omitempty"`
	DataContentType string    `json:"datacontenttype"`
	Data            *message  `json:"data"`
}

// about names what an event is about, for people and for filters.
func about(e *api.Event) string {
	switch {
	case e.Check != "" && e.Target != "":
		return e.Check + "@" + e.Target
	case e.Check != "":
		return e.Check
	case e.Set != "":
		return strings.TrimSpace(e.Set + " " + e.Type)
	case e.Manual != nil:
		return e.Manual.Checks
	}
	return ""
}

type slackMessage struct {
	Text string `json:"text"`
}

// slackEscapes are the letters that mean something in Slack's texts, where a host or a reason must not make a link.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func slackText(m *message, instance string) string {
	text := icon(&m.Event) + " " + slackEscapes.Replace(m.Text)
	var more []string
	if m.Detail != "" && !strings.Contains(m.Text, m.Detail) {
		more = append(more, slackEscapes.Replace(m.Detail))
	}
	more = append(more, "seen by "+slackEscapes.Replace(instance), m.At.UTC().Format(time.RFC3339))
	return text + "\n" + strings.Join(more, " - ")
}

// icon is one that Slack, Mattermost and Discord know.
func icon(e *api.Event) string {
	worst := ""
	for c, on := range conditionsOf(e) {
		switch {
		case !on:
		case c.severity == "critical":
			return ":red_circle:"
		case c.severity == "warning":
			worst = ":warning:"
		case worst == "":
			worst = ":wrench:"
		}
	}
	switch {
	case worst != "":
		return worst
	case len(conditionsOf(e)) == 0:
		return ":information_source:"
	}
	return ":white_check_mark:"
}
