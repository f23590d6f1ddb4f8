package corefile

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/seed-a19ac2b6/failover/health"
)

// files resolves and tries the certificates that checks name.
type files struct {
	root  string // of relative paths; empty: the working directory
	tried map[[3]string]error
}

// resolve makes the paths of p those to open, and refuses files that cannot be used. Many checks share few files, each
// of which is read once.
func (f *files) resolve(p *health.Probe) error {
	for _, path := range []*string{&p.CertFile, &p.KeyFile, &p.CAFile} {
		if *path == "" {
			continue
		}
		if !filepath.IsAbs(*path) {
			*path = filepath.Join(f.root, *path)
		}
		*path = filepath.Clean(*path)
	}
	key := [3]string{p.CertFile, p.KeyFile, p.CAFile}
	if key == [3]string{} {
		return nil
	}
	err, done := f.tried[key]
	if !done {
		err = tryFiles(*p)
		f.tried[key] = err
	}
	return err
}

// tryFiles lets health read the files as it will for a check. The endpoint is none: nothing is probed.
func tryFiles(p health.Probe) error {
	for _, path := range []string{p.CertFile, p.KeyFile, p.CAFile} {
		if err := sane(path); err != nil {
			return err
		}
	}
	_, err := health.NewProber(health.Probe{
		Scheme: health.TLS, Host: "192.0.2.1", Port: 443,
		CertFile: p.CertFile, KeyFile: p.KeyFile, CAFile: p.CAFile,
	})
	return err
}

// sane refuses what would stop the load for ever, as reading a device or a pipe does.
func sane(path string) error {
	const most = 16 << 20
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return fmt.Errorf("tls: %s is not a file of certificates", path)
	}
	return nil
}
