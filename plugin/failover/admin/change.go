package admin

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// longestAuthor is the most octets of who asks.
const longestAuthor = 500

// by is who asks for a change: whom a certificate names, or who the request says it is.
func (c *call) by(given string) (string, error) {
	c.author = given
	if c.caller.name != "" {
		c.author = c.caller.name
	}
	switch {
	case c.author == "":
		return "", &Refusal{Status: http.StatusBadRequest, Field: "author", Text: "it is empty"}
	case len(c.author) > longestAuthor:
		return "", &Refusal{Status: http.StatusBadRequest, Field: "author", Text: "it is too long"}
	case strings.ContainsFunc(c.author, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", &Refusal{Status: http.StatusBadRequest, Field: "author", Text: "it has what cannot be printed"}
	}
	return c.author, nil
}

func (s *Servers) newManual(c *call) (any, error) {
	var asked api.NewManual
	if err := body(c.w, c.r, &asked); err != nil {
		return nil, err
	}
	var err error
	if asked.Author, err = c.by(asked.Author); err != nil {
		return nil, err
	}
	return s.Backend.NewManual(asked)
}

func (s *Servers) endManual(c *call) (any, error) {
	id, err := idOf(c)
	if err != nil {
		return nil, err
	}
	author, err := c.by(c.query.text("author"))
	if err != nil {
		return nil, err
	}
	return s.Backend.EndManual(id, author)
}

func (s *Servers) endManuals(c *call) (any, error) {
	author, err := c.by(c.query.text("author"))
	if err != nil {
		return nil, err
	}
	return s.Backend.EndManualOf(c.query.text("match"), author)
}

func (s *Servers) failback(c *call) (any, error) {
	var asked api.NewFailback
	if err := body(c.w, c.r, &asked); err != nil {
		return nil, err
	}
	var err error
	if asked.Author, err = c.by(asked.Author); err != nil {
		return nil, err
	}
	return s.Backend.Failback(asked)
}

func (s *Servers) newDrill(c *call) (any, error) {
	c.idle = c.query.flag("dry_run")
	if c.query.err != nil {
		return nil, c.query.err
	}
	var asked api.NewDrill
	if err := body(c.w, c.r, &asked); err != nil {
		return nil, err
	}
	var err error
	if asked.Author, err = c.by(asked.Author); err != nil {
		return nil, err
	}
	return s.Backend.NewDrill(asked, c.idle)
}

func (s *Servers) endDrill(c *call) (any, error) {
	id, err := idOf(c)
	if err != nil {
		return nil, err
	}
	author, err := c.by(c.query.text("author"))
	if err != nil {
		return nil, err
	}
	return s.Backend.EndDrill(id, author)
}
