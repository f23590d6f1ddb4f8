package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	discovery "k8s.io/client-go/kubernetes/typed/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/client-go/util/connrotation"
)

// client asks one API server with one set of credentials.
type client struct {
	api       *discovery.DiscoveryV1Client
	transport *http.Transport
	dialer    *connrotation.Dialer
}

// newClient makes a client with connections of its own: those that client-go shares are kept for ever, and so are the
// goroutines that watch over their certificates.
func newClient(config *rest.Config) (*client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "coredns-failover"
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.WarningHandlerWithContext = rest.NoWarnings{}
	// Each feed is held back by itself; this bounds all of them together.
	config.QPS, config.Burst = 50, 200
	if err := followToken(config); err != nil {
		return nil, err
	}
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	c := &client{dialer: connrotation.NewDialer((&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext)}
	c.transport = utilnet.SetTransportDefaults(&http.Transport{
		Proxy: config.Proxy, TLSHandshakeTimeout: 10 * time.Second, TLSClientConfig: tls, DialContext: c.dialer.DialContext,
		MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, DisableCompression: config.DisableCompression,
	})
	wrapped, err := rest.HTTPWrappersForConfig(config, c.transport)
	if err != nil {
		return nil, err
	}
	c.api, err = discovery.NewForConfigAndClient(config, &http.Client{
		Transport: bounded{wrapped},
		// To go elsewhere would be to take the credentials there.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	return c, err
}

// followToken has a token that is in a file of its own read from there. Client-go by itself would read it once a minute,
// and go on with one that is refused for as long.
func followToken(config *rest.Config) error {
	if config.BearerTokenFile == "" {
		return nil
	}
	source := transport.NewCachedFileTokenSource(config.BearerTokenFile)
	if _, err := source.Token(); err != nil {
		return err
	}
	config.BearerToken, config.BearerTokenFile = "", ""
	config.Wrap(transport.ResettableTokenSourceWrapTransport(source))
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if _, err := source.Token(); err != nil {
				return nil, &configError{err} // it is our file that is wrong, and not the server's answer
			}
			return next.RoundTrip(request)
		})
	})
	return nil
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// close ends all connections, and with them what is still asked over them.
func (c *client) close() {
	c.transport.CloseIdleConnections()
	c.dialer.CloseAll()
}

// bounded bounds what is read of an answer that is not a stream, which client-go keeps as a whole, and notes whether a
// stream has begun.
type bounded struct{ next http.RoundTripper }

// mostAnswer is for a page of some hundred thousand slices.
const mostAnswer = 512 << 20

var errTooLarge = errors.New("the answer is too large")

type openedKey struct{}

// noting has bounded set opened when a request made with the context is answered with success. Client-go gives an empty
// stream, and not an error, for connections that break while it waits for one.
func noting(ctx context.Context, opened *bool) context.Context {
	return context.WithValue(ctx, openedKey{}, opened)
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(request)
	if err != nil {
		return answer, err
	}
	success := answer.StatusCode == http.StatusOK
	if opened, ok := request.Context().Value(openedKey{}).(*bool); ok && success {
		*opened = true
		return answer, nil
	}
	left := int64(mostAnswer)
	if !success {
		left = 1 << 20
	}
	answer.Body = &boundedBody{ReadCloser: answer.Body, left: left}
	return answer, nil
}

type boundedBody struct {
	io.ReadCloser

	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
