package corefile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed-a19ac2b6/failover/policy"
)

// read says what each line means by itself. What lines mean together is found out afterwards, since their order does
// not matter.
func (s *stanza) read() error {
	for _, l := range s.lines {
		if err := s.readLine(l); err != nil {
			return l.pos.errorf("%w", err)
		}
	}
	return nil
}

func (s *stanza) readLine(l *line) error {
	word, args := l.words[0], l.words[1:]
	switch word {
	case "ttl", "soa", "ns", "fallthrough", "cacheable", "allow_exec", "state", "kubeconfig":
		if first, again := s.places[word]; again {
			return fmt.Errorf("%q is given twice, here and on %s", word, l.pos.other(first))
		}
		s.places[word] = l.pos
		return s.readZoneWord(word, args)
	case "canary":
		return s.readCanary(l, args)
	case "webhook":
		return s.readWebhook(l, args)
	case "admin":
		return s.readAdmin(l, args)
	case "check":
		return s.readCheck(l)
	case "set":
		return s.readSet(l)
	case "primary", "secondary":
		return s.readRecord(l, &recordLine{line: l, kind: policy.Failover, primary: word == "primary"}, args)
	case "answer":
		return s.readRecord(l, &recordLine{line: l, kind: policy.Multivalue}, args)
	case "static":
		return s.readRecord(l, &recordLine{line: l, kind: policy.Static}, args)
	case "weight":
		if len(args) == 0 {
			return errors.New("weight takes a number, a name and values")
		}
		weight, err := integer(args[0], 0, 65535)
		if err != nil {
			return fmt.Errorf("weight: %w", err)
		}
		// #nosec G115 -- checked above
		return s.readRecord(l, &recordLine{line: l, kind: policy.Weighted, weight: uint16(weight)}, args[1:])
	}
	return unknownWord(word, stanzaWords, stanzaLater)
}

// readZoneWord reads a line about the zones, or the stanza, as such.
func (s *stanza) readZoneWord(word string, args []string) error {
	switch word {
	case "ttl":
		var err error
		s.ttl, err = ttl(args)
		return err
	case "soa":
		if len(args) != 2 {
			return errors.New("soa takes two names: the primary name server and the mailbox")
		}
		if strings.Contains(args[1], "@") && args[1] != "@" {
			return fmt.Errorf("soa: write the mailbox %q as a domain name, with a dot for the @", args[1])
		}
		s.soa = args
	case "ns":
		if len(args) == 0 {
			return errors.New("ns takes at least one name")
		}
		s.ns = args
	case "fallthrough":
		for _, arg := range args {
			if _, err := zoneArg(arg); err != nil {
				return fmt.Errorf("fallthrough: %w", err)
			}
		}
		s.fall.SetZonesFromArgs(args)
	case "cacheable":
		if len(args) > 0 {
			return errors.New("cacheable takes no value")
		}
		s.cacheable = true
	case "state":
		return s.readState(args)
	case "kubeconfig":
		return s.readKubeconfig(args)
	case "allow_exec":
		if len(args) > 0 {
			return errors.New("allow_exec takes no value")
		}
	}
	return nil
}
