package corefile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-a19ac2b6/failover/policy"

	"github.com/miekg/dns"
)

func TestR05_WeightsRange(t *testing.T) {
	for text, want := range map[string]uint16{"0": 0, "1": 1, "65535": 65535} {
		set := setNamed(t, stanzaOf(t, "weight "+text+" www 192.0.2.1"), "www.example.org.")
		if got := set.Records[0].Weight; got != want || set.Kind != policy.Weighted {
			t.Errorf("weight %s: %d in a set that is %s", text, got, set.Kind)
		}
	}
	for _, text := range []string{"-1", "65536", "1.5", "0x10", "+1", ""} {
		if errorOf(`weight "`+text+`" www 192.0.2.1`) == "" {
			t.Errorf("weight %q is accepted", text)
		}
	}
}

func TestR10_PrimaryComesFirst(t *testing.T) {
	set := setNamed(t, stanzaOf(t,
		"secondary www 192.0.2.2", "secondary www 192.0.2.3", "primary www 192.0.2.1", "secondary www 192.0.2.4"),
		"www.example.org.")
	got := make([]string, 0, len(set.Records))
	for _, record := range set.Records {
		got = append(got, record.ID+"="+describe(record.Values(0)[0]))
	}
	want := "primary=192.0.2.1 secondary=192.0.2.2 secondary-2=192.0.2.3 secondary-3=192.0.2.4"
	if strings.Join(got, " ") != want {
		t.Errorf("Records %q, want %q", got, want)
	}
}

func TestR12_MaxRecords(t *testing.T) {
	config := stanzaOf(t, "answer a 192.0.2.1", "answer b 192.0.2.1", "set b max 64")
	if got := setNamed(t, config, "a.example.org.").Max; got != 8 {
		t.Errorf("max is %d by default, want 8", got)
	}
	if got := setNamed(t, config, "b.example.org.").Max; got != 64 {
		t.Errorf("max is %d, want 64", got)
	}
}

func TestR17_MinIsBoundByTheValues(t *testing.T) {
	for _, tc := range []struct {
		min  string
		want policy.Threshold
		err  string
	}{
		{"1", policy.Threshold{N: 1}, ""},
		{"2", policy.Threshold{N: 2}, ""},
		{"3", policy.Threshold{}, "4 - min 3 is more than any record of www.example.org. has values of one family (2 on line 3)"},
		{"0", policy.Threshold{}, `4 - min: "0" is not a whole number between 1 and 65536`},
		{"1%", policy.Threshold{Percent: 1}, ""},
		{"100%", policy.Threshold{Percent: 100}, ""},
		{"101%", policy.Threshold{}, `4 - min: "101" is not a whole number between 1 and 100`},
		{"0%", policy.Threshold{}, `4 - min: "0" is not a whole number between 1 and 100`},
	} {
		// Two values of one family; the other family has but one and then needs that one.
		lines := []string{"answer www 192.0.2.1 192.0.2.2 2001:db8::1", "set www min " + tc.min}
		if got := errorOf(lines...); got != tc.err {
			t.Errorf("min %s: error %q, want %q", tc.min, got, tc.err)
		} else if got == "" && setNamed(t, stanzaOf(t, lines...), "www.example.org.").Min != tc.want {
			t.Errorf("min %s: not %+v", tc.min, tc.want)
		}
	}
}

func TestR18_UntypedSetsHaveTwoFamilies(t *testing.T) {
	config := stanzaOf(t, "primary www 2001:db8::1 192.0.2.1 2001:db8::2", "secondary www 192.0.2.2",
		"set www all_down answer 2001:db8::9", "static typed AAAA 2001:db8::3")
	set := setNamed(t, config, "www.example.org.")
	if got := set.Types(); !slices.Equal(got, []uint16{dns.TypeA, dns.TypeAAAA}) {
		t.Errorf("Types %v", got)
	}
	for _, tc := range []struct {
		what   string
		record *Record
		want   [policy.Families]int
	}{
		{"primary", set.Records[0], [policy.Families]int{1, 2}},
		{"secondary", set.Records[1], [policy.Families]int{1, 0}},
		{"fixed", set.Fixed, [policy.Families]int{0, 1}},
	} {
		for f, want := range tc.want {
			values := tc.record.Values(f)
			if len(values) != want || cap(values) != want {
				t.Errorf("%s: values %v of family %d with capacity %d, want %d", tc.what, values, f, cap(values), want)
			}
		}
	}
	typed := setNamed(t, config, "typed.example.org.")
	if len(typed.Types()) != 1 || len(typed.Records[0].Values(0)) != 1 {
		t.Errorf("A typed set has types %v and values %v", typed.Types(), typed.Records[0].Values(0))
	}
}

