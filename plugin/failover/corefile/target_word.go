package corefile

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// execTarget reads FILE ARG... Arguments may be secrets and are not repeated.
func execTarget(words []string) (*target, error) {
	if len(words) == 0 {
		return nil, errors.New("exec takes a program and its arguments")
	}
	if !filepath.IsAbs(words[0]) {
		return nil, fmt.Errorf("exec: the program %q is not an absolute path", words[0])
	}
	words[0] = filepath.Clean(words[0])
	if err := pathLetters(words[0]); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	t := &target{kind: onExec, text: "exec", probe: probe.Spec{Scheme: probe.Exec}}
	for _, word := range words {
		if strings.Contains(word, "\x00") {
			return nil, errors.New("exec: a NUL cannot be in an argument")
		}
		t.probe.Command += word + "\x00"
	}
	return t, nil
}

// fileTarget reads PATH and returns the words after it.
func fileTarget(words []string) (*target, []string, error) {
	if len(words) == 0 || knobNamed(words[0]) != nil {
		return nil, nil, errors.New("file takes a path (write ./PATH if it looks like a word)")
	}
	if err := pathLetters(words[0]); err != nil {
		return nil, nil, fmt.Errorf("file: %w", err)
	}
	t := &target{kind: onFile, text: "file", probe: probe.Spec{Scheme: probe.File, File: words[0]}}
	return t, words[1:], nil
}

// pathLetters keeps out of a path what would break a line of a log, or a list of paths.
func pathLetters(path string) error {
	if strings.ContainsFunc(path, unicode.IsControl) {
		return fmt.Errorf("the path %q has control characters", path)
	}
	return nil
}

// heartbeatTarget reads DURATION and returns the words after it.
func heartbeatTarget(words []string) (*target, []string, error) {
	if len(words) == 0 || knobNamed(words[0]) != nil {
		return nil, nil, errors.New("heartbeat takes a duration: within how long somebody has to post")
	}
	every, err := duration(words[0], time.Second, 366*24*time.Hour)
	if err != nil {
		return nil, nil, fmt.Errorf("heartbeat: %w", err)
	}
	return &target{kind: onHeartbeat, text: "heartbeat", probe: probe.Spec{Scheme: probe.Heartbeat, Every: every}}, words[1:], nil
}

// prometheusTarget reads URL QUERY and returns the words after them. Neither is repeated in errors.
func prometheusTarget(words []string) (*target, []string, error) {
	t := &target{kind: onPrometheus, text: "prometheus", probe: probe.Spec{Scheme: probe.Prometheus}}
	if len(words) < 2 {
		return nil, nil, errors.New("prometheus takes a URL and a query")
	}
	scheme, _, _ := strings.Cut(words[0], "://")
	if scheme != "http" && scheme != "https" {
		return nil, nil, errors.New("prometheus: the URL does not begin with http:// or https://")
	}
	t.text += " " + scheme + "://"
	if scheme == "https" {
		t.kind, t.probe.Secure = onPrometheusSecured, true
	}
	u, err := parseURL(words[0])
	if err == nil {
		err = t.endpoint(u)
	}
	switch {
	case err != nil:
	case t.probe.Host == "":
		err = errors.New("it needs a host")
	case u.RawQuery != "" || u.ForceQuery:
		err = errors.New("it has a query of its own; the PromQL stands behind it")
	case strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/api/v1") || strings.Contains(u.Path, "/api/v1/"):
		err = errors.New("write it without /api/v1")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("prometheus: the URL: %w", err)
	}
	t.probe.Path = strings.TrimSuffix(u.EscapedPath(), "/") + "/"
	t.probe.Query = strings.TrimSpace(words[1])
	if t.probe.Query == "" {
		return nil, nil, errors.New("prometheus: the query is empty")
	}
	return t, words[2:], nil
}
