package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// maxBody is the largest body of a request.
const maxBody = 64 << 10

// body reads the JSON of a request into a value. What is not in the value is refused, since a word that is misspelt would
// else change what is asked for without a sign.
func body(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &Refusal{Status: http.StatusUnsupportedMediaType, Text: "the Content-Type must be application/json"}
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return misread(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return misread(errors.New("there is something behind the JSON"))
	}
	return nil
}

// misread words what is wrong with a body, naming the field where it is one.
func misread(err error) error {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Refusal{
			Status: http.StatusRequestEntityTooLarge, Text: fmt.Sprintf("the body is longer than %d octets", large.Limit),
		}
	}
	refusal := &Refusal{Status: http.StatusBadRequest, Text: "the body is not the JSON that is expected"}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		refusal.Field, refusal.Text = kind.Field, "it is a "+kind.Value
	} else if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		refusal.Field, _ = strconv.Unquote(field)
		refusal.Text = "there is no such field"
	}
	return refusal
}

// query reads the parameters of a request and collects what is wrong with them.
type query struct {
	values map[string][]string
	err    error
}

// queryOf refuses parameters that a route does not have.
func queryOf(r *http.Request, known []param) *query {
	values, err := parseQuery(r.URL.RawQuery)
	q := &query{values: values, err: err}
	for name, all := range values {
		i := indexParam(known, name)
		switch {
		case i < 0:
			q.refuse(name, "there is no such parameter")
		case len(all) > 1 && !known[i].many:
			q.refuse(name, "it is given twice")
		}
	}
	return q
}

func (q *query) refuse(field, text string) {
	if q.err == nil {
		q.err = &Refusal{Status: http.StatusBadRequest, Field: field, Text: text}
	}
}

func (q *query) text(name string) string {
	if all := q.values[name]; len(all) > 0 {
		return all[0]
	}
	return ""
}

func (q *query) number(name string, without, most uint64) uint64 {
	text := q.text(name)
	if text == "" {
		return without
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		q.refuse(name, fmt.Sprintf("it is not a number from 0 to %d", most))
	}
	return n
}

func (q *query) flag(name string) bool {
	switch q.text(name) {
	case "", "false":
		return false
	case "true":
		return true
	}
	q.refuse(name, "it is neither true nor false")
	return false
}
