// Package bench is what the measuring programs share: processes that are pinned to cores, what they have cost in CPU
// time and memory, the endpoint that checks probe, questions to CoreDNS's own pages, and the table of budgets. It needs
// Linux, since it reads /proc.
package bench
