package corefile

import (
	"crypto/tls"
	"fmt"
)

// setTLS takes files in the order of CoreDNS: CA; CERT KEY; CERT KEY CA.
func setTLS(s *settings, v []string) error {
	s.probe.CertFile, s.probe.KeyFile, s.probe.CAFile = "", "", ""
	for _, path := range v {
		if err := pathLetters(path); err != nil {
			return err
		}
	}
	if len(v) != 2 {
		s.probe.CAFile = v[len(v)-1]
	}
	if len(v) > 1 {
		s.probe.CertFile, s.probe.KeyFile = v[0], v[1]
	}
	return nil
}

// setMinTLS reads the least version of TLS.
func setMinTLS(s *settings, v []string) error {
	versions := map[string]uint16{
		"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11,
		"1.2": 0, // the default: saying it makes no other check
		"1.3": tls.VersionTLS13,
	}
	version, ok := versions[v[0]]
	if !ok {
		return fmt.Errorf("%q is none of 1.0 1.1 1.2 1.3", v[0])
	}
	s.probe.MinTLS = version
	return nil
}
