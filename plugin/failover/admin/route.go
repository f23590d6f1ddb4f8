package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// route is something that can be asked for. The document that describes the API is made from the routes, too.
type route struct {
	method, path string
	access       access
	summary      string
	params       []param
	// request and response are zero values of what the bodies hold, nil for none.
	request, response any
	status            int
	serve             func(s *Servers, c *call) (any, error)
	// own gives the token that opens this route besides the one that opens all, nil for none, and tells whether there is
	// what is asked for. What is done by it is no audit event.
	own func(s *Servers, r *http.Request) (token func() string, known bool)
	// stream is in the place of serve for an answer without an end.
	stream func(s *Servers, c *call) error
}

// param is a parameter of the path or the query.
type param struct {
	name, kind, text string
	inPath, many     bool
}

// call is a request on the way to its answer.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	route  *route
	site   *site
	line   *secured
	caller caller
	query  *query
	author string // of a change
	idle   bool   // nothing has been changed, though it is a route that does
}

var (
	limitParam  = param{name: "limit", kind: "integer", text: "how many to give at most"}
	authorParam = param{name: "author", kind: "string", text: "who asks; not needed with a client certificate, whose name counts"}
	drillID     = param{name: "id", kind: "integer", text: "the number of the drill", inPath: true}
	manualID    = param{name: "id", kind: "integer", text: "the number of the manual state", inPath: true}
)

// The most that a page may have.
const (
	checksMost, checksUsual = 10_000, 1000
	eventsMost              = 1024
)

// routes are all of them.
var routes []route

