package zone

import (
	"encoding/binary"

	"github.com/seed-a19ac2b6/failover/plugin/failover/corefile"
	"github.com/seed-a19ac2b6/failover/policy"
)

// shape is all of a set that decisions go by, besides health. There are few, however many sets.
type shape struct {
	policy.Set
	// whole is the decision while everything is healthy, nil until one was made. As nearly all sets are in that state
	// nearly all the time, they then need no plans of their own. It is only for sets that have no memory and no alias:
	// with those, a decision depends on more than health.
	whole *policy.Decision
}

// remembers tells whether answers depend on more than the present states.
func (s *shape) remembers() bool {
	return s.AllDown == policy.Last || s.Failback.Manual || s.Failback.After > 0
}

// shapeKey is a shape in a form that can be compared.
type shapeKey struct {
	kind     policy.Kind
	families int
	allDown  policy.AllDown
	min      policy.Threshold
	max      int
	failback policy.Failback
	records  string
}

// shapes are those of one Index.
type shapes map[shapeKey]*shape

// of gives the shape of a set. Those of sets that differ in the number of values only are different, since a plan says
// which values are answered.
func (m shapes) of(config *corefile.Set) *shape {
	families := len(config.Types())
	records := make([]policy.Record, len(config.Records))
	var space [64]byte
	text := space[:0]
	for i, r := range config.Records {
		records[i] = policy.Record{Weight: r.Weight, Alias: r.Alias != nil,
			EvaluateOff: r.Alias != nil && r.Alias.EvaluateOff}
		switch {
		case records[i].EvaluateOff:
			text = append(text, 'e')
		case records[i].Alias:
			text = append(text, 'a')
		default:
			text = append(text, 'v')
		}
		text = binary.AppendUvarint(text, uint64(r.Weight))
		for f := range families {
			text = binary.AppendUvarint(text, uint64(len(r.Values(f))))
		}
	}
	key := shapeKey{
		kind: config.Kind, families: families, allDown: config.AllDown, min: config.Min, max: config.Max,
		failback: config.Failback, records: string(text),
	}
	if m[key] == nil {
		m[key] = &shape{Set: policy.Set{
			Kind: config.Kind, Families: families, AllDown: config.AllDown, Min: config.Min, Max: config.Max,
			Failback: config.Failback, Records: records,
		}}
	}
	return m[key]
}
