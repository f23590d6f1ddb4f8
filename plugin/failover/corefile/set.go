package corefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

// optionLine is "set NAME [TYPE] WORD VALUE... [WORD VALUE...]".
type optionLine struct {
	line   *line
	name   string
	rrtype uint16
	words  []option
}

// option is one word and its values; the values run up to the next word that set knows.
type option struct {
	word   string
	values []string
}

func (s *stanza) readSet(l *line) error {
	if len(l.words) < 3 {
		return errors.New("set takes a name, then options")
	}
	o := &optionLine{line: l, name: l.words[1]}
	var words []string
	var err error
	if o.rrtype, words, err = readType(l.words[2:]); err != nil {
		return err
	}
	if len(words) == 0 {
		return errors.New("set takes options")
	}
	for len(words) > 0 {
		if !slices.Contains(setWords, words[0]) {
			return unknownWord(words[0], setWords, setLater)
		}
		end := 1
		for end < len(words) && !slices.Contains(setWords, words[end]) && !slices.Contains(setLater, words[end]) {
			end++
		}
		if end == 1 {
			return fmt.Errorf("%s takes a value", words[0])
		}
		o.words = append(o.words, option{word: words[0], values: words[1:end]})
		words = words[end:]
	}
	s.options = append(s.options, o)
	return nil
}

// applyOptions gives the options of a line to the sets it names.
func (b *builder) applyOptions(s *stanza, o *optionLine) error {
	found := false
	var others []string
	err := b.inZones(s, o.name, func(zs *zoneState, fqdn string) error {
		for _, st := range zs.byName[fqdn] {
			if st.stanza != s {
				continue
			}
			if st.set.Type != o.rrtype {
				others = append(others, st.set.String())
				continue
			}
			found = true
			for _, option := range o.words {
				if err := b.apply(st, o.line.pos, option); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || found {
		return err
	}
	what := o.name
	if o.rrtype != 0 {
		what += " " + typeName(o.rrtype)
	}
	if len(others) > 0 {
		return fmt.Errorf("set %s: no such record set in this stanza, but there is %s", what, strings.Join(others, ", "))
	}
	return fmt.Errorf("set %s: no such record set in this stanza", what)
}

// apply gives one option to the set.
func (b *builder) apply(st *setState, pos Pos, o option) error {
	if first, again := st.options[o.word]; again {
		return fmt.Errorf("%q is given twice for %s, here and on %s", o.word, st.set, pos.other(first))
	}
	if st.options == nil {
		st.options = make(map[string]Pos)
	}
	st.options[o.word] = pos
	set, values := st.set, o.values
	switch o.word {
	case "ttl":
		var err error
		set.TTL, err = ttl(values)
		return err
	case "all_down":
		return b.setAllDown(set, values)
	}
	if len(values) > 1 {
		return fmt.Errorf("%s takes one value", o.word)
	}
	var err error
	switch o.word {
	case "min":
		set.Min, err = threshold(values[0])
	case "max":
		if set.Kind != policy.Multivalue {
			return fmt.Errorf("max is for sets of answer lines; %s is %s", set, set.Kind)
		}
		set.Max, err = integer(values[0], 1, 64)
	case "failback":
		if set.Kind != policy.Failover {
			return fmt.Errorf("failback is for sets with a primary; %s is %s", set, set.Kind)
		}
		set.Failback, err = failback(values[0])
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.word, err)
	}
	return nil
}

// setAllDown reads what follows all_down (statements R06, R19).
func (b *builder) setAllDown(s *Set, values []string) error {
	ways := map[string]policy.AllDown{
		"serve": policy.Serve, "last": policy.Last, "nodata": policy.NoData, "servfail": policy.ServFail,
		"refuse": policy.Refuse, "next": policy.Next, "answer": policy.Fixed,
	}
	way, ok := ways[values[0]]
	if !ok {
		return fmt.Errorf("all_down: %w", unknownWord(values[0], allDownWords, nil))
	}
	s.AllDown = way
	if way != policy.Fixed {
		if len(values) > 1 {
			return fmt.Errorf("all_down %s takes no value", values[0])
		}
		return nil
	}
	if len(values) == 1 {
		return errors.New("all_down answer takes values")
	}
	if s.Type == dns.TypeCNAME && len(values) > 2 {
		return errors.New("all_down answer: a CNAME has one value")
	}
	rrs, err := b.parseValues(s, values[1:])
	if err != nil {
		return fmt.Errorf("all_down answer: %w", err)
	}
	s.Fixed = &Record{}
	b.fill(s.Fixed, s, rrs, nil)
	return nil
}

// threshold reads N or N%.
func threshold(text string) (policy.Threshold, error) {
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		n, err := integer(percent, 1, 100)
		return policy.Threshold{Percent: n}, err
	}
	n, err := integer(text, 1, 1<<16)
	return policy.Threshold{N: n}, err
}

// failback reads auto, manual or a duration (statement R21).
func failback(text string) (policy.Failback, error) {
	switch text {
	case "auto":
		return policy.Failback{}, nil
	case "manual":
		return policy.Failback{Manual: true}, nil
	}
	d, err := duration(text, time.Millisecond, longestTTL)
	if near := nearest(text, []string{"auto", "manual"}); err != nil && near != "" {
		return policy.Failback{}, fmt.Errorf("unknown word %q, did you mean %q?", text, near)
	}
	if err != nil {
		return policy.Failback{}, fmt.Errorf("%w; the words here are auto manual", err)
	}
	return policy.Failback{After: d}, nil
}
