//go:build unix

package probe

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestHeaderFromAPipe holds that a file that would block is refused.
func TestHeaderFromAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Spec{
		Scheme: HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "GET", Status: "200", HeaderFiles: "X: " + pipe + "\n",
	})
	if err == nil || !strings.Contains(err.Error(), "pipe: it is not a regular file") {
		t.Errorf("Error %v", err)
	}
}

// TestCertificateFromAPipe holds the same of certificates.
func TestCertificateFromAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Spec{Scheme: TLS, Host: "192.0.2.1", Port: 443, CAFile: pipe})
	if err == nil || !strings.Contains(err.Error(), "pipe: it is not a regular file") {
		t.Errorf("Error %v", err)
	}
}
