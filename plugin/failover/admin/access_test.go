package admin

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestAccess(t *testing.T) {
	const wrongly = "Authorization: Bearer nonsense"
	for _, tc := range []struct {
		name string
		line Line
		// The statuses of reading and changing without the token, with a wrong one, and with the right one.
		none, wrong, right [2]int
	}{
		{"here without a token", Line{Local: true}, [2]int{200, 201}, [2]int{200, 201}, [2]int{200, 201}},
		{"here with a token", Line{Local: true, Token: token}, [2]int{200, 401}, [2]int{200, 401}, [2]int{200, 201}},
		{"elsewhere with a token", Line{Token: token}, [2]int{401, 401}, [2]int{401, 401}, [2]int{200, 201}},
		{
			"a token that has become empty", Line{Token: func() string { return "" }},
			[2]int{401, 401}, [2]int{401, 401}, [2]int{401, 401},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fx := open(t, tc.line)
			for _, c := range []struct {
				field string
				want  [2]int
			}{{"X-Nothing: 1", tc.none}, {wrongly, tc.wrong}, {rightly, tc.right}, {"Authorization: Bearer ", tc.none}} {
				fx.want(c.want[0], "GET /v1/status", c.field)
				fx.want(c.want[1], post, c.field, asJSON, "", down)
			}
		})
	}
}

func TestAccessByCertificate(t *testing.T) {
	ca, others := newAuthority(t), newAuthority(t)
	ca.make("server", []string{"dns.example.org"})
	ca.make("ops", nil)
	others.make("mallory", nil)
	line := ca.line("server")
	line.CAFile = ca.file
	fx := open(t, line)
	fx.want(http.StatusForbidden, "GET /v1/status")
	fx.want(http.StatusForbidden, post, asJSON, "", down)
	fx.present(others, "mallory")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fx.url+"/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := fx.client.Do(r); err == nil {
		answer.Body.Close()
		t.Errorf("A certificate of somebody else is answered %s", answer.Status)
	}
	fx.present(ca, "ops")
	fx.want(http.StatusOK, "GET /v1/status")
	fx.want(http.StatusCreated, post, asJSON, "", `{"checks":"web","state":"unhealthy","reason":"x","author":"somebody else"}`)
	if got := fx.backend.manual[0].Author; got != "ops" {
		t.Errorf("The author is %q, want that of the certificate", got)
	}

	// What the files hold by now counts for the next connection.
	for from, to := range map[string]string{others.file: ca.file} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fx.present(others, "mallory")
	fx.want(http.StatusOK, "GET /v1/status")
}

// A page of another place cannot change anything, nor read, by the browser of somebody who may.
func TestOtherOrigins(t *testing.T) {
	for _, line := range []Line{{Local: true}, {Local: true, Token: token}} {
		fx := open(t, line)
		with := func(fields ...string) []string {
			if line.Token != nil {
				fields = append(fields, rightly)
			}
			return append(fields, asJSON, "", down)
		}
		host := "Host: " + fx.addr()
		for _, field := range []string{
			"Origin: https://evil.example", "Origin: null", "Origin: http://" + fx.addr() + ".evil.example",
			"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
		} {
			fx.want(http.StatusForbidden, post, with(host, field)...)
			fx.want(http.StatusForbidden, "DELETE /v1/manual?match=web&author=x", field)
			fx.want(http.StatusForbidden, "GET /v1/checks", field)
		}
		fx.want(http.StatusCreated, post, with(host, "Origin: http://"+fx.addr(), "Sec-Fetch-Site: same-origin")...)
		fx.want(http.StatusCreated, post, with(host)...)
		if n := fx.backend.changed(); n != 2 {
			t.Errorf("There were %d changes, want 2", n)
		}
		// What a form can send without asking is no JSON.
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
			fx.want(http.StatusUnsupportedMediaType, post, "Content-Type: "+kind, rightly, "", down)
		}
		status, header, _ := fx.ask("OPTIONS /v1/manual", "Origin: https://evil.example", "Access-Control-Request-Method: POST")
		if status != http.StatusMethodNotAllowed || header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("A preflight is answered %d %v", status, header)
		}
	}
}

