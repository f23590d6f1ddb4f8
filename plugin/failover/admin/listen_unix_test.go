//go:build unix

package admin

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	fx := open(t, Line{Network: "unix", Address: path, Local: true})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("The socket is %v, %v", info, err)
	}
	if _, err := listen("unix", path); err == nil || !strings.Contains(err.Error(), "answers at") {
		t.Errorf("A socket that is in use: %v", err)
	}
	fx.client.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}
	fx.url = "http://whatever"
	fx.want(http.StatusOK, "GET /v1/status")
	fx.want(http.StatusCreated, post, asJSON, "", down)
	if c := fx.backend.changes[0]; c.Remote.IsValid() || c.Author != "ops" || c.What != post {
		t.Errorf("%+v", c)
	}
	fx.client.CloseIdleConnections()
	fx.lease.Release()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("The socket is there after its end: %v", err)
	}

	// One that a killed process has left.
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	again, err := listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	// Somebody else's at the same place is left alone.
	if err := os.Rename(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	again.Close()
	if _, err := listen("unix", path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("A file in the place of a socket: %v", err)
	}
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("The file became %q, %v", text, err)
	}
}
