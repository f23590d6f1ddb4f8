package harness

import "strings"

// Zone is a Corefile of one server block for example.org on the loopback: the lines inside the stanza, and other
// plugins beside it.
func Zone(stanza string, plugins ...string) string {
	lines := append([]string{"bind 127.0.0.1", "errors"}, plugins...)
	return "example.org:@DNS@ {\n " + strings.Join(lines, "\n ") + "\n failover {\n" + stanza + "\n }\n}\n"
}
