package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unique"
)

// sessionAge is how long TLS sessions are resumed before a full handshake is made again. A resumed handshake costs a
// third, but does not show the certificate that the server would send to a new client.
const sessionAge = 5 * time.Minute

// tlsClient does the handshakes of one check (statement H09). It holds no tls.Config, which costs more than all else of
// an idle check and next to nothing beside a handshake.
type tlsClient struct {
	settings   *tlsSettings
	serverName string
	// session is of the last handshake; nil: the next one is made in full. A reader of the last attempt's connection
	// may still be there to set it when the next attempt begins.
	session atomic.Pointer[tls.ClientSessionState]
	began   time.Time // of the first handshake that session goes back to
	from    *keyPair  // what it was made with
}

// tlsSettings is what many checks have in common of TLS. It is immutable.
type tlsSettings struct {
	insecure    bool
	protocols   []string
	minVersion  uint16        // 0: TLS 1.2
	expires     time.Duration // what a certificate must have left; 0: it need only be valid
	credentials *credentials  // nil: no certificate of ours, and the system's authorities
	anonymous   bool          // ours is not to be shown
}

var sharedTLSSettings shared[unique.Handle[Spec], tlsSettings]

func newTLSClient(s Spec) (*tlsClient, error) {
	c := &tlsClient{}
	return c, c.init(s)
}

func (c *tlsClient) init(s Spec) (err error) {
	c.serverName = s.tlsName()
	c.settings, err = sharedTLSSettings.get(s.ID().rest, func() (*tlsSettings, error) { return newTLSSettings(s) })
	if err == nil && c.settings.credentials != nil {
		err = c.settings.credentials.reload() // what has become of the files since tells whoever makes a new check
	}
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	return nil
}

func newTLSSettings(s Spec) (*tlsSettings, error) {
	t := &tlsSettings{insecure: s.Insecure, protocols: s.alpn(), minVersion: s.MinTLS, expires: s.Expires}
	if s.CertFile != "" || s.CAFile != "" {
		var err error
		if t.credentials, err = loadCredentials(files{s.CertFile, s.KeyFile, s.CAFile}); err != nil {
			return nil, err
		}
	}
	if !s.Insecure && s.CAFile == "" {
		// Go reads the system's certificates once and remembers a failure for ever, so that happens here and not when
		// descriptors have run out.
		_, _ = x509.SystemCertPool()
	}
	return t, nil
}

// handshake secures conn. The error is a *probeError; conn stays open.
func (c *tlsClient) handshake(ctx context.Context, conn net.Conn, phases *Phases) (*tls.Conn, error) {
	began := time.Now()
	defer func() { phases.took(&phases.TLS, began) }()
	config := c.config()
	secured := tls.Client(conn, config)
	// guard ends the handshake with ctx, so it need not watch ctx with a goroutine of its own.
	if err := secured.Handshake(); err != nil {
		if config.RootCAs == nil && isForWantOfAuthorities(err) {
			return nil, indeterminate(ReasonInternal, "tls: this system has no certificates of authorities, and the check names none")
		}
		return nil, classify(ctx, "tls "+conn.RemoteAddr().String(), err, ReasonTLS)
	}
	if expires := c.settings.expires; expires > 0 {
		if text := expiring(secured.ConnectionState(), expires, time.Now()); text != "" {
			// A resumed session shows the certificate of its beginning, so a renewed one is looked for at once.
			c.session.Store(nil)
			return nil, failure(ReasonTLS, "tls "+conn.RemoteAddr().String()+": "+text)
		}
	}
	return secured, nil
}

// isForWantOfAuthorities tells that err says nothing of the peer: nobody is trusted here, as in a container without the
// package ca-certificates.
func isForWantOfAuthorities(err error) bool {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		return false
	}
	system, err := x509.SystemCertPool()
	return err == nil && system.Equal(x509.NewCertPool())
}

// config is the configuration for the next handshake. Changed files and age end a session.
func (c *tlsClient) config() *tls.Config {
	t := c.settings
	var pair *keyPair
	if t.credentials != nil {
		pair = t.credentials.current()
	}
	if c.from != pair || time.Since(c.began) >= sessionAge {
		c.session.Store(nil)
		c.from = pair
	}
	if c.session.Load() == nil {
		c.began = time.Now()
	}
	config := &tls.Config{
		MinVersion:         cmp.Or(t.minVersion, tls.VersionTLS12),
		ServerName:         c.serverName,
		InsecureSkipVerify: t.insecure, //nolint:gosec // asked for by the word insecure
		NextProtos:         t.protocols,
		ClientSessionCache: (*sessionSlot)(c),
	}
	if pair != nil {
		config.RootCAs = pair.roots
		if pair.certificate != nil && !t.anonymous {
			config.Certificates = []tls.Certificate{*pair.certificate}
		}
	}
	return config
}

// elsewhere is the client for another host, to which a redirect has led: it is told by its own name and is not shown
// our certificate.
func (c *tlsClient) elsewhere(host string) *tlsClient {
	settings := *c.settings
	settings.anonymous = true
	return &tlsClient{settings: &settings, serverName: host}
}

// sessionSlot is the tlsClient as a cache with room for one session, as a check has one peer.
type sessionSlot tlsClient

func (s *sessionSlot) Get(string) (*tls.ClientSessionState, bool) {
	session := s.session.Load()
	return session, session != nil
}

func (s *sessionSlot) Put(_ string, session *tls.ClientSessionState) { s.session.Store(session) }

// files names the PEM files of a check; the names may be empty.
type files struct{ certificate, key, ca string }

// keyPair is what was in the files. It is immutable.
type keyPair struct {
	certificate *tls.Certificate // nil without one
	roots       *x509.CertPool   // nil: the system's
}

// credentials follows files that change: certificates are renewed under running processes. All checks with the same
// files share one.
type credentials struct {
	files files

	mu     sync.Mutex
	stamps [3]stamp // of the files that pair was read from
	pair   *keyPair
}

// sharedCredentials are those in use.
var sharedCredentials shared[files, credentials]

// loadCredentials reads the files. It fails if any cannot be used.
func loadCredentials(f files) (*credentials, error) {
	c, err := sharedCredentials.get(f, func() (*credentials, error) {
		c := &credentials{files: f}
		return c, c.reload()
	})
	if err != nil {
		return nil, err
	}
	return c, c.reload()
}

// current is what the files hold, or while they cannot be used what they held before.
func (c *credentials) current() *keyPair {
	_ = c.reload() // the last good content stays, and the next attempt tries again
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pair
}

// reload reads the files if any of them has changed.
func (c *credentials) reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var stamps [3]stamp
	for i, name := range []string{c.files.certificate, c.files.key, c.files.ca} {
		if name == "" {
			continue
		}
		var err error
		if stamps[i], err = stampOf(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if c.pair != nil && slices.EqualFunc(stamps[:], c.stamps[:], stamp.same) {
		return nil
	}
	pair, err := c.files.read()
	if err != nil {
		return err
	}
	c.pair, c.stamps = pair, stamps
	return nil
}

func (f files) read() (*keyPair, error) {
	pair := &keyPair{}
	if f.certificate != "" {
		certificate, err := tls.LoadX509KeyPair(f.certificate, f.key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", f.certificate, f.key, err)
		}
		pair.certificate = &certificate
	}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, err
		}
		pair.roots = x509.NewCertPool()
		if !pair.roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", f.ca)
		}
	}
	return pair, nil
}
