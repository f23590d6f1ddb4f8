package probe

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// The answers are made by the types that Prometheus' own server and client use.

// successful is the body of an answer with a result.
func successful(tb testing.TB, result model.Value) string {
	tb.Helper()
	body, err := json.Marshal(map[string]any{
		"status": "success",
		"data":   map[string]any{"resultType": result.Type(), "result": result},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return string(body)
}

// vector has a sample for each value.
func vector(values ...float64) model.Vector {
	v := make(model.Vector, 0, len(values))
	for i, value := range values {
		v = append(v, &model.Sample{
			Metric:    model.Metric{"__name__": "up", "instance": model.LabelValue(fmt.Sprint("node", i, " \xff"))},
			Value:     model.SampleValue(value),
			Timestamp: 1435781451781,
		})
	}
	return v
}

func scalar(value float64) *model.Scalar {
	return &model.Scalar{Value: model.SampleValue(value), Timestamp: 1435781451781}
}

// servePrometheus answers every query with the same.
func servePrometheus(tb testing.TB, status int, body string) Spec {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	tb.Cleanup(server.Close)
	return asking(probeOf(tb, server.URL))
}

// asking makes a query of a web check.
func asking(web Spec) Spec {
	return Spec{
		Scheme: Prometheus, Host: web.Host, Port: web.Port, Path: "/", Query: "up == 1", Insufficient: InsufficientLast,
		Secure: web.Scheme == HTTPS, CAFile: web.CAFile,
	}
}

func TestC04_PrometheusVerdicts(t *testing.T) {
	for _, c := range []struct {
		name    string
		result  model.Value
		outcome Outcome
		reason  Reason
		detail  string
	}{
		{"true", scalar(1), Pass, ReasonOK, "the query is true"},
		{"any other number", scalar(-0.5), Pass, ReasonOK, ""},
		{"infinity", scalar(math.Inf(-1)), Pass, ReasonOK, ""},
		{"the largest", scalar(math.MaxFloat64), Pass, ReasonOK, ""},
		{"false", scalar(0), Fail, ReasonQuery, "the query is false"},
		{"minus nothing", scalar(math.Copysign(0, -1)), Fail, ReasonQuery, ""},
		{"NaN", scalar(math.NaN()), Indeterminate, ReasonNoData, "no data: NaN is all"},
		{"one true", vector(1), Pass, ReasonOK, ""},
		{"one of them true", vector(0, math.NaN(), 3), Pass, ReasonOK, ""},
		{"all false", vector(0, 0), Fail, ReasonQuery, "the query is false"},
		{"false or NaN", vector(math.NaN(), 0), Fail, ReasonQuery, ""},
		{"all NaN", vector(math.NaN(), math.NaN()), Indeterminate, ReasonNoData, "no data: NaN is all"},
		{"nothing", vector(), Indeterminate, ReasonNoData, "no data: the query gives nothing"},
		{"a matrix", model.Matrix{}, Indeterminate, ReasonProtocol, "gives a matrix"},
		{"a string", &model.String{Value: "true"}, Indeterminate, ReasonProtocol, "gives a string"},
		{"a histogram", model.Vector{{Histogram: &model.SampleHistogram{Count: 1}}}, Indeterminate, ReasonProtocol,
			"gives a histogram"},
	} {
		spec := servePrometheus(t, http.StatusOK, successful(t, c.result))
		for _, insufficient := range []string{InsufficientLast, InsufficientHealthy, InsufficientUnhealthy} {
			spec.Insufficient = insufficient
			outcome := c.outcome
			if c.reason == ReasonNoData {
				outcome = insufficientOutcome(insufficient)
			}
			got := try(t, prober(t, spec), time.Second)
			wantResult(t, c.name+", "+insufficient, got, outcome, c.reason, c.detail)
		}
	}
}

func insufficientOutcome(word string) Outcome {
	return map[string]Outcome{InsufficientHealthy: Pass, InsufficientUnhealthy: Fail,
		InsufficientLast: Indeterminate}[word]
}

// TestC04_PrometheusNoData holds that a server that does not answer the query is no data, whatever the cause.
func TestC04_PrometheusNoData(t *testing.T) {
	failed := func(kind string) string {
		return fmt.Sprintf(`{"status":"error","errorType":%q,"error":"secret"}`, kind)
	}
	raw := func(answer string) Spec { return asking(serveRaw(t, answer, nil)) }
	answer := func(body string) Spec { return servePrometheus(t, http.StatusOK, body) }
	refused := asking(Spec{Scheme: HTTP, Host: "127.0.0.1", Port: refusing(t, "127.0.0.1")})
	ca := newAuthority(t)
	untrusted := asking(ca.serveTLS(nil, nil))
	untrusted.CAFile = ""
	for _, c := range []struct {
		name   string
		spec   Spec
		detail string
	}{
		{"a wrong query", servePrometheus(t, 400, failed("bad_data")), "status 400, bad_data: the query is wrong"},
		{"a query that cannot be done", servePrometheus(t, 422, failed("execution")), "status 422, execution"},
		{"a slow query", servePrometheus(t, 503, failed("timeout")), "status 503, timeout"},
		{"an error of the future", servePrometheus(t, 500, failed("secret")), "status 500"},
		{"an error with status 200", answer(failed("internal")), "status 200, internal"},
		{"an error without a kind", answer(`{"status":"error"}`), "not an answer of Prometheus"},
		{"a proxy's error", servePrometheus(t, 502, "<html>secret"), "status 502"},
		{"a success with status 500", servePrometheus(t, 500, successful(t, scalar(1))), "status 500"},
		{"a redirect", servePrometheus(t, 302, ""), "status 302"},
		{"a web page", answer("<html>secret"), "not an answer of Prometheus"},
		{"an empty answer", answer(""), "not an answer of Prometheus"},
		{"null", answer("null"), "not an answer of Prometheus"},
		{"no result", answer(`{"status":"success"}`), "not an answer of Prometheus"},
		{"no sample", answer(`{"status":"success","data":{"resultType":"vector","result":{}}}`),
			"not an answer of Prometheus"},
		{"no pair", answer(`{"status":"success","data":{"resultType":"scalar","result":[1]}}`),
			"not an answer of Prometheus"},
		{"three", answer(`{"status":"success","data":{"resultType":"scalar","result":[1,"1","1"]}}`),
			"not an answer of Prometheus"},
		{"no value", answer(`{"status":"success","data":{"resultType":"scalar","result":null}}`),
			"not an answer of Prometheus"},
		{"a number that is none", answer(`{"status":"success","data":{"resultType":"scalar","result":[1,"secret"]}}`),
			"not an answer of Prometheus"},
		{"a number without quotes", answer(`{"status":"success","data":{"resultType":"scalar","result":[1,1]}}`),
			"not an answer of Prometheus"},
		{"a huge number", answer(`{"status":"success","data":{"resultType":"scalar","result":[1,"1e999999999"]}}`),
			"not an answer of Prometheus"},
		{"a huge time",
			answer(`{"status":"success","data":{"resultType":"vector","result":[{"value":[1e99999,"NaN"]}]}}`), "NaN is all"},
		{"twice", answer(strings.Repeat(successful(t, scalar(1)), 2)), "not an answer of Prometheus"},
		{"half", answer(successful(t, vector(1))[:40]), "not an answer of Prometheus"},
		{"deep", answer(strings.Repeat(`{"data":`, 20000)), "not an answer of Prometheus"},
		{"deep result",
			answer(`{"status":"success","data":{"resultType":"vector","result":` + strings.Repeat("[", 200000)),
			"not an answer of Prometheus"},
		{"invalid UTF-8", answer("{\"status\":\"\xff\xfe\"}"), "not an answer of Prometheus"},
		{"long", answer(strings.Repeat(" ", maxQueryAnswer) + successful(t, scalar(1))), "longer than 262144 bytes"},
		{"gzip nobody asked for", raw("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nsecret, and more of that"),
			"not an HTTP answer"},
		{"no HTTP", raw("220 secret\r\n"), "not an HTTP answer"},
		{"refused", refused, "connect 127.0.0.1"},
		{"untrusted", untrusted, "unknown authority"},
	} {
		for _, insufficient := range []string{InsufficientLast, InsufficientHealthy, InsufficientUnhealthy} {
			c.spec.Insufficient = insufficient
			got := try(t, prober(t, c.spec), 2*time.Second)
			wantResult(t, c.name+", "+insufficient, got, insufficientOutcome(insufficient), ReasonNoData, c.detail)
			if !strings.HasPrefix(got.Detail, "no data: ") || strings.Contains(got.Detail, "secret") {
				t.Errorf("%s: detail %q", c.name, got.Detail)
			}
		}
	}
}

func TestPrometheusHostileServers(t *testing.T) {
	bomb := zip(t, strings.Repeat(" ", 2<<20))
	for name, c := range map[string]struct {
		spec   Spec
		detail string
	}{
		"hangs": {asking(Spec{Scheme: HTTP, Host: "127.0.0.1", Port: listen(t, "127.0.0.1", readAll)}), "no answer in time"},
		"endless": {asking(serve(t, func(w http.ResponseWriter, _ *http.Request) { writeForever(w) })),
			"longer than 262144 bytes"},
		"drips": {asking(serve(t, func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				<-tick.C
			}
		})), "no answer in time"},
		"gzip bomb": {asking(serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		})), "longer than 262144 bytes"},
	} {
		timeout := 5 * time.Second
		if c.detail == "no answer in time" {
			timeout = 50 * time.Millisecond
		}
		got := try(t, prober(t, c.spec), timeout)
		wantResult(t, name, got, Indeterminate, ReasonNoData, c.detail)
	}
}

