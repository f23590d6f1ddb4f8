package probe

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func writeText(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHeaderFromAFileFollowsIt(t *testing.T) {
	var got http.Header
	p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		if r.URL.Path == "/again" {
			http.Redirect(w, r, "/healthz", http.StatusFound)
		}
	})
	token, key := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "key")
	writeText(t, token, "  Bearer canary-1 \r\nsecond line\n")
	writeText(t, key, "k")
	p.HeaderFiles = "Authorization: " + token + "\nX-Key: " + key + "\n"
	p.Headers = "Accept: text/plain\n"
	p.Path, p.Follow = "/again", true
	made := prober(t, p)
	for i, c := range []struct {
		change func()
		want   string
	}{
		{func() {}, "Bearer canary-1"},
		{func() { writeText(t, token, "Bearer canary-2") }, "Bearer canary-2"},
		{func() { writeText(t, token, "\nBearer canary-3") }, "Bearer canary-2"},
		{func() { writeText(t, token, "Bearer\x00canary-4") }, "Bearer canary-2"},
		{func() { os.Remove(token) }, "Bearer canary-2"},
		{func() { writeText(t, token, "Bearer canary-5") }, "Bearer canary-5"},
	} {
		c.change()
		if _, err := os.Stat(token); err == nil {
			age(t, token, i)
		}
		result := try(t, made, 5*time.Second)
		wantResult(t, c.want, result, Pass, ReasonOK, "")
		if got.Get("Authorization") != c.want || got.Get("X-Key") != "k" || got.Get("Accept") != "text/plain" {
			t.Errorf("Got %v, want %s", got, c.want)
		}
		if strings.Contains(result.Detail, "canary") {
			t.Errorf("The value is in %q", result.Detail)
		}
	}
}

func TestHeaderFilesAreCheckedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		writeText(t, filepath.Join(dir, name), text)
		return filepath.Join(dir, name)
	}
	good := file("good", "canary")
	for _, c := range []struct{ lines, headers, want string }{
		{"X: " + filepath.Join(dir, "absent"), "", "absent: no such file"},
		{"X: " + file("empty", ""), "", "empty: its first line is empty"},
		{"X: " + file("blank", " \ncanary"), "", "blank: its first line is empty"},
		{"X: " + file("control", "canary\x01"), "", "control: its first line holds a control character"},
		{"X: " + file("long", strings.Repeat("canary", 2000)), "", "long: its first line is longer than 8192 bytes"},
		{"X: " + dir, "", "not a regular file"},
		{"X: " + good + "\nx: " + good, "", "the field X is given by a file and once more"},
		{"X: " + good, "x: canary\n", "the field X is given by a file and once more"},
		{"Host: " + good, "", "by the word host"},
		{"Proxy-Connection: " + good, "", "belongs to the connection"},
		{good, "", "does not begin with the name of a field"},
	} {
		_, err := New(Spec{
			Scheme: HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "GET", Status: "200",
			Headers: c.headers, HeaderFiles: c.lines + "\n",
		})
		if err == nil || !strings.HasPrefix(err.Error(), "header: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: error %v, want %q", c.lines, err, c.want)
		}
	}
}