func init() { // the document of the routes is at one of them
	routes = []route{
		{
			method: http.MethodGet, path: "/v1/status", access: reading, status: http.StatusOK,
			summary: "This server as a whole.", response: api.Status{},
			serve: func(s *Servers, _ *call) (any, error) { return s.hub.status(false), nil },
		},
		{
			method: http.MethodGet, path: "/v1/checks", access: reading, status: http.StatusOK,
			summary: "Checks, in the order of their ids.", response: api.Checks{},
			params: []param{
				{name: "match", kind: "string", text: "those that the pattern is about, NAME or NAME@TARGET with * and ?"},
				{name: "state", kind: "string", text: "those in the state: healthy, unhealthy or unknown"},
				{name: "after", kind: "string", text: "those after this id: what next was in the page before"},
				limitParam,
			},
			serve: (*Servers).checks,
		},
		{
			method: http.MethodGet, path: "/v1/checks/{id...}", access: reading, status: http.StatusOK,
			summary: "One check.", response: api.Check{},
			params: []param{{name: "id", kind: "string", text: "its id, with each / written %2F", inPath: true}},
			serve:  func(s *Servers, c *call) (any, error) { return s.Backend.Check(c.r.PathValue("id")) },
		},
		{
			method: http.MethodGet, path: "/v1/sets", access: reading, status: http.StatusOK,
			summary: "Record sets, in the order of their zones and names.", response: api.Sets{},
			params: []param{
				{name: "match", kind: "string", text: "those with the name, which may have * and ?"},
				{name: "zone", kind: "string", text: "those of the zone"},
				{name: "type", kind: "string", text: "those that answer the type"},
				{name: "trouble", kind: "boolean", text: "those without a healthy record, or not on their first record"},
				{name: "after", kind: "string", text: "those after this one: what next was in the page before"},
				limitParam,
			},
			serve: (*Servers).sets,
		},
		{
			method: http.MethodGet, path: "/v1/events", access: reading, status: http.StatusOK,
			summary: "What has happened, the oldest first; the last 1,024 events are remembered.", response: api.Events{},
			params: []param{{name: "after", kind: "integer", text: "what came after the event of this number"}, limitParam},
			serve:  (*Servers).events,
		},
		{
			method: http.MethodGet, path: "/v1/explain", access: reading, status: http.StatusOK,
			summary: "How an answer comes about, as things stand or would.", response: api.Explanation{},
			params: []param{
				{name: "name", kind: "string", text: "the name that is asked for"},
				{name: "type", kind: "string", text: "the type that is asked for; A, or what the name has"},
				{name: "client", kind: "string", text: "the address of who asks"},
				{
					name: "assume", kind: "string", many: true,
					text: "ID=down or ID=up: as if the check, or those that the pattern is about, were in that state",
				},
			},
			serve: (*Servers).explain,
		},
		{
			method: http.MethodGet, path: "/v1/stream", access: reading, status: http.StatusOK,
			summary: "Server-sent events: journal has an Event, status has a Status, at changes and every 15 seconds.",
			params:  []param{{name: "after", kind: "integer", text: "begin with what came after the event of this number"}},
			stream:  (*Servers).stream,
		},
		{
			method: http.MethodGet, path: "/v1/manual", access: reading, status: http.StatusOK,
			summary: "The manual states in force.", response: api.Manuals{},
			serve: func(s *Servers, _ *call) (any, error) { return s.Backend.Manual(), nil },
		},
		{
			method: http.MethodPost, path: "/v1/manual", access: changing, status: http.StatusCreated,
			summary: "Overrule checks.", request: api.NewManual{}, response: api.Manual{},
			serve: (*Servers).newManual,
		},
		{
			method: http.MethodDelete, path: "/v1/manual/{id}", access: changing, status: http.StatusOK,
			summary: "End one manual state.", response: api.Ended{}, params: []param{manualID, authorParam},
			serve: (*Servers).endManual,
		},
		{
			method: http.MethodDelete, path: "/v1/manual", access: changing, status: http.StatusOK,
			summary: "End all manual states that are about no other checks than the pattern is.", response: api.Ended{},
			params: []param{
				{name: "match", kind: "string", text: "NAME or NAME@TARGET with * and ?"}, authorParam,
			},
			serve: (*Servers).endManuals,
		},
		{
			method: http.MethodPost, path: "/v1/failback", access: changing, status: http.StatusOK,
			summary: "Have a failover set take its best healthy record now, whatever its failback says.",
			request: api.NewFailback{}, response: api.Failback{},
			serve: (*Servers).failback,
		},
		{
			method: http.MethodGet, path: "/v1/drills", access: reading, status: http.StatusOK,
			summary: "The drills under way.", response: api.Drills{},
			serve: func(s *Servers, _ *call) (any, error) { return s.Backend.Drills(), nil },
		},
		{
			method: http.MethodPost, path: "/v1/drills", access: changing, status: http.StatusCreated,
			summary: "Have the record that a failover set is on be unhealthy for a while.",
			request: api.NewDrill{}, response: api.Drill{},
			params: []param{{name: "dry_run", kind: "boolean", text: "change nothing, and tell what would be"}},
			serve:  (*Servers).newDrill,
		},
		{
			method: http.MethodDelete, path: "/v1/drills/{id}", access: changing, status: http.StatusOK,
			summary: "End a drill before its time.", response: api.Drill{}, params: []param{drillID, authorParam},
			serve: (*Servers).endDrill,
		},
		{
			method: http.MethodPost, path: "/v1/heartbeat/{name}", access: changing, status: http.StatusNoContent,
			summary: "Say that what a heartbeat check is about is alive.",
			params:  []param{{name: "name", kind: "string", text: "the name of the check", inPath: true}},
			own: func(s *Servers, r *http.Request) (func() string, bool) {
				return s.Backend.HeartbeatToken(r.PathValue("name"))
			},
			serve: func(s *Servers, c *call) (any, error) {
				s.Backend.Heartbeat(c.r.PathValue("name"))
				return nil, nil
			},
		},
		{
			method: http.MethodGet, path: "/v1/openapi.json", access: reading, status: http.StatusOK,
			summary: "This document.", serve: func(*Servers, *call) (any, error) { return document() },
		},
	}
}

// dryRun tells whether a route can be asked for what would be.
func (rt *route) dryRun() bool { return indexParam(rt.params, "dry_run") >= 0 }

func statusText(status int) string { return strconv.Itoa(status) }

func indexParam(all []param, name string) int {
	return slices.IndexFunc(all, func(p param) bool { return p.name == name && !p.inPath })
}

func parseQuery(raw string) (map[string][]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &Refusal{Status: http.StatusBadRequest, Text: "the query is not one of a URL"}
	}
	return values, nil
}
