package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStatusesAreJudged(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		status int
		header string
		want   result
		after  time.Duration
	}{
		{200, "", ok, 0}, {202, "", ok, 0}, {204, "", ok, 0},
		{301, "", refused, 0}, {307, "", refused, 0},
		{400, "", refused, 0}, {401, "7", refused, 0}, {404, "", refused, 0}, {410, "", refused, 0},
		{408, "", retry, 0}, {425, "", retry, 0}, {429, "", retry, 0}, {429, "7", retry, 7 * time.Second},
		{500, "", retry, 0}, {502, "", retry, 0}, {503, "120", retry, 2 * time.Minute},
		{503, "Sun, 22 Nov 2026 03:00:30 GMT", retry, 30 * time.Second},
		{503, "Sun, 22 Nov 2026 02:00:00 GMT", retry, 0}, {503, "999999", retry, time.Hour},
		{503, "-1", retry, 0}, {503, "soon", retry, 0}, {503, "99999999999999999999", retry, 0},
	} {
		if got := judge(test.status, test.header, now); got.result != test.want || got.after != test.after {
			t.Errorf("%d with Retry-After %q: %+v, want %s after %s", test.status, test.header, got, test.want, test.after)
		}
	}
}

func TestBackoff(t *testing.T) {
	for _, test := range []struct {
		failures int
		random   float64
		want     time.Duration
	}{
		{1, 0, time.Second}, {2, 0, 2 * time.Second}, {5, 0, 16 * time.Second}, {9, 0, 256 * time.Second},
		{10, 0, 5 * time.Minute}, {64, 0, 5 * time.Minute}, {1000, 0, 5 * time.Minute}, {3, 1, 3 * time.Second},
	} {
		if got := backoff(test.failures, test.random); got != test.want {
			t.Errorf("After %d failures with %v: %s, want %s", test.failures, test.random, got, test.want)
		}
	}
}

// posted posts to a handler and gives what came of it.
func posted(t *testing.T, c Config, handle http.HandlerFunc) outcome {
	t.Helper()
	server := httptest.NewServer(handle)
	defer server.Close()
	c.URL = server.URL + c.URL
	return newPoster().post(t.Context(), c, letter{id: "x-1", contentType: plainJSON, body: []byte(`{"seq":1}`)}, "ns1")
}

func TestASignatureIsThatOfStandardWebhooks(t *testing.T) {
	// The example of the specification's own libraries.
	path := filepath.Join(t.TempDir(), "key")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
	s := signer{path: path}
	got, err := s.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("Signed as %q (%v), want %q", got, err, want)
	}
	// While the file cannot be used, the last good key is.
	write("short\n")
	if again, err := s.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)); err != nil || again != got {
		t.Errorf("With a bad file signed as %q (%v), want %q", again, err, got)
	}
	write("another key, as it is, and long enough\nsecond line")
	var header http.Header
	var body []byte
	o := posted(t, Config{URL: "/hook?canary", KeyFile: path}, func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
	})
	mac := hmac.New(sha256.New, []byte("another key, as it is, and long enough"))
	mac.Write([]byte(header.Get("Webhook-Id") + "." + header.Get("Webhook-Timestamp") + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if o.result != ok || header.Get("Webhook-Signature") != want || header.Get("Webhook-Id") != "x-1" {
		t.Errorf("%+v: header %v, want the signature %s", o, header, want)
	}
	for name, values := range header {
		if strings.Contains(strings.Join(values, " "), "another key") {
			t.Errorf("The key is sent in %s", name)
		}
	}
}

func TestKeysThatCannotBeUsedAreRefused(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"":                         " is empty",
		"\nsecond line is no key":  " is empty",
		"secret":                   "has less than 16 octets",
		"whsec_c2VjcmV0":           "has less than 16 octets",
		"whsec_secret secret":      "is not base64",
		strings.Repeat("x", 10000): "is longer than 8192 octets",
	} {
		path := filepath.Join(dir, "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readKey(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.20q: error %v, want %q", text, err, want)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	followed := false
	o := posted(t, Config{URL: "/"}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed = true
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if followed || o.result != refused {
		t.Errorf("Followed: %v, %+v", followed, o)
	}
}

func TestTheEnvironmentsProxyIsNotUsed(t *testing.T) {
	if newPoster().client.Transport.(*http.Transport).Proxy != nil {
		t.Error("There is a proxy")
	}
}

func TestAReceiverThatNeverAnswersIsLeft(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection is not noticed
		<-r.Context().Done()
		close(gone)
	}))
	defer server.Close()
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	o := newPoster().post(ctx, Config{URL: server.URL}, letter{}, "ns1")
	if o.result != retry {
		t.Errorf("%+v, want a retry", o)
	}
	<-gone
}

func TestAnEndlessAnswerIsNotRead(t *testing.T) {
	o := posted(t, Config{URL: "/"}, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	if o.result != ok {
		t.Errorf("%+v, want it to be taken", o)
	}
}

// What is in a URL must not get into a log.
func TestErrorsHoldNothingOfTheURL(t *testing.T) {
	for _, url := range []string{
		"http://canary:canary@127.0.0.1:1/canary?canary=canary", "https://127.0.0.1:1/canary",
		"http://no-such-host.invalid/canary",
	} {
		c := Config{URL: url}
		o := newPoster().post(t.Context(), c, letter{}, "ns1")
		if o.result != retry || o.why == "" || strings.Contains(o.why+c.Shown()+c.host(), "canary") {
			t.Errorf("%+v of %s", o, c.Shown())
		}
	}
	for _, url := range []string{"canary", "http://[canary/", "http:///canary", "https://hooks.example.org/canary\x7f", "https://h/#canary"} {
		if err := (&Config{URL: url}).Validate(); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: error %v", url, err)
		}
	}
}

func TestAServerIsVerified(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("A server that nobody vouches for was told")
	}))
	server.Config.ErrorLog = nil
	defer server.Close()
	if o := newPoster().post(t.Context(), Config{URL: server.URL}, letter{}, "ns1"); o.result != retry || !strings.Contains(o.why, "certificate") {
		t.Errorf("%+v, want an error about the certificate", o)
	}
}

func TestEndpoints(t *testing.T) {
	for url, want := range map[string]string{
		"http://192.0.2.9:9093":                      "http://192.0.2.9:9093/api/v2/alerts",
		"http://192.0.2.9:9093/":                     "http://192.0.2.9:9093/api/v2/alerts",
		"http://u:p@192.0.2.9/alertmanager":          "http://u:p@192.0.2.9/alertmanager/api/v2/alerts",
		"http://192.0.2.9:9093/api/v2/alerts?x=y":    "http://192.0.2.9:9093/api/v2/alerts?x=y",
		"http://[2001:db8::1]:9093/am/api/v2/alerts": "http://[2001:db8::1]:9093/am/api/v2/alerts",
	} {
		if got := endpoint(&Config{URL: url, Format: Alertmanager}); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	if got := endpoint(&Config{URL: "http://192.0.2.9/x", Format: JSON}); got != "http://192.0.2.9/x" {
		t.Errorf("Of JSON: %s", got)
	}
}
