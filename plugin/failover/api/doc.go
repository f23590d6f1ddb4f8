// Package api is what the admin API says: plain data, as JSON has it. The server (plugin/failover/admin), the command
// line (cmd/failoverctl) and the webhooks share it. Times are RFC 3339 with nanoseconds; names of zones and record sets
// are fully qualified and in lower case.
package api
