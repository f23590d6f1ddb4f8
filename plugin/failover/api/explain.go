package api

import "time"

// Explanation is how an answer comes about.
type Explanation struct {
	Name string `json:"name"` // as asked
	Type string `json:"type"`
	// Client is the address for which the answer was explained. No policy looks at it: everybody gets the same.
	Client string `json:"client,omitempty"`
	// Blocks are the keys of the server blocks that have the zone, where there are several, as with views. It is the first
	// that is explained, whoever the client is.
	Blocks []string `json:"blocks,omitempty"`
	// Time is the moment that is explained.
	Time time.Time `json:"time"`
	// Assumed are the checks whose status was made up for the question.
	Assumed []ExplainedCheck `json:"assumed,omitempty"`
	Way     ExplainedStep    `json:"way"`
	// Outcomes are the ways it can end, the likeliest first. Their odds add up to 1.
	Outcomes []ExplainedOutcome `json:"outcomes"`
	// Records are those that can be in the answer section.
	Records []PossibleRecord `json:"records"`
	// Statements are the numbers of all statements that were applied, in the order of the alphabet. Each stands where it
	// applied, too.
	Statements []string `json:"statements"`
	// Text is all of it for people, line by line.
	Text []string `json:"text,omitempty"`
}

// ExplainedOutcome is a way an answer can end.
type ExplainedOutcome struct {
	Kind  AnswerKind `json:"kind"`
	Rcode string     `json:"rcode,omitempty"` // empty where others answer
	// Authority is the SOA of a negative answer.
	Authority []string `json:"authority,omitempty"`
	Odds      float64  `json:"odds"`
}

// AnswerKind says in one word what is done with a question.
type AnswerKind string

// The kinds. Those up to AnswerNext are of outcomes, too; the others lead to one of these.
const (
	AnswerRecords   AnswerKind = "answer"
	AnswerNoData    AnswerKind = "nodata"   // the name exists, and there is nothing of the type
	AnswerNXDomain  AnswerKind = "nxdomain" // the name does not exist
	AnswerServFail  AnswerKind = "servfail"
	AnswerRefused   AnswerKind = "refused"
	AnswerElsewhere AnswerKind = "elsewhere" // a CNAME leads out of the zones here; what lies there is added
	AnswerNext      AnswerKind = "next"      // left to the next plugin

	AnswerFallthrough AnswerKind = "fallthrough" // the name does not exist; such names are left to the next plugin
	AnswerApex        AnswerKind = "apex"        // the zone's own SOA or NS
	AnswerAny         AnswerKind = "any"         // the short answer to ANY
	AnswerSet         AnswerKind = "set"         // a record set answers
	AnswerCNAME       AnswerKind = "cname"       // a CNAME answers, and where it leads
	AnswerUnfollowed  AnswerKind = "unfollowed"  // more ways than are explained
)

// PossibleRecord is a record that can be in the answer.
type PossibleRecord struct {
	Name string  `json:"name"`
	TTL  uint32  `json:"ttl"`
	Type string  `json:"type"`
	Data string  `json:"data"`
	Odds float64 `json:"odds"` // that it is in an answer
}

// ExplainedStep is one name on the way.
type ExplainedStep struct {
	Name string     `json:"name"`
	Kind AnswerKind `json:"kind"`
	Why  string     `json:"why"`
	Zone string     `json:"zone,omitempty"`
	// Node is the name that the records are kept under, that of a wildcard for one below it.
	Node       string        `json:"node,omitempty"`
	Wildcard   bool          `json:"wildcard,omitempty"`
	Apex       bool          `json:"apex,omitempty"`
	Odds       float64       `json:"odds"` // that an answer comes by here
	Statements []string      `json:"statements"`
	Set        *ExplainedSet `json:"set,omitempty"`
	// Next is where CNAMEs lead.
	Next []ExplainedStep `json:"next,omitempty"`
}