func TestPrometheusRequest(t *testing.T) {
	type seen struct {
		path, authorization, host string
		form                      url.Values
	}
	requests := make(chan seen, 1)
	handler := func(w http.ResponseWriter, r *http.Request) {
		requests <- seen{r.URL.Path, r.Header.Get("Authorization"), r.Host, r.URL.Query()}
		_, _ = io.WriteString(w, successful(t, vector(1)))
	}
	const query = `sum(up{job="a&b", path=~"/x?y#z%.+"}) > bool 1`
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue("prometheus.example.org", time.Now().Add(time.Hour))}}
	for path, want := range map[string]string{
		"/": "/api/v1/query", "/prom": "/prom/api/v1/query", "/prom/": "/prom/api/v1/query",
	} {
		for _, web := range []Spec{serve(t, handler), ca.serveTLS(config, handler)} {
			spec := asking(web)
			spec.Path, spec.Query, spec.Headers, spec.HostHeader = path, query, "Authorization: Bearer x\n",
				"prometheus.example.org"
			got := try(t, prober(t, spec), time.Second)
			if wantResult(t, path, got, Pass, ReasonOK, ""); got.Outcome != Pass {
				continue
			}
			if got.Phases.FirstByte <= 0 || spec.Secure && got.Phases.TLS <= 0 {
				t.Errorf("Phases %+v", got.Phases)
			}
			r := <-requests
			if r.path != want || r.form.Get("query") != query || r.authorization != "Bearer x" ||
				!strings.HasPrefix(r.host, "prometheus.example.org") {
				t.Errorf("Sent %+v", r)
			}
			if limit, err := time.ParseDuration(r.form.Get("timeout") + "s"); err != nil || limit <= 0 || limit > time.Second {
				t.Errorf("Timeout %q", r.form.Get("timeout"))
			}
		}
	}
}

