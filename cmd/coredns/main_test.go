package main

import (
	"slices"
	"testing"
)

func TestWithFailover(t *testing.T) {
	stock := []string{"cache", "dnssec", "hosts", "file", "forward"}
	got, err := withFailover(stock)
	want := []string{"cache", "dnssec", "failover", "hosts", "file", "forward"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Expected %v, got %v and error %v", want, got, err)
	}
	if _, err := withFailover([]string{"file"}); err == nil {
		t.Error("Expected an error for directives without hosts, got none")
	}
}