// ExplainedSet is a record set and what became of it.
type ExplainedSet struct {
	Name   string `json:"name"`
	Zone   string `json:"zone"`
	Type   string `json:"type"` // the one that is answered
	Policy string `json:"policy"`
	// Active is the id of the tier that a failover set is on.
	Active   string `json:"active,omitempty"`
	Failback string `json:"failback,omitempty"` // failover: auto, manual, or how long it waits
	Min      string `json:"min"`                // how many values a record needs
	AllDown  string `json:"all_down"`           // what is done when nothing is healthy
	// Down tells that nothing is healthy.
	Down bool `json:"down"`
	// Settled tells that all checks are in their best state; TTL is the one that follows, before what lies on the way to
	// the set or below it lowers it.
	Settled bool       `json:"settled"`
	TTL     uint32     `json:"ttl"`
	Outcome AnswerKind `json:"outcome"`
	// Take is how many of the candidates one answer has.
	Take int    `json:"take"`
	Why  string `json:"why"`
	// Pending tells that health has changed since this was decided; it is about to be decided again.
	Pending bool `json:"pending,omitempty"`
	// Remembered tells that an all_down last further up answers from here what was answered then.
	Remembered bool              `json:"remembered,omitempty"`
	Candidates []ExplainedRecord `json:"candidates"`
	Statements []string          `json:"statements"`
}

// ExplainedRecord is a record of a set.
type ExplainedRecord struct {
	ID      string  `json:"id"`
	Weight  *uint16 `json:"weight,omitempty"`
	Healthy bool    `json:"healthy"`
	Fate    Fate    `json:"fate"`
	Why     string  `json:"why"`
	Odds    Odds    `json:"odds"`
	// Until is when the tier will have been healthy for as long as failback asks.
	Until  *time.Time       `json:"until,omitempty"`
	Values []ExplainedValue `json:"values,omitempty"`
	// Alias is the name that an alias points at, Checks are its own, and Branch is what lies there.
	Alias       string           `json:"alias,omitempty"`
	EvaluateOff bool             `json:"evaluate_off,omitempty"`
	Checks      []ExplainedCheck `json:"checks,omitempty"`
	Branch      *ExplainedSet    `json:"branch,omitempty"`
	Statements  []string         `json:"statements"`
}

// Fate is what became of a candidate.
type Fate string

// The fates.
const (
	FateChosen    Fate = "chosen"    // in every answer of the set
	FateCandidate Fate = "candidate" // in some answers
	FateDropped   Fate = "dropped"   // in none
)

// Odds are the odds of a candidate to be taken whenever its set is asked.
type Odds struct {
	Numerator   uint64  `json:"numerator"`
	Denominator uint64  `json:"denominator"`
	Percent     float64 `json:"percent"`
}

// ExplainedValue is a value of a record.
type ExplainedValue struct {
	Data     string           `json:"data"`
	Healthy  bool             `json:"healthy"`
	Settled  bool             `json:"settled"`
	Answered bool             `json:"answered"` // with the record
	Checks   []ExplainedCheck `json:"checks,omitempty"`
}

// ExplainedCheck is a check, or several combined.
type ExplainedCheck struct {
	// ID is that of Check; none for several checks on one line.
	ID string `json:"id,omitempty"`
	// Names are what the configuration calls it, and Called is the same for people.
	Names  []string `json:"names,omitempty"`
	Called string   `json:"called"`
	Target string   `json:"target,omitempty"` // of one that is probed
	// Healthy is what it counts as, after all that inverts or overrules it; Found says why.
	Healthy bool   `json:"healthy"`
	Found   string `json:"found"`
	// State is what is known of one that is probed, whatever is said by hand.
	State  string     `json:"state,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Detail string     `json:"detail,omitempty"`
	Streak bool       `json:"streak,omitempty"` // results contrary to the state are being counted
	Held   bool       `json:"held,omitempty"`   // failures enough, but this server seems to be cut off
	// Untold says why the last probe told nothing of the target, so that State may be an old one.
	Untold string `json:"untold,omitempty"`
	// ManualState is what an operator says it is, which wins over all else, and Manual is who, why and for how long.
	ManualState string  `json:"manual_state,omitempty"`
	Manual      *Manual `json:"manual,omitempty"`
	// Assumed tells that all of this is made up for the question.
	Assumed bool `json:"assumed,omitempty"`
	// Inverted and Disabled are words of the check.
	Inverted bool `json:"inverted,omitempty"`
	Disabled bool `json:"disabled,omitempty"`
	// AtLeast of Children must be healthy; 0 for one that combines none.
	AtLeast    int              `json:"at_least,omitempty"`
	Children   []ExplainedCheck `json:"children,omitempty"`
	Statements []string         `json:"statements,omitempty"`
}
