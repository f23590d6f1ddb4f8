package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Options say which server to ask, and how to be known to it. Files are read once, by New.
type Options struct {
	Server    string // "http://HOST:PORT", "https://HOST:PORT" or "unix:PATH"
	TokenFile string // its first line is the token; empty: none
	// For https only, PEM files: the authorities to trust instead of the system's, and the client's certificate and key.
	CAFile, CertFile, KeyFile string
	Timeout                   time.Duration // of one request; 0: DefaultTimeout
}

// New gives a client. It asks nobody yet: an error is about the options.
func New(o Options) (*Client, error) {
	c := &Client{server: o.Server, timeout: o.Timeout, silence: silence}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	// Nothing of the environment has a say in where a token goes, nor has a server.
	transport := &http.Transport{
		ForceAttemptHTTP2: true, TLSHandshakeTimeout: c.timeout, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	secure := false
	if path, ok := strings.CutPrefix(o.Server, "unix:"); ok {
		if path == "" {
			return nil, errors.New("server: unix: takes the path of a socket")
		}
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}
		c.base = "http://localhost"
	} else {
		u, err := url.Parse(o.Server)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
			return nil, fmt.Errorf("server: %q is not http://HOST:PORT, https://HOST:PORT or unix:PATH", o.Server)
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return nil, errors.New("server: the URL may have a path, but no user, query or fragment")
		}
		secure = u.Scheme == "https"
		c.base = strings.TrimSuffix(u.String(), "/")
	}
	if err := c.identify(o, transport, secure); err != nil {
		return nil, err
	}
	return c, nil
}

// identify reads the token and the certificates.
func (c *Client) identify(o Options, transport *http.Transport, secure bool) (err error) {
	if o.TokenFile != "" {
		if c.token, err = firstLine(o.TokenFile); err != nil {
			return fmt.Errorf("token file: %w", err)
		}
	}
	if o.CAFile == "" && o.CertFile == "" && o.KeyFile == "" {
		return nil
	}
	if !secure {
		return errors.New("certificates are for https:// servers")
	}
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		text, err := os.ReadFile(o.CAFile)
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return fmt.Errorf("ca: no certificate in %s", o.CAFile)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("a certificate and its key come together")
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return fmt.Errorf("cert: %w", err)
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// firstLine is the first line of a file, without the spaces around it.
func firstLine(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	const most = 8 << 10
	line, err := bufio.NewReader(io.LimitReader(file, most)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimSpace(line)
	switch {
	case line == "":
		return "", fmt.Errorf("the first line of %s is empty", path)
	case strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }):
		// It would not pass as a header field, and the error would show it.
		return "", fmt.Errorf("the first line of %s has spaces or letters that no token has", path)
	}
	return line, nil
}
