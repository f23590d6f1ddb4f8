package flood

import (
	"net/netip"
	"testing"
	"time"
)

// TestBehind judges answers by a switch that was up, down from 100 ms on, and up again from 200 ms on; each change took
// 10 ms.
func TestBehind(t *testing.T) {
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	l := timeline{spans: []span{
		{up: true, from: at(0), to: at(110)}, {up: false, from: at(100), to: at(210)}, {up: true, from: at(200)},
	}}
	const never = -1
	for _, tc := range []struct {
		up          bool
		asked, came int
		want        int // in ms
	}{
		{up: true, asked: 50, came: 60, want: 0},
		{up: false, asked: 50, came: 60, want: never},
		{up: false, asked: 90, came: 100, want: 0}, // just then
		{up: true, asked: 105, came: 106, want: 0}, // perhaps not yet
		{up: true, asked: 150, came: 160, want: 40},
		{up: true, asked: 150, came: 205, want: 0}, // it came back meanwhile
		{up: false, asked: 260, came: 270, want: 50},
		{up: true, asked: 260, came: 270, want: 0},
	} {
		lag, ok := l.behind(func(up bool) bool { return up == tc.up }, at(tc.asked), at(tc.came))
		got := int(lag.Milliseconds())
		if !ok {
			got = never
		}
		if got != tc.want {
			t.Errorf("Expected %d ms for %+v, got %d", tc.want, tc, got)
		}
	}
}

func TestRight(t *testing.T) {
	first, second := addr(6, 0), addr(6, 1)
	firstW, secondW := addr(7, 0), addr(7, 1)
	for _, tc := range []struct {
		set      int
		addr     netip.Addr
		ttl      uint32
		up, down bool
	}{
		{set: 6, addr: first, ttl: ttlUp, up: true},
		{set: 6, addr: first, ttl: ttlDown},
		{set: 6, addr: second, ttl: ttlDown, down: true},
		{set: 6, addr: second, ttl: ttlUp},
		{set: 7, addr: firstW, ttl: ttlUp, up: true},
		{set: 7, addr: firstW, ttl: ttlDown},
		{set: 7, addr: secondW, ttl: ttlUp, up: true},
		{set: 7, addr: secondW, ttl: ttlDown, down: true},
		{set: 7, addr: first, ttl: ttlUp},
	} {
		is := right(tc.set, answer{tc.addr, tc.ttl})
		if is(true) != tc.up || is(false) != tc.down {
			t.Errorf("Expected %v and %v of %+v, got %v and %v", tc.up, tc.down, tc, is(true), is(false))
		}
	}
}