func TestR19_AllDown(t *testing.T) {
	for text, want := range map[string]policy.AllDown{
		"serve": policy.Serve, "last": policy.Last, "nodata": policy.NoData, "servfail": policy.ServFail,
		"refuse": policy.Refuse, "next": policy.Next, "answer 192.0.2.9 192.0.2.8": policy.Fixed,
	} {
		set := setNamed(t, stanzaOf(t, "primary www 192.0.2.1", "set www all_down "+text), "www.example.org.")
		if set.AllDown != want {
			t.Errorf("all_down %s: %d, want %d", text, set.AllDown, want)
		}
		if want == policy.Fixed && len(set.Fixed.Values(0)) != 2 {
			t.Errorf("Fixed values %v", set.Fixed.Values(0))
		}
	}
}

func TestR21_Failback(t *testing.T) {
	for text, want := range map[string]policy.Failback{
		"auto": {}, "manual": {Manual: true}, "5m": {After: 5 * time.Minute},
	} {
		set := setNamed(t, stanzaOf(t, "primary www 192.0.2.1", "set www failback "+text), "www.example.org.")
		if set.Failback != want {
			t.Errorf("failback %s: %+v, want %+v", text, set.Failback, want)
		}
	}
}

func TestD03_CNAMEStandsAlone(t *testing.T) {
	for _, lines := range [][]string{
		{"static www 192.0.2.1", "static www CNAME eu"},
		{"static www CNAME eu", "static www TXT x"},
		{"static www CNAME eu", "static www AAAA 2001:db8::1"},
		{"static www alias eu", "static www CNAME eu", "static eu 192.0.2.1"},
	} {
		want := "4 - www.example.org. has a CNAME beside other data, here and on line 3; use alias"
		if got := errorOf(lines...); got != want {
			t.Errorf("%q: error %q, want %q", lines, got, want)
		}
	}
	want := "3 - a CNAME cannot stand at the apex of a zone; use alias"
	for _, name := range []string{"@", "example.org.", "EXAMPLE.org."} {
		if got := errorOf("static " + name + " CNAME www"); got != want {
			t.Errorf("%s: error %q, want %q", name, got, want)
		}
	}
}

