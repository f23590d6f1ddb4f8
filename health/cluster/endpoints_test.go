package cluster

import (
	"fmt"
	"testing"

	"github.com/seed-a19ac2b6/failover/health/probe"

	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kept makes endpoints that tell nobody.
func kept(objects ...any) *endpoints {
	e := newEndpoints("prod", func(...string) {}, func() {})
	_ = e.Replace(objects, "1")
	return e
}

func TestC05_WhatCountsAsReady(t *testing.T) {
	t.Parallel()
	change := func(s *discovery.EndpointSlice, f func(*discovery.EndpointSlice)) *discovery.EndpointSlice {
		f(s)
		return s
	}
	ports := func(s *discovery.EndpointSlice, ports ...discovery.EndpointPort) *discovery.EndpointSlice {
		s.Ports = ports
		return s
	}
	named := func(name string, number int32) discovery.EndpointPort {
		return discovery.EndpointPort{Name: &name, Port: &number}
	}
	for _, tc := range []struct {
		name, port string
		slices     []any
		want       probe.Outcome
		detail     string
	}{
		{"ready", "", []any{sliceOf("a", "ready")}, probe.Pass, "1 of 1 endpoints are ready"},
		{"not said", "", []any{sliceOf("a", "unsaid")}, probe.Pass, "1 of 1 endpoints are ready"},
		{"unready", "", []any{sliceOf("a", "unready")}, probe.Fail, "its only endpoint is not ready"},
		{"ready without an address", "", []any{sliceOf("a", "empty")}, probe.Fail, "the Service has no endpoints"},
		{"no endpoints", "", []any{sliceOf("a")}, probe.Fail, "the Service has no endpoints"},
		{"no slices", "", nil, probe.Fail, "there is no such Service, or it has no EndpointSlices"},
		{"ready in the second slice", "", []any{sliceOf("a", "unready"), sliceOf("b", "ready")}, probe.Pass, "1 of 2 endpoints are ready"},
		{"IPv6", "", []any{change(sliceOf("a", "ready"), func(s *discovery.EndpointSlice) {
			s.AddressType, s.Endpoints[0].Addresses = discovery.AddressTypeIPv6, []string{"2001:db8::1"}
		})}, probe.Pass, "1 of 1 endpoints are ready"},
		{"names", "", []any{change(sliceOf("a", "ready"), func(s *discovery.EndpointSlice) {
			s.AddressType, s.Endpoints[0].Addresses = discovery.AddressTypeFQDN, []string{"db.example.org"}
		})}, probe.Pass, "1 of 1 endpoints are ready"},
		{"another Service", "", []any{change(sliceOf("a", "ready"), func(s *discovery.EndpointSlice) {
			s.Labels[discovery.LabelServiceName] = "web"
		})}, probe.Fail, "there is no such Service, or it has no EndpointSlices"},
		{"without a Service", "", []any{change(sliceOf("a", "ready"), func(s *discovery.EndpointSlice) { s.Labels = nil })},
			probe.Fail, "there is no such Service, or it has no EndpointSlices"},
		{"another namespace", "", []any{change(sliceOf("a", "ready"), func(s *discovery.EndpointSlice) { s.Namespace = "dev" })},
			probe.Fail, "there is no such Service, or it has no EndpointSlices"},
		{"another object", "", []any{&meta.Status{}, nil, (*discovery.EndpointSlice)(nil)},
			probe.Fail, "there is no such Service, or it has no EndpointSlices"},

		{"port by name", "pg", []any{sliceOf("a", "ready")}, probe.Pass, "1 of 1 endpoints are ready"},
		{"port by number", "5432", []any{sliceOf("a", "ready")}, probe.Pass, "1 of 1 endpoints are ready"},
		{"another name", "http", []any{sliceOf("a", "ready")}, probe.Fail,
			"1 of 1 endpoints are ready, and none of those has the port http, but pg 5432"},
		{"another number", "80", []any{sliceOf("a", "ready")}, probe.Fail,
			"1 of 1 endpoints are ready, and none of those has the port 80, but pg 5432"},
		{"many others", "80", []any{
			ports(sliceOf("a", "ready"), named("e", 5), named("d", 4), named("", 6), named("b\n", 2)),
			ports(sliceOf("b", "ready"), named("d", 4), named("a", 1), named("c", 3)),
			ports(sliceOf("c", "unready"), named("A", 80)),
		}, probe.Fail, "2 of 3 endpoints are ready, and none of those has the port 80, but 6, a 1, b? 2, c 3, others"},
		{"no ports", "80", []any{ports(sliceOf("a", "ready"))}, probe.Fail,
			"1 of 1 endpoints are ready, and none of those has the port 80"},
		{"all ports", "80", []any{ports(sliceOf("a", "ready"), discovery.EndpointPort{})}, probe.Pass, "1 of 1 endpoints are ready"},
		{"port 0 is none", "80", []any{ports(sliceOf("a", "ready"), named("x", 0))}, probe.Fail,
			"1 of 1 endpoints are ready, and none of those has the port 80"},
		{"the port is of a slice that is not ready", "web", []any{sliceOf("a", "ready"), ports(sliceOf("b", "unready"), named("web", 80))},
			probe.Fail, "1 of 2 endpoints are ready, and none of those has the port web, but pg 5432"},
		{"one of several ports", "web", []any{ports(sliceOf("a", "ready"), named("pg", 5432), named("web", 80))},
			probe.Pass, "1 of 1 endpoints are ready"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := kept(tc.slices...).judge("db", tc.port); got.Outcome != tc.want || got.Detail != tc.detail {
				t.Errorf("Result %v, want %v with %q", got, tc.want, tc.detail)
			}
			// One by one it is the same.
			one := kept()
			for _, s := range tc.slices {
				_ = one.Add(s)
				_ = one.Update(s)
			}
			if got := one.judge("db", tc.port); got.Detail != tc.detail {
				t.Errorf("One by one: %v", got)
			}
			for _, s := range tc.slices {
				_ = one.Delete(s)
			}
			if len(one.slices)+len(one.services) > 0 {
				t.Errorf("Left: %v %v", one.slices, one.services)
			}
		})
	}
}

// A slice that goes to another Service concerns both.
func TestEndpoints_Concerned(t *testing.T) {
	t.Parallel()
	var told []string
	e := newEndpoints("prod", func(services ...string) { told = append(told, services...) }, func() {})
	_ = e.Add(sliceOf("a", "ready"))
	moved := sliceOf("a", "ready")
	moved.Labels[discovery.LabelServiceName] = "web"
	_ = e.Update(moved)
	_ = e.Delete(moved)
	if got := fmt.Sprint(told); got != "[db db web web]" {
		t.Errorf("Told %s", got)
	}
}

// What an API server sends is bounded: too much of it is no statement about any Service.
func TestEndpoints_Overfull(t *testing.T) {
	t.Parallel()
	e := kept()
	for i := range mostSlices {
		if err := e.Add(sliceOf(fmt.Sprint(i), "ready")); err != nil {
			t.Fatal(err)
		}
	}
	if e.full() {
		t.Fatal("Overfull too early")
	}
	if err := e.Add(sliceOf("more", "ready")); err == nil || !e.full() || len(e.slices) != mostSlices {
		t.Errorf("Error %v with %d slices", err, len(e.slices))
	}
	_ = e.Replace(nil, "2")
	if e.full() {
		t.Error("Overfull after a list of nothing")
	}
}