func TestPrometheusOverIPv6(t *testing.T) {
	for _, host := range localhosts(t) {
		answer := successful(t, scalar(1))
		port := listen(t, host, func(c net.Conn) {
			defer c.Close()
			_, _ = c.Read(make([]byte, 4096))
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
		})
		spec := asking(Spec{Scheme: HTTP, Host: host, Port: port})
		wantResult(t, host, try(t, prober(t, spec), time.Second), Pass, ReasonOK, "")
	}
}

// TestH16_PrometheusErrorsOfOurOwnAreIndeterminate holds that insufficient is about the server's troubles, not ours.
func TestH16_PrometheusErrorsOfOurOwnAreIndeterminate(t *testing.T) {
	for _, insufficient := range []string{InsufficientHealthy, InsufficientUnhealthy, InsufficientLast} {
		s := &stub{dials: map[string]error{"192.0.2.1": syscall.EMFILE}}
		spec := asking(Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 9090})
		spec.Insufficient = insufficient
		wantResult(t, insufficient, s.try(t, spec, s.network(true)), Indeterminate, ReasonFDLimit, "connect")
	}
}

func TestPrometheusFieldsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Spec){
		"insufficient: \"\"":   func(s *Spec) { s.Insufficient = "" },
		"insufficient: \"no\"": func(s *Spec) { s.Insufficient = "no" },
		"query: it is":         func(s *Spec) { s.Query = " " },
		"path: the URL":        func(s *Spec) { s.Path = "/?x=1" },
		"path: it must":        func(s *Spec) { s.Path = "" },
		"takes no servername":  func(s *Spec) { s.ServerName = "www.example.org" },
		"takes no cafile":      func(s *Spec) { s.CAFile = "ca.pem" },
		"takes no status":      func(s *Spec) { s.Status = "200" },
		"target: a port":       func(s *Spec) { s.Port = 0 },
		"header: ":             func(s *Spec) { s.Headers = "a b: c\n" },
	} {
		s := asking(Spec{Scheme: HTTP, Host: "192.0.2.1", Port: 9090})
		change(&s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", s, err, want)
		}
	}
}

// FuzzPrometheusAnswer holds that no answer makes a prober panic, or a detail that holds what the answer said.
func FuzzPrometheusAnswer(f *testing.F) {
	f.Add(200, []byte(successful(f, vector(1, 0, math.NaN()))))
	f.Add(200, []byte(successful(f, scalar(math.Inf(1)))))
	f.Add(200, []byte(successful(f, model.Matrix{})))
	f.Add(200, []byte(`{"status":"success","data":{"resultType":"vector","result":[{"histogram":[1,{}]}]}}`))
	f.Add(400, []byte(`{"status":"error","errorType":"bad_data","error":"secret"}`))
	p := &prometheusProber{insufficient: InsufficientUnhealthy}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if len(body) > maxQueryAnswer {
			return
		}
		holds, err := judgeQuery(status, body)
		if err == nil {
			if holds && status/100 != 2 {
				t.Error("Status", status, "passes")
			}
			return
		}
		if got := p.lacking(err.Error()); len(got.Detail) > 100 || got.Detail != printable(got.Detail) {
			t.Errorf("Detail %q", got.Detail)
		}
	})
}

func BenchmarkProbePrometheus(b *testing.B) {
	benchmarkProbe(b, servePrometheus(b, http.StatusOK, successful(b, vector(1))))
}
