package corefile

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// files resolves and tries what checks name on this machine: files, programs, and the permission to ping.
type files struct {
	root  string                 // of relative paths; empty: the working directory
	try   func(probe.Spec) error // nil: this is not the machine
	tried map[probe.Spec]error
}

// path is the one to open.
func (f *files) path(name string) string {
	if name == "" {
		return ""
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(f.root, name)
	}
	return filepath.Clean(name)
}

// resolve makes the paths of c those to open, and refuses files that cannot be used. Many checks share few files, each
// of which is read once.
func (f *files) resolve(c *check) error {
	p := &c.probe
	for _, path := range []*string{&p.CertFile, &p.KeyFile, &p.CAFile, &p.File} {
		*path = f.path(*path)
	}
	if p.File != "" {
		// It is opened for as long as the server runs, and watched by the folder that it is in.
		absolute, err := filepath.Abs(p.File)
		if err != nil {
			return c.target.pos.errorf("check %s: file: %w", c.name, err)
		}
		p.File = absolute
	}
	err := anywhere(*p).Validate()
	if c.target.kind != onCombined && err != nil {
		return c.target.pos.errorf("check %s: %w", c.name, err)
	}
	if p.CertFile != "" || p.CAFile != "" {
		if err := f.certificates(p); err != nil {
			return c.place("tls").errorf("check %s: %w", c.name, err)
		}
	}
	for _, name := range inOrder(c.headers) {
		if field := c.headers[name]; field.file {
			if err := f.header(name, f.path(field.value)); err != nil {
				return c.place("header "+name).errorf("check %s: %w", c.name, err)
			}
		}
	}
	if p.Command != "" {
		program, _, _ := strings.Cut(p.Command, "\x00")
		if err := f.once(probe.Spec{Scheme: probe.Exec, Command: program + "\x00"}); err != nil {
			return c.target.pos.errorf("check %s: %w", c.name, err)
		}
	}
	return nil
}

// anywhere gives a template an endpoint, so that the rest of it can be judged.
func anywhere(p probe.Spec) probe.Spec {
	p.Source = netip.Addr{} // judged where the endpoint is known
	switch p.Scheme {
	case probe.Exec, probe.File, probe.Heartbeat, probe.Kubernetes:
		return p
	}
	if p.Host == "" {
		p.Host = "192.0.2.1"
	}
	if p.Port == 0 && p.Scheme != probe.ICMP {
		p.Port = 443
	}
	return p
}

// once lets health read the files as it will for a check. Where the endpoint is none nothing is probed.
func (f *files) once(p probe.Spec) error {
	if f.try == nil {
		return nil
	}
	err, done := f.tried[p]
	if !done {
		err = f.try(p)
		f.tried[p] = err
	}
	return err
}

func (f *files) certificates(p *probe.Spec) error {
	for _, path := range []string{p.CertFile, p.KeyFile, p.CAFile} {
		if path == "" || f.try == nil {
			continue
		}
		if err := sane(path); err != nil {
			return fmt.Errorf("tls: %w", err)
		}
	}
	return f.once(probe.Spec{
		Scheme: probe.TLS, Host: "192.0.2.1", Port: 443,
		CertFile: p.CertFile, KeyFile: p.KeyFile, CAFile: p.CAFile,
	})
}

func (f *files) header(name, path string) error {
	return f.once(probe.Spec{
		Scheme: probe.HTTP, Host: "192.0.2.1", Port: 80, Path: "/", Method: "GET", Status: "200",
		HeaderFiles: name + ": " + path + "\n",
	})
}

// ping refuses a check that the process may not make. Whether it may depends on the address family.
func (f *files) ping(c Check, pos Pos) error {
	host := c.Probe.Host()
	switch {
	case !isAddress(host):
		host = "www.example.org"
	case strings.Contains(host, ":"):
		host = "2001:db8::1"
	default:
		host = "192.0.2.1"
	}
	if err := f.once(probe.Spec{Scheme: probe.ICMP, Host: host}); err != nil {
		return pos.errorf("check %s: %w", c.Names[0], err)
	}
	return nil
}

// try makes a prober and drops it.
func try(p probe.Spec) error {
	_, err := probe.New(p)
	return err
}

// sane refuses what would stop the load for ever, as reading a device or a pipe does.
func sane(path string) error {
	const most = 16 << 20
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return fmt.Errorf("%s is not a file of certificates", path)
	}
	return nil
}
