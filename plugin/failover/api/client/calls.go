package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// page is how many checks, sets or events are asked for at a time.
const page = 1000

// Status is the server as a whole.
func (c *Client) Status(ctx context.Context) (s api.Status, err error) {
	err = c.get(ctx, "/v1/status", nil, &s)
	return s, err
}

// Find says which checks or sets are wanted. What is empty does not matter.
type Find struct {
	Match string // checks: NAME or NAME@TARGET, sets: the name; with "*" and "?"
	State string // checks only
	Type  string // sets only
	Most  int    // how many at most; 0: all
}

func (f Find) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"match": f.Match, "state": f.State, "type": f.Type} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// Checks gives checks by their ids, and whether there are more than were wanted.
func (c *Client) Checks(ctx context.Context, f Find) ([]api.Check, bool, error) {
	return all(f, func(query url.Values) ([]api.Check, string, error) {
		var p api.Checks
		err := c.get(ctx, "/v1/checks", query, &p)
		return p.Checks, p.Next, err
	})
}

// Check gives one check, with the record sets that depend on it.
func (c *Client) Check(ctx context.Context, id string) (found api.Check, err error) {
	err = c.get(ctx, "/v1/checks/"+url.PathEscape(id), nil, &found)
	return found, err
}

// Sets gives record sets by their names, and whether there are more than were wanted.
func (c *Client) Sets(ctx context.Context, f Find) ([]api.Set, bool, error) {
	return all(f, func(query url.Values) ([]api.Set, string, error) {
		var p api.Sets
		err := c.get(ctx, "/v1/sets", query, &p)
		return p.Sets, p.Next, err
	})
}

// all asks for page after page.
func all[T any](f Find, ask func(url.Values) ([]T, string, error)) (found []T, more bool, err error) {
	query := f.query()
	for {
		limit := page
		if f.Most > 0 {
			limit = min(page, f.Most-len(found))
		}
		query.Set("limit", strconv.Itoa(limit))
		some, next, err := ask(query)
		if err != nil {
			return nil, false, err
		}
		found = append(found, some...)
		switch {
		case f.Most > 0 && len(found) >= f.Most:
			return found[:f.Most], next != "" || len(found) > f.Most, nil
		case next == "" || next == query.Get("after"): // the second would go on for ever
			return found, false, nil
		}
		query.Set("after", next)
	}
}

// Events gives the events after one that the server remembers, the oldest first, and the number of the last of all.
func (c *Client) Events(ctx context.Context, after uint64) ([]api.Event, uint64, error) {
	var found []api.Event
	for {
		var p api.Events
		query := url.Values{"after": {strconv.FormatUint(after, 10)}, "limit": {strconv.Itoa(page)}}
		if err := c.get(ctx, "/v1/events", query, &p); err != nil {
			return nil, 0, err
		}
		found = append(found, p.Events...)
		if len(p.Events) == 0 || p.Events[len(p.Events)-1].Seq >= p.Last || p.Events[len(p.Events)-1].Seq <= after {
			return found, p.Last, nil
		}
		after = p.Events[len(p.Events)-1].Seq
	}
}

// Manual gives the manual states in force.
func (c *Client) Manual(ctx context.Context) ([]api.Manual, error) {
	var m api.Manuals
	err := c.get(ctx, "/v1/manual", nil, &m)
	return m.Manual, err
}

// Force makes a manual state.
func (c *Client) Force(ctx context.Context, wanted api.NewManual) (m api.Manual, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/manual", nil, wanted, &m)
	return m, err
}

// Restore ends the manual states of a pattern.
func (c *Client) Restore(ctx context.Context, match, author string) ([]api.Manual, error) {
	var e api.Ended
	err := c.do(ctx, http.MethodDelete, "/v1/manual", url.Values{"match": {match}, "author": {author}}, nil, &e)
	return e.Ended, err
}

// RestoreID ends one manual state.
func (c *Client) RestoreID(ctx context.Context, id uint64, author string) ([]api.Manual, error) {
	var e api.Ended
	err := c.do(ctx, http.MethodDelete, "/v1/manual/"+strconv.FormatUint(id, 10), url.Values{"author": {author}}, nil, &e)
	return e.Ended, err
}

// Failback has a set take its best healthy record now.
func (c *Client) Failback(ctx context.Context, wanted api.NewFailback) (f api.Failback, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/failback", nil, wanted, &f)
	return f, err
}

// Question is what is to be explained. What is empty does not matter.
type Question struct {
	Name, Type, Client string
	Assume             []string // ID=down or ID=up
}

// Explain tells how an answer comes about: the server's JSON as it is, and its lines for people.
func (c *Client) Explain(ctx context.Context, q Question) (json.RawMessage, []string, error) {
	query := url.Values{"name": {q.Name}}
	if q.Type != "" {
		query.Set("type", q.Type)
	}
	if q.Client != "" {
		query.Set("client", q.Client)
	}
	query["assume"] = q.Assume
	var raw json.RawMessage
	if err := c.get(ctx, "/v1/explain", query, &raw); err != nil {
		return nil, nil, err
	}
	var x api.Explanation
	if err := json.Unmarshal(raw, &x); err != nil {
		return nil, nil, &Unreachable{c.server, err}
	}
	return raw, x.Text, nil
}

// Drills gives the drills under way.
func (c *Client) Drills(ctx context.Context) ([]api.Drill, error) {
	var d api.Drills
	err := c.get(ctx, "/v1/drills", nil, &d)
	return d.Drills, err
}

// Rehearse says what a drill would do, and does nothing.
func (c *Client) Rehearse(ctx context.Context, wanted api.NewDrill) (d api.Drill, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/drills", url.Values{"dry_run": {"true"}}, wanted, &d)
	return d, err
}

// Drill begins a drill.
func (c *Client) Drill(ctx context.Context, wanted api.NewDrill) (d api.Drill, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/drills", nil, wanted, &d)
	return d, err
}

// EndDrill ends a drill.
func (c *Client) EndDrill(ctx context.Context, id uint64, author string) (d api.Drill, err error) {
	err = c.do(ctx, http.MethodDelete, "/v1/drills/"+strconv.FormatUint(id, 10), url.Values{"author": {author}}, nil, &d)
	return d, err
}
