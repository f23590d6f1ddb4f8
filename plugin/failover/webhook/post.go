package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// attemptLasts bounds an attempt, from looking the host up to the last octet that is read.
const attemptLasts = 10 * time.Second

// outcome is what came of an attempt.
type outcome struct {
	result result
	why    string        // for the log; nothing of the URL but the host is in it
	after  time.Duration // how long the receiver asks to be left alone
}

// result labels a metric.
type result string

const (
	ok      result = "ok"
	retry   result = "retry"   // it is tried again
	refused result = "refused" // trying again would change nothing
)

// poster posts letters. It keeps no connection: events are rare.
type poster struct {
	client *http.Client
	signer signer
}

func newPoster() *poster {
	return &poster{client: &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // whatever the environment says
			DialContext:            (&net.Dialer{Timeout: attemptLasts}).DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    attemptLasts,
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		// A redirect could lead the secrets of the URL, or the event, to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// post makes one attempt.
func (p *poster) post(ctx context.Context, c Config, l letter, instance string) outcome {
	ctx, stop := context.WithTimeout(ctx, attemptLasts)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint(&c), bytes.NewReader(l.body))
	if err != nil {
		return outcome{result: refused, why: "the URL cannot be used"}
	}
	now := time.Now()
	if p.signer.path != c.KeyFile {
		p.signer = signer{path: c.KeyFile}
	}
	signature, err := p.signer.sign(l.id, now, l.body)
	if err != nil {
		return outcome{result: retry, why: err.Error()}
	}
	req.Header.Set("Content-Type", l.contentType)
	req.Header.Set("User-Agent", "coredns-failover (webhook)")
	// The names are those of Standard Webhooks (https://www.standardwebhooks.com), whose libraries verify them.
	req.Header.Set("Webhook-Id", l.id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	if signature != "" {
		req.Header.Set("Webhook-Signature", signature)
	}
	req.Header.Set("Failover-Instance", instance)
	resp, err := p.client.Do(req)
	if err != nil {
		return outcome{result: retry, why: withoutURL(err)}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // what it says is never looked at
	return judge(resp.StatusCode, resp.Header.Get("Retry-After"), time.Now())
}

// judge says what a status means.
func judge(status int, retryAfter string, now time.Time) outcome {
	o := outcome{why: fmt.Sprintf("status %d", status)}
	switch {
	case status >= 200 && status < 300:
		return outcome{result: ok}
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly,
		status == http.StatusTooManyRequests:
		o.result, o.after = retry, waitFor(retryAfter, now)
	case status >= 300 && status < 400:
		o.result, o.why = refused, o.why+", and redirects are not followed"
	default:
		o.result = refused
	}
	return o
}

// longestWait is the most that a receiver may ask for.
const longestWait = time.Hour

// waitFor reads Retry-After (RFC 9110, section 10.2.3).
func waitFor(text string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestWait)
}

// withoutURL words an error of the client, which repeats the URL with all its secrets.
func withoutURL(err error) string {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + attemptLasts.String()
	}
	return err.Error()
}

// endpoint is where to post.
func endpoint(c *Config) string {
	u, err := url.Parse(c.URL)
	if err != nil || c.Format != Alertmanager || strings.HasSuffix(u.Path, alertsPath) {
		return c.URL
	}
	return u.JoinPath(alertsPath).String()
}
