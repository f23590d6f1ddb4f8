package failover

import (
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
	"github.com/seed-a19ac2b6/failover/plugin/failover/webhook"
)

// receivers are told what happens in this process: a reload must find what waits for them already.
var receivers = webhook.New(journalOf{&events})

// journalOf is a journal as receivers read it.
type journalOf struct{ *journal }

func (t journalOf) After(seq uint64) ([]api.Event, uint64)      { return t.after(seq) }
func (t journalOf) Listen() (news <-chan struct{}, stop func()) { return t.listen() }
