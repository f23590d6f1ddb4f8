package admin

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"sync"
	"time"
)

// credentials are the certificates of a line. They are read again when a file changes; while it cannot be used, what was
// read before counts.
type credentials struct {
	line Line

	mu     sync.Mutex
	stamps []stamp
	made   *tls.Config
}

// stamp tells one content of a file from the next.
type stamp struct {
	info os.FileInfo
	size int64
	time time.Time
}

func newCredentials(line Line) (*credentials, error) {
	c := &credentials{line: line}
	return c, c.load()
}

// config is that for the next connection.
func (c *credentials) config() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.EqualFunc(c.stamps, c.stamp(), stamp.same) {
		_ = c.load() // the last good ones stay, and the next connection tries again
	}
	return c.made
}

func (c *credentials) stamp() []stamp {
	stamps := make([]stamp, 0, 3)
	for _, path := range []string{c.line.CertFile, c.line.KeyFile, c.line.CAFile} {
		var s stamp
		if info, err := os.Stat(path); err == nil { // #nosec G703 -- the configuration names it
			s = stamp{info, info.Size(), info.ModTime()}
		}
		stamps = append(stamps, s)
	}
	return stamps
}

func (s stamp) same(other stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == other.info
	}
	return os.SameFile(s.info, other.info) && s.size == other.size && s.time.Equal(other.time)
}

func (c *credentials) load() error {
	stamps := c.stamp()
	pair, err := tls.LoadX509KeyPair(c.line.CertFile, c.line.KeyFile)
	if err != nil {
		return err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}
	if c.line.CAFile != "" {
		pem, err := os.ReadFile(c.line.CAFile) // #nosec G703 -- the configuration names it
		if err != nil {
			return err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return errors.New("the CA of the clients has no certificate")
		}
		// Not required: what needs none, and what a token opens, is for clients without one too.
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	c.made, c.stamps = config, stamps
	return nil
}

// names tells whether the certificate is for a host.
func (c *credentials) names(host string) bool {
	config := c.config()
	leaf := config.Certificates[0].Leaf
	return leaf != nil && leaf.VerifyHostname(host) == nil
}
