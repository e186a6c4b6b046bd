package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// mishap is one way in which the service fails.
type mishap struct {
	name   string
	outage bool // of everything
	rules  func(group string, random *rand.Rand) []local.Fault
}

func everything(f local.Fault) func(string, *rand.Rand) []local.Fault {
	f.Operation = "*"
	return func(string, *rand.Rand) []local.Fault { return []local.Fault{f} }
}

// some strikes a part of the requests with events.
func some(f local.Fault) func(string, *rand.Rand) []local.Fault {
	f.Operation = "PutLogEvents"
	return func(_ string, random *rand.Rand) []local.Fault {
		f.Rate, f.Seed = 0.1+0.9*random.Float64(), 1+random.Uint64()>>11
		return []local.Fault{f}
	}
}

const refused = "refused" // no rule: it happens at the door

var outages = []mishap{
	{refused, true, func(string, *rand.Rand) []local.Fault { return nil }},
	{"all reset", true, everything(local.Fault{Do: local.FaultReset})},
	{"all 503", true, everything(local.Fault{Do: local.FaultStatus, Status: 503})},
	{"all hang", true, everything(local.Fault{Do: local.FaultHang})},
	{"all InternalFailure", true, everything(local.Fault{Do: local.FaultError, Code: "InternalFailure"})},
	{"all a page of HTML", true, everything(local.Fault{Do: local.FaultGarbage})},
	{"all a page of HTML with 502", true, everything(local.Fault{Do: local.FaultGarbage, Status: 502})},
	{"all denied", true, everything(local.Fault{Do: local.FaultError, Code: "AccessDeniedException"})},
}

const (
	deleteGroup  = "group deleted"
	deleteStream = "stream deleted"
)

var troubles = []mishap{
	{"throttled", false, func(_ string, random *rand.Rand) []local.Fault {
		return []local.Fault{{Operation: "PutLogEvents", Do: local.FaultThrottle, PerSecond: 0.5 + 5*random.Float64()}}
	}},
	{"some 5xx", false, some(local.Fault{Do: local.FaultError, Code: "ServiceUnavailableException"})},
	{"some reset", false, some(local.Fault{Do: local.FaultReset})},
	{"some hang", false, some(local.Fault{Do: local.FaultHang})},
	{"answers lost", false, some(local.Fault{Do: local.FaultLoseAnswer})},
	{"answers lost, slowly", false, some(local.Fault{Do: local.FaultLoseAnswer, Latency: 20 * time.Millisecond, LatencyUpTo: time.Second})},
	{"one group denied", false, func(group string, _ *rand.Rand) []local.Fault {
		return []local.Fault{{Operation: "*", Group: group, Do: local.FaultError, Code: "AccessDeniedException"}}
	}},
	{"slow", false, everything(local.Fault{Do: local.FaultDelay, Latency: 50 * time.Millisecond, LatencyUpTo: 3 * time.Second})},
	{deleteGroup, false, nil},
	{deleteStream, false, nil},
}

// failForever has the service fail, recover and fail again.
func (t *torture) failForever(ctx context.Context, random *rand.Rand) {
	longest := min(max(t.duration/60, 1500*time.Millisecond), 10*time.Second)
	for pause(ctx, between(random, longest/10, longest*2/3)) {
		m := troubles[random.IntN(len(troubles))]
		if random.IntN(2) == 0 {
			m = outages[random.IntN(len(outages))]
		}
		group := random.IntN(len(t.writers)) / 2
		length := between(random, longest/10, longest)
		if m.rules == nil {
			t.destroy(m, group, random)
			continue
		}
		rules := m.rules(t.writers[group*2].group, random)
		if other := troubles[random.IntN(len(troubles))]; !m.outage && other.rules != nil && random.IntN(3) == 0 {
			rules = append(rules, other.rules(t.writers[group*2].group, random)...)
			t.history.note("fault begins: %s, and %s, for %s", m.name, other.name, length)
		} else {
			t.history.note("fault begins: %s, for %s", m.name, length)
		}
		t.service.loses.Store(slices.ContainsFunc(rules, func(f local.Fault) bool { return f.Do == local.FaultLoseAnswer }))
		if err := t.service.SetFaults(rules...); err != nil {
			t.blame("%v", err)
			return
		}
		t.service.refuses.Store(m.name == refused)
		pause(ctx, length)
		t.recover(m)
	}
}

// recover ends a fault and counts it.
func (t *torture) recover(m mishap) {
	var struck int64
	for _, f := range t.service.Faults() {
		struck += f.Struck
	}
	t.service.ClearFaults()
	t.service.refuses.Store(false)
	t.service.loses.Store(false)
	t.history.note("fault ends: %s; it struck %d calls", m.name, struck)
	t.count(func(c *counts) {
		c.Struck += struck
		c.Faults[m.name]++
		if m.outage {
			c.Outages++
		}
	})
}

// destroy deletes a group with its streams, or one stream.
func (t *torture) destroy(m mishap, group int, random *rand.Rand) {
	streams := t.writers[group*2 : min(group*2+2, len(t.writers))]
	if m.name == deleteStream {
		one := random.IntN(len(streams))
		streams = streams[one : one+1]
	}
	if err := t.service.destroy(streams[0].group, streams, m.name == deleteGroup); err != nil {
		t.blame("%s: %v", m.name, err)
	}
	t.history.note("%s: %s", m.name, streams[0].name)
	t.count(func(c *counts) { c.Faults[m.name]++ })
}
