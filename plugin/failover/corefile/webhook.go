package corefile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/webhook"
)

// webhookWords are those behind the URL, formatWords and eventWords the values of two of them.
var (
	webhookWords = []string{"events", "format", "token_file"}
	formatWords  = wordsOf(webhook.Formats)
	eventWords   = wordsOf(api.EventKinds)
)

func wordsOf[T ~string](all []T) []string {
	words := make([]string, len(all))
	for i, one := range all {
		words[i] = string(one)
	}
	return words
}

// webhookLine is "webhook URL [WORD VALUE...]...".
type webhookLine struct {
	line *line
	webhook.Config
}

// Webhook is a line with the word webhook.
type Webhook struct {
	Pos Pos
	webhook.Config
}

// readWebhook reads what follows the word. No error repeats what may be a secret: of a URL it shows the host.
func (s *stanza) readWebhook(l *line, words []string) error {
	if len(words) == 0 {
		return errors.New("webhook takes a URL")
	}
	w := webhookLine{line: l, Config: webhook.Config{URL: words[0], Format: webhook.JSON}}
	if err := w.Validate(); err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	var given []string
	for words = words[1:]; len(words) > 0; {
		word := words[0]
		if !slices.Contains(webhookWords, word) {
			return fmt.Errorf("webhook: %w", unknownNotShown(word))
		}
		if slices.Contains(given, word) {
			return fmt.Errorf("webhook: %q is given twice", word)
		}
		given = append(given, word)
		end := 1
		for end < len(words) && !slices.Contains(webhookWords, words[end]) {
			end++
		}
		if err := w.give(word, words[1:end]); err != nil {
			return fmt.Errorf("webhook: %w", err)
		}
		words = words[end:]
	}
	if w.Events == nil {
		w.Events = webhook.WithEnds(webhook.DefaultEvents)
	}
	for _, other := range s.webhooks {
		if other.URL == w.URL && other.Format == w.Format {
			return fmt.Errorf("the webhook of %s is given twice, here and on %s", w.Shown(), l.pos.other(other.line.pos))
		}
	}
	s.webhooks = append(s.webhooks, w)
	return nil
}

// unknownNotShown names the word that is likely meant. What is near no word may be the end of a URL.
func unknownNotShown(word string) error {
	if near := nearest(word, webhookWords); near != "" {
		return fmt.Errorf("unknown word %q, did you mean %q?", word, near)
	}
	return errors.New("behind the URL there is a word that is none of events format token_file")
}

// give takes the values of one word.
func (w *webhookLine) give(word string, values []string) error {
	switch {
	case word != "events" && len(values) == 0:
		return fmt.Errorf("%s takes a value", word)
	case word != "events" && len(values) > 1:
		return unknownNotShown(values[1])
	}
	switch word {
	case "format":
		if !slices.Contains(formatWords, values[0]) {
			return fmt.Errorf("unknown format %q, %s", values[0], suggest(values[0], formatWords))
		}
		w.Format = webhook.Format(values[0])
	case "token_file":
		w.KeyFile = values[0]
		return pathLetters(values[0])
	case "events":
		return w.tell(values)
	}
	return nil
}

// tell takes the kinds of events.
func (w *webhookLine) tell(kinds []string) error {
	if len(kinds) == 0 {
		return errors.New("events takes names of events")
	}
	named := make([]api.EventKind, 0, len(kinds))
	for _, kind := range kinds {
		if !slices.Contains(eventWords, kind) {
			return fmt.Errorf("unknown event %q, %s", kind, suggest(kind, eventWords))
		}
		named = append(named, api.EventKind(kind))
	}
	if kind, twice := repeated(kinds); twice {
		return fmt.Errorf("the event %q is named twice", kind)
	}
	w.Events = webhook.WithEnds(named)
	return nil
}

// addWebhooks makes the receivers of a stanza known, and refuses keys that cannot be used.
func (b *builder) addWebhooks(s *stanza) error {
	for _, w := range s.webhooks {
		path := b.files.path(w.KeyFile)
		if w.KeyFile = path; b.files.try == nil {
			w.KeyFile = "" // to be read on another machine
		}
		if err := w.Validate(); err != nil {
			return w.line.pos.errorf("webhook: %w", err)
		}
		w.KeyFile = path
		b.config.Webhooks = append(b.config.Webhooks, Webhook{Pos: w.line.pos, Config: w.Config})
	}
	return nil
}

// AgreeWebhooks refuses receivers that are signed for by two keys. It is about all server blocks together: what several of
// them name is one receiver.
func AgreeWebhooks(configs []*Config) error {
	type receiver struct {
		url    string
		format webhook.Format
	}
	first := make(map[receiver]Webhook)
	for _, config := range configs {
		for _, w := range config.Webhooks {
			if w.KeyFile == "" {
				continue
			}
			k := receiver{w.URL, w.Format}
			if other, again := first[k]; again && other.KeyFile != w.KeyFile {
				return w.Pos.errorf("the webhook of %s has another token_file on %s, and is one receiver",
					w.Shown(), w.Pos.other(other.Pos))
			}
			first[k] = w
		}
	}
	return nil
}