// A page whose own name was made to lead here is of the same origin, to a browser.
func TestOtherHosts(t *testing.T) {
	fx := open(t, Line{Local: true})
	for host, status := range map[string]int{
		"evil.example":      http.StatusMisdirectedRequest,
		"evil.example:9180": http.StatusMisdirectedRequest,
		"localhost.evil":    http.StatusMisdirectedRequest,
		"127.0.0.1.evil":    http.StatusMisdirectedRequest,
		"":                  http.StatusOK, // the client fills it in
		"localhost":         http.StatusOK,
		"LOCALHOST:9180":    http.StatusOK,
		"127.0.0.1":         http.StatusOK,
		"[::1]:9180":        http.StatusOK,
	} {
		fx.want(status, "GET /v1/status", "Host: "+host)
	}
	withToken := open(t, Line{Local: true, Token: token})
	withToken.want(http.StatusMisdirectedRequest, "GET /v1/status", "Host: evil.example")
	withToken.want(http.StatusOK, "GET /v1/status", "Host: service.example", rightly)

	ca := newAuthority(t)
	ca.make("server", []string{"dns.example.org"})
	line := ca.line("server")
	line.Local = true
	secure := open(t, line)
	secure.want(http.StatusOK, "GET /v1/status", "Host: dns.example.org")
	secure.want(http.StatusMisdirectedRequest, "GET /v1/status", "Host: evil.example")
}

func TestTokenIsNotTaken(t *testing.T) {
	fx := open(t, Line{Token: token})
	// Only from the header: a query stands in logs of others.
	for _, way := range []string{"?token=" + canary, "?access_token=" + canary} {
		fx.want(http.StatusUnauthorized, "GET /v1/status"+way)
	}
	fx.want(http.StatusUnauthorized, "GET /v1/status", "Authorization: Basic "+canary)
	fx.want(http.StatusUnauthorized, "GET /v1/status", "Authorization: "+canary)
	fx.want(http.StatusUnauthorized, "GET /v1/status", "Authorization: Bearer "+strings.ToUpper(canary))
	fx.want(http.StatusUnauthorized, "GET /v1/status", "Authorization: Bearer "+canary+"x")
	fx.want(http.StatusUnauthorized, "GET /v1/status", "Authorization: Bearer "+canary[1:])
	fx.want(http.StatusOK, "GET /v1/status", "Authorization: bearer "+canary)
}

func TestC03_HeartbeatsHaveATokenOfTheirOwn(t *testing.T) {
	const own, web, none = "POST /v1/heartbeat/own", "POST /v1/heartbeat/web", "POST /v1/heartbeat/none"
	const beat, wrong = "Authorization: Bearer beat", "Authorization: Bearer x"
	for _, tc := range []struct {
		line                                     Line
		ownNone, ownBeat, webNone, webBeat, lost int
	}{
		{Line{Local: true}, 401, 204, 204, 204, 404},
		{Line{Local: true, Token: token}, 401, 204, 401, 401, 401},
		{Line{Token: token}, 401, 204, 401, 401, 401},
	} {
		fx := open(t, tc.line)
		fx.want(tc.ownNone, own)
		fx.want(tc.ownNone, own, wrong)
		fx.want(tc.ownBeat, own, beat)
		fx.want(tc.ownBeat, own, beat, "Host: somewhere.example")
		fx.want(tc.webNone, web)
		fx.want(tc.webBeat, web, beat)
		fx.want(tc.lost, none)
		fx.want(http.StatusForbidden, own, beat, "Origin: https://evil.example")
		if tc.line.Token != nil {
			fx.want(http.StatusNoContent, own, rightly)
			fx.want(http.StatusNoContent, web, rightly)
			fx.want(http.StatusNotFound, none, rightly)
		}
		// It opens nothing else.
		if tc.line.Token != nil {
			fx.want(http.StatusUnauthorized, post, beat, asJSON, "", down)
		}
		if n := fx.backend.changed(); n != 0 {
			t.Errorf("Heartbeats were %d audit events", n)
		}
	}
}
