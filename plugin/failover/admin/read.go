package admin

import (
	"net/http"
	"slices"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

func (s *Servers) checks(c *call) (any, error) {
	q := CheckQuery{
		Match: c.query.text("match"), State: c.query.text("state"), After: c.query.text("after"),
		Limit: int(c.query.number("limit", checksUsual, checksMost)),
	}
	if q.State != "" && !slices.Contains([]string{api.Healthy, api.Unhealthy, api.Unknown}, q.State) {
		c.query.refuse("state", "it is none of healthy, unhealthy, unknown")
	}
	if c.query.err != nil {
		return nil, c.query.err
	}
	return s.Backend.Checks(q)
}

func (s *Servers) sets(c *call) (any, error) {
	q := SetQuery{
		Match: c.query.text("match"), Zone: c.query.text("zone"), Type: c.query.text("type"), Trouble: c.query.flag("trouble"),
		After: c.query.text("after"), Limit: int(c.query.number("limit", checksUsual, checksMost)),
	}
	if c.query.err != nil {
		return nil, c.query.err
	}
	return s.Backend.Sets(q)
}

func (s *Servers) events(c *call) (any, error) {
	after, limit := c.query.number("after", 0, 1<<63), c.query.number("limit", eventsMost, eventsMost)
	if c.query.err != nil {
		return nil, c.query.err
	}
	return s.Backend.Events(after, int(limit)), nil
}

func (s *Servers) explain(c *call) (any, error) {
	return s.Backend.Explain(Question{
		Name: c.query.text("name"), Type: c.query.text("type"), Client: c.query.text("client"),
		Assume: c.query.values["assume"],
	})
}

// idOf reads the number in the path.
func idOf(c *call) (uint64, error) {
	q := query{values: map[string][]string{"id": {c.r.PathValue("id")}}}
	id := q.number("id", 0, 1<<63)
	if q.err != nil {
		return 0, &Refusal{Status: http.StatusNotFound, Field: "id", Text: "it is not a number"}
	}
	return id, nil
}
