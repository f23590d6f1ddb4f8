package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/seed-a19ac2b6/failover/plugin/failover/admin/page"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// handler answers all requests.
func (s *Servers) handler() http.Handler {
	mux := http.NewServeMux()
	var paths []string
	for i := range routes {
		rt := &routes[i]
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, rt) })
		if !slices.Contains(paths, rt.path) {
			paths = append(paths, rt.path)
		}
	}
	for _, p := range paths {
		mux.HandleFunc(p, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", strings.Join(methodsOf(p), ", "))
			refuse(w, &Refusal{Status: http.StatusMethodNotAllowed, Text: "this is not what can be done here"})
		})
	}
	mux.Handle("GET /{$}", page.Handler())
	mux.Handle("GET /assets/", page.Handler())
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, notThere) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if value := recover(); value != nil {
				s.Panicked(value)
				panic(http.ErrAbortHandler) // ends the connection, since nobody knows what it has been sent
			}
		}()
		harden(w.Header())
		limit := s.pace.requests
		if at, ok := r.Context().Value(siteKey{}).(*site); ok && identify(r, at.line.Load()).proven {
			limit = s.pace.proven
		}
		if refusal := wait(r, limit); refusal != nil {
			w.Header().Set("Retry-After", "5")
			refuse(w, refusal)
			return
		}
		// The multiplexer would lead to the path without its dots and double slashes; nobody means those.
		if p := r.URL.EscapedPath(); p != path.Clean("/"+p) {
			refuse(w, notThere)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

var notThere = &Refusal{Status: http.StatusNotFound, Text: "there is nothing here"}

func methodsOf(path string) []string {
	var methods []string
	for _, rt := range routes {
		if rt.path == path {
			methods = append(methods, rt.method)
		}
	}
	return methods
}

// harden tells browsers to do nothing with an answer but to give it to who has asked.
func harden(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// answer lets who may in, and gives them what the route does.
func (s *Servers) answer(w http.ResponseWriter, r *http.Request, rt *route) {
	c := &call{w: w, r: r, route: rt}
	c.site, _ = r.Context().Value(siteKey{}).(*site)
	c.line = c.site.line.Load()
	c.caller = identify(r, c.line)
	var owned *Refusal
	if rt.own != nil {
		token, known := rt.own(s, r)
		switch {
		case !known:
			owned = notThere
		case token == nil:
		case sameSecret(bearer(r), token()):
			c.caller.proven = true
		case !c.caller.proven:
			owned = &Refusal{Status: http.StatusUnauthorized, Text: "this needs the token of the check"}
		}
	}
	for _, refusal := range []*Refusal{
		rightHost(r, c.line, c.caller), sameOrigin(r, rt.access), c.caller.admit(c.line, rt.access), owned,
	} {
		if refusal != nil {
			refuse(w, refusal)
			return
		}
	}
	if rt.access == changing && rt.own == nil {
		if refusal := wait(r, s.pace.changes); refusal != nil {
			w.Header().Set("Retry-After", "5")
			refuse(w, refusal)
			return
		}
	}
	c.query = queryOf(r, rt.params)
	if c.query.err != nil {
		fail(w, c.query.err)
		return
	}
	if rt.stream != nil {
		if err := rt.stream(s, c); err != nil {
			fail(w, err)
		}
		return
	}
	given, err := rt.serve(s, c)
	if err != nil {
		fail(w, err)
		return
	}
	switch {
	case c.idle:
		give(w, http.StatusOK, given)
		return
	case rt.access == changing && rt.own == nil:
		s.hub.outdate()
		s.Backend.Audit(Change{Author: c.author, Remote: remote(r), What: r.Method + " " + r.URL.EscapedPath()})
	}
	give(w, rt.status, given)
}

// give writes an answer.
func give(w http.ResponseWriter, status int, value any) {
	text, ready := value.([]byte)
	if !ready {
		var err error
		if text, err = json.Marshal(value); err != nil {
			fail(w, err)
			return
		}
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client has gone, if not
	_, _ = w.Write([]byte("\n"))
}

// fail writes what is wrong. What is not a request's fault is not told in detail.
func fail(w http.ResponseWriter, err error) {
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		refusal = &Refusal{Status: http.StatusInternalServerError, Text: "this went wrong here"}
	}
	refuse(w, refusal)
}

func refuse(w http.ResponseWriter, refusal *Refusal) {
	if refusal.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="failover"`)
	}
	give(w, refusal.Status, api.Error{Error: refusal.Text, Field: refusal.Field})
}
