package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// words says what went wrong with an API server. Only what comes from this machine, or from the way there, is shown: a
// server's own words may be anything.
func words(err error, namespace string) string {
	if errors.Is(err, errTooLarge) || errors.Is(err, errOverfull) || errors.Is(err, errClosed) {
		return plain(err)
	}
	var status apierrors.APIStatus
	switch {
	case apierrors.IsForbidden(err):
		return "it forbids us to list and watch EndpointSlices in the namespace " + namespace
	case apierrors.IsUnauthorized(err):
		return "it does not accept our credentials"
	case apierrors.IsNotFound(err):
		return "it has no EndpointSlices (discovery.k8s.io/v1)"
	case errors.As(err, &status):
		return fmt.Sprintf("it answers with the status %d", status.Status().Code)
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout() {
		return "there is no answer in time"
	}
	if shown := ours(err); shown != nil {
		return shown.Error()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return plain(errClosed)
	}
	return "it gives no proper answer"
}

// plain is the text of the innermost error.
func plain(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// ours gives the part of an error that is about this machine or the way to a server, nil for none.
func ours(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op != "remote error" {
		return e
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New(e.Msg)
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return e
	}
	if e, ok := errors.AsType[tls.AlertError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*configError](err); ok {
		return e
	}
	return nil
}

// configError is what is wrong with the files that say how to get to the server.
type configError struct{ error }

func (e *configError) Unwrap() error { return e.error }
