package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxQueryAnswer bounds what is read of the answer to a query, in bytes.
const maxQueryAnswer = 256 << 10

// What no data means (Spec.Insufficient).
const (
	InsufficientHealthy   = "healthy"   // the check passes
	InsufficientUnhealthy = "unhealthy" // it fails
	InsufficientLast      = "last"      // it stays as it is
)

// prometheusProber asks a Prometheus server an instant query (statement C04). It is the server that is connected to,
// but the query's subject that is judged, so what is wrong with the server is no data, not a failure.
type prometheusProber struct {
	http         httpProber
	insufficient string
}

var fieldsPrometheus = group{[]string{"Query", "Insufficient", "Secure"}, Spec.checkPrometheus}

func (s Spec) checkPrometheus() error {
	switch s.Insufficient {
	case InsufficientHealthy, InsufficientUnhealthy, InsufficientLast:
	default:
		return fmt.Errorf("insufficient: %q is not healthy, unhealthy or last", s.Insufficient)
	}
	if strings.TrimSpace(s.Query) == "" {
		return errors.New("query: it is empty")
	}
	if strings.Contains(s.Path, "?") {
		return errors.New("path: the URL of a Prometheus server has no query of its own")
	}
	return s.asHTTP().Validate()
}

// asHTTP is the request for the query as a web check.
func (s Spec) asHTTP() Spec {
	s.Scheme = HTTP
	if s.Secure {
		s.Scheme = HTTPS
	}
	s.Path = strings.TrimSuffix(s.Path, "/") + "/api/v1/query?query=" + url.QueryEscape(s.Query)
	s.Method, s.Status = http.MethodGet, "200-599"
	s.Query, s.Insufficient, s.Secure = "", "", false
	return s
}

func newPrometheusProber(s Spec, n *network) (Prober, error) {
	p := &prometheusProber{insufficient: s.Insufficient}
	return p, p.http.init(s.asHTTP(), n)
}

func (p *prometheusProber) Probe(ctx context.Context) (result Result) {
	attempt := &httpAttempt{httpProber: &p.http, maxRaw: maxQueryAnswer}
	defer func() { result.Phases = attempt.phases }()
	holds, err := askPrometheus(ctx, attempt)
	if lack, ok := errors.AsType[noData](err); ok {
		return p.lacking(string(lack))
	}
	if err != nil {
		verdict := classify(ctx, "prometheus", err, ReasonProtocol)
		if verdict.outcome == Fail { // the server is out of order, not what the query is about
			return p.lacking(verdict.detail)
		}
		return verdict.result()
	}
	if !holds {
		return failure(ReasonQuery, "the query is false").result()
	}
	return Result{Outcome: Pass, Reason: ReasonOK, Detail: "the query is true"}
}

// lacking is the result without data.
func (p *prometheusProber) lacking(why string) Result {
	outcome := Indeterminate
	switch p.insufficient {
	case InsufficientHealthy:
		outcome = Pass
	case InsufficientUnhealthy:
		outcome = Fail
	}
	return (&probeError{outcome: outcome, reason: ReasonNoData, detail: "no data: " + why}).result()
}

// noData is why there is none.
type noData string

func (n noData) Error() string { return string(n) }

// askPrometheus makes the request and tells whether the query is true.
func askPrometheus(ctx context.Context, attempt *httpAttempt) (bool, error) {
	spec := attempt.spec()
	request := attempt.firstRequest(&spec)
	if deadline, ok := ctx.Deadline(); ok {
		// Somewhat less than we wait, so that the server can still say that it took too long.
		limit := max(time.Until(deadline)*9/10, time.Millisecond)
		request.URL.RawQuery += "&timeout=" + strconv.FormatFloat(limit.Seconds(), 'f', 3, 64)
	}
	response, err := attempt.roundTrip(ctx, request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	body, err := readBody(response, maxQueryAnswer+1, nil)
	switch {
	case len(body) > maxQueryAnswer, errors.Is(err, errTooLong):
		return false, noData(fmt.Sprintf("the answer is longer than %d bytes", maxQueryAnswer))
	case err != nil:
		return false, err
	}
	return judgeQuery(response.StatusCode, body)
}

// queryAnswer is what is read of an answer of Prometheus' HTTP API; labels, warnings and notes are not.
type queryAnswer struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Data      struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

// querySample is an element of a vector. Without a value it is a native histogram.
type querySample struct {
	Value *queryValue `json:"value"`
}

// queryValue is a time and a number.
type queryValue float64

// UnmarshalJSON reads [1435781451.781, "1.5"]. The time is not looked at.
func (v *queryValue) UnmarshalJSON(text []byte) error {
	var pair []json.RawMessage
	var number string
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return errors.New("not a pair")
	}
	if err := json.Unmarshal(pair[1], &number); err != nil {
		return err
	}
	parsed, err := strconv.ParseFloat(number, 64)
	*v = queryValue(parsed)
	return err
}

// errorTypes are those of Prometheus' API. Others are not repeated, since nobody knows what is in them.
var errorTypes = []string{"timeout", "canceled", "execution", "internal", "unavailable", "not_found", "not_acceptable"}

// judgeQuery tells whether the query is true, or why that cannot be told: noData, or an indeterminate error where the
// query cannot be a condition at all.
func judgeQuery(status int, body []byte) (bool, error) {
	var answer queryAnswer
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" || status/100 != 2 {
		why := "status " + strconv.Itoa(status)
		switch {
		case answer.ErrorType == "bad_data":
			return false, noData(why + ", bad_data: the query is wrong")
		case slices.Contains(errorTypes, answer.ErrorType):
			return false, noData(why + ", " + answer.ErrorType)
		case status/100 != 2:
			return false, noData(why)
		}
		return false, noData("what came is not an answer of Prometheus")
	}
	values, err := answer.values()
	if err != nil {
		return false, err
	}
	known := false
	for _, value := range values {
		if math.IsNaN(float64(value)) {
			continue
		}
		if value != 0 {
			return true, nil
		}
		known = true
	}
	switch {
	case known:
		return false, nil
	case len(values) > 0:
		return false, noData("NaN is all that the query gives")
	default:
		return false, noData("the query gives nothing")
	}
}

// values are the numbers in a successful answer.
func (a *queryAnswer) values() ([]queryValue, error) {
	malformed := noData("what came is not an answer of Prometheus")
	switch a.Data.ResultType {
	case "scalar":
		var value *queryValue
		if err := json.Unmarshal(a.Data.Result, &value); err != nil || value == nil {
			return nil, malformed
		}
		return []queryValue{*value}, nil
	case "vector":
		var samples []querySample
		if err := json.Unmarshal(a.Data.Result, &samples); err != nil {
			return nil, malformed
		}
		values := make([]queryValue, 0, len(samples))
		for _, sample := range samples {
			if sample.Value == nil {
				return nil, indeterminate(ReasonProtocol, "prometheus: the query gives a histogram, not a number")
			}
			values = append(values, *sample.Value)
		}
		return values, nil
	case "matrix", "string":
		detail := "prometheus: the query gives a " + a.Data.ResultType + ", not a number or a vector"
		return nil, indeterminate(ReasonProtocol, detail)
	default:
		return nil, malformed
	}
}
