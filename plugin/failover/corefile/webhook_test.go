package corefile

import (
	"testing"

	"github.com/seed-a19ac2b6/failover/plugin/failover/webhook"
)

func TestWebhooksOfSeveralBlocksAgree(t *testing.T) {
	hook := func(line int, url, key string) *Config {
		return &Config{Webhooks: []Webhook{{
			Pos: Pos{File: "Corefile", Line: line}, Config: webhook.Config{URL: url, Format: webhook.JSON, KeyFile: key},
		}}}
	}
	const url = "https://hooks.example.org/canary"
	if err := AgreeWebhooks([]*Config{
		hook(3, url, "a"), hook(4, url, ""), hook(5, url, "a"), hook(6, url+"2", "b"),
	}); err != nil {
		t.Error(err)
	}
	err := AgreeWebhooks([]*Config{hook(3, url, "a"), hook(9, url, "b")})
	want := "Corefile:9 - the webhook of https://hooks.example.org has another token_file on line 3, and is one receiver"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