func TestD04_NamesLieInTheLongestZone(t *testing.T) {
	configs, err := parseText("Corefile", `example.org eu.example.org {
		failover {
			static www 192.0.2.1
			static www.x.EU.example.org. 192.0.2.2
			static api.example.org. 192.0.2.3
			static @ 192.0.2.4
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"example.org.":    "www.example.org. api.example.org. example.org.",
		"eu.example.org.": "www.eu.example.org. www.x.eu.example.org. eu.example.org.",
	}
	for _, zone := range configs[0].Zones {
		var names []string
		for _, set := range zone.Sets {
			names = append(names, set.Name)
		}
		if got := strings.Join(names, " "); got != want[zone.Name] {
			t.Errorf("%s has %q, want %q", zone.Name, got, want[zone.Name])
		}
	}
}

func TestD10_TTLs(t *testing.T) {
	for _, tc := range []struct {
		stanza, set string
		zone, want  TTL
	}{
		{"", "", TTL{60, 10}, TTL{60, 10}},
		{"ttl 30s", "", TTL{30, 30}, TTL{30, 30}},
		{"ttl 5m 5s", "", TTL{300, 5}, TTL{300, 5}},
		{"ttl 0s", "ttl 168h 0s", TTL{0, 0}, TTL{604800, 0}},
		{"", "ttl 20s", TTL{60, 10}, TTL{20, 20}},
	} {
		option := ""
		if tc.set != "" {
			option = "set www " + tc.set
		}
		config := stanzaOf(t, tc.stanza, "static www 192.0.2.1", option)
		if config.Zones[0].TTL != tc.zone || config.Zones[0].Sets[0].TTL != tc.want {
			t.Errorf("%+v: zone %v, set %v", tc, config.Zones[0].TTL, config.Zones[0].Sets[0].TTL)
		}
	}
}

func TestIDs(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"values", []string{"weight 1 www 192.0.2.1 2001:db8::1", "weight 1 www 2001:db8::2"}, "192.0.2.1 2001:db8::2"},
		{"equal values", []string{"weight 1 www 192.0.2.1", "weight 2 www 192.0.2.1", "weight 2 www 192.0.2.1"}, "192.0.2.1 192.0.2.1-2 192.0.2.1-3"},
		{"given", []string{"weight 1 www 192.0.2.1 id a", "weight 1 www 192.0.2.2"}, "a 192.0.2.2"},
		{"alias", []string{"weight 1 www alias eu", "weight 1 www alias eu", "static eu 192.0.2.1"}, "eu eu-2"},
		{"rdata", []string{`answer www MX "10 mx1"`}, "10 mx1.example.org."},
		{"long rdata", []string{`answer www TXT ` + strings.Repeat("a", 100)}, `"` + strings.Repeat("a", 63)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, record := range setNamed(t, stanzaOf(t, tc.lines...), "www.example.org.").Records {
				got = append(got, record.ID)
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("IDs %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRData(t *testing.T) {
	for _, tc := range []struct{ rrtype, value, want string }{
		{"mx", `"10 Mx1"`, "10 Mx1.example.org."},
		{"MX", `"10 @"`, "10 example.org."},
		{"TXT", `"a b;c(d"`, `"a b;c(d"`},
		{"TXT", `"say \"hi\""`, `"say \"hi\""`},
		{"TXT", `\104\105\\`, `"hi\\"`},
		{"TXT", strings.Repeat("a", 300), `"` + strings.Repeat("a", 255) + `" "` + strings.Repeat("a", 45) + `"`},
		{"TXT", "é", `"\195\169"`},
		{"CAA", `"0 issue \"ca.example.net; x=y\""`, `0 issue "ca.example.net; x=y"`},
		{"TYPE15", `"10 mx1"`, "10 mx1.example.org."},
		{"TYPE15", `"\# 5 000a 016d 00"`, "10 m."},
		{"TYPE65400", `"\# 4 0A000001"`, `\# 4 0a000001`},
		{"SRV", `"0 0 80 (web1)"`, "0 0 80 web1.example.org."},
	} {
		t.Run(tc.rrtype+" "+tc.value[:min(20, len(tc.value))], func(t *testing.T) {
			set := stanzaOf(t, "static x "+tc.rrtype+" "+tc.value).Zones[0].Sets[0]
			if got := describe(set.Records[0].Values(0)[0]); got != tc.want {
				t.Errorf("RDATA %s, want %s", got, tc.want)
			}
		})
	}
}

func TestZoneWords(t *testing.T) {
	zone := stanzaOf(t, "static www 192.0.2.1").Zones[0]
	if zone.MName != "ns.dns.example.org." || zone.RName != "hostmaster.example.org." ||
		!slices.Equal(zone.NS, []string{"ns.dns.example.org."}) || len(zone.Fall.Zones) != 0 || zone.Cacheable {
		t.Errorf("Defaults %+v", zone)
	}
	zone = stanzaOf(t, "static www 192.0.2.1", "soa NS1 ops.example.net.", "ns ns1 NS2.example.net.", "fallthrough", "cacheable").Zones[0]
	if zone.MName != "ns1.example.org." || zone.RName != "ops.example.net." ||
		!slices.Equal(zone.NS, []string{"ns1.example.org.", "ns2.example.net."}) ||
		!slices.Equal(zone.Fall.Zones, []string{"."}) || !zone.Cacheable {
		t.Errorf("Zone %+v", zone)
	}
}
