package corefile

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-a19ac2b6/failover/health/probe"
)

// Admin is an address of the admin API, as one line says. The API is that of the whole process, whatever the server
// block and the zones of the stanza.
type Admin struct {
	Pos Pos
	AdminAddress
	AdminAccess
}

// AdminAddress is where the admin API answers.
type AdminAddress struct {
	Network string // "tcp" or "unix"
	Address string // HOST:PORT, where no host is all addresses; or an absolute path
}

// AdminAccess is how the admin API knows whom to let in. Paths are those to open, empty for none.
type AdminAccess struct {
	TokenFile string
	CertFile  string
	KeyFile   string
	CAFile    string
}

func (a AdminAddress) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Address
	}
	return a.Address
}

// Local tells that only this machine can connect.
func (a AdminAddress) Local() bool {
	if a.Network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(a.Address)
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// longestSocket is the most octets of a path that a socket can have, on all systems.
const longestSocket = 100

// adminWords are the words of the line.
var adminWords = []string{"tls", "token_file"}

// readAdmin reads "admin ADDRESS|unix:PATH [token_file FILE] [tls CERT KEY [CA]]".
func (s *stanza) readAdmin(l *line, args []string) error {
	if len(args) == 0 {
		return errors.New("admin takes an address with a port, or unix:PATH")
	}
	a := Admin{Pos: l.pos}
	var err error
	if a.AdminAddress, err = adminAddress(args[0]); err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	for rest := args[1:]; len(rest) > 0; {
		word := rest[0]
		end := slices.IndexFunc(rest[1:], func(w string) bool { return slices.Contains(adminWords, w) }) + 1
		if end == 0 {
			end = len(rest)
		}
		values := rest[1:end]
		rest = rest[end:]
		switch word {
		case "token_file":
			if len(values) != 1 || a.TokenFile != "" {
				return errors.New("admin: token_file takes one file, once")
			}
			a.TokenFile = values[0]
		case "tls":
			if len(values) < 2 || len(values) > 3 || a.CertFile != "" {
				return errors.New("admin: tls takes a certificate, a key and at most the CA of the clients, once")
			}
			a.CertFile, a.KeyFile = values[0], values[1]
			if len(values) == 3 {
				a.CAFile = values[2]
			}
		default:
			return fmt.Errorf("admin: %w", unknownWord(word, adminWords, nil))
		}
	}
	s.admins = append(s.admins, a)
	return nil
}

func adminAddress(text string) (AdminAddress, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path == "" {
			return AdminAddress{}, errors.New("unix: takes the path of the socket")
		}
		return AdminAddress{Network: "unix", Address: path}, pathLetters(path)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return AdminAddress{}, fmt.Errorf("the address %q is not HOST:PORT or unix:PATH", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return AdminAddress{}, fmt.Errorf("the port %q is not a number from 1 to 65535", port)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.Unmap().String()
	} else if host != "" && !isHostName(host) {
		return AdminAddress{}, fmt.Errorf("the host %q is neither an address nor a name", host)
	}
	return AdminAddress{Network: "tcp", Address: net.JoinHostPort(strings.ToLower(host), port)}, nil
}

func isHostName(host string) bool {
	return !strings.ContainsFunc(host, func(r rune) bool { return !isLetterOrDigit(r) && !strings.ContainsRune(".-_", r) })
}

// addAdmins takes over the addresses of a stanza, and refuses those that anybody could use.
func (b *builder) addAdmins(s *stanza) error {
	for _, a := range s.admins {
		if err := b.readable(&a); err != nil {
			return a.Pos.errorf("admin: %w", err)
		}
		if !a.Local() && a.TokenFile == "" && a.CAFile == "" {
			return a.Pos.errorf("admin: others could use %s: it needs a token_file, or tls with the CA of the clients", a.Address)
		}
		if !a.Local() && a.CertFile == "" {
			b.warn(a.Pos, "admin: the token goes over the network as it is; with tls nobody on the way can read it")
		}
		if err := AgreeAdmins(b.config.Admins, a); err != nil {
			return err
		}
		b.config.Admins = append(b.config.Admins, a)
	}
	return nil
}

// AgreeAdmins refuses a line that says something else of an address than one of the others.
func AgreeAdmins(others []Admin, a Admin) error {
	for _, other := range others {
		if other.AdminAddress == a.AdminAddress && other.AdminAccess != a.AdminAccess {
			return a.Pos.errorf("admin: %s has other words on %s", a.AdminAddress, a.Pos.other(other.Pos))
		}
	}
	return nil
}

// readable makes the paths of a line those to open, and reads the files to refuse what cannot be used.
func (b *builder) readable(a *Admin) error {
	for _, path := range []*string{&a.TokenFile, &a.CertFile, &a.KeyFile, &a.CAFile} {
		*path = b.files.path(*path)
	}
	if a.Network == "unix" {
		absolute, err := filepath.Abs(b.files.path(a.Address))
		switch {
		case err != nil:
			return err
		case len(absolute) > longestSocket:
			return fmt.Errorf("the path %s is longer than the %d octets that a socket can have", absolute, longestSocket)
		}
		a.Address = absolute
	}
	if a.CertFile != "" {
		if err := b.files.certificates(&probe.Spec{CertFile: a.CertFile, KeyFile: a.KeyFile, CAFile: a.CAFile}); err != nil {
			return err
		}
	}
	if a.TokenFile == "" || b.files.try == nil {
		return nil
	}
	if _, err := probe.NewSecretFile(a.TokenFile); err != nil {
		return fmt.Errorf("token_file %s: %w", a.TokenFile, err)
	}
	b.warnToken(a.Pos, "admin", a.TokenFile)
	return nil
}
