package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// FaultKind is what a Fault does to a call.
type FaultKind string

// What a fault can do.
const (
	FaultError      FaultKind = "error"       // answers Code and Status, in the form of the call's protocol
	FaultThrottle   FaultKind = "throttle"    // answers ThrottlingException beyond PerSecond calls
	FaultStatus     FaultKind = "status"      // answers Status without a body, as a load balancer may
	FaultGarbage    FaultKind = "garbage"     // answers Status with a page of HTML, as a proxy may
	FaultReset      FaultKind = "reset"       // resets the connection; the call is not carried out
	FaultHang       FaultKind = "hang"        // says nothing until the client gives up or the faults are replaced
	FaultLoseAnswer FaultKind = "lose_answer" // carries the call out, then resets the connection without an answer
	FaultDelay      FaultKind = "delay"       // waits for Latency, then lets the call go on to the next rule
)

// A Fault is a rule by which calls go wrong. Operation and Do are required; the zero value of each
// other field asks for nothing. A call meets the first rule that strikes it, and every FaultDelay before.
type Fault struct {
	Operation string // such as "PutLogEvents"; "*" is every operation
	Group     string // only calls that name this log group
	Do        FaultKind

	Rate  float64       // of the calls that are struck, above 0 and at most 1; 0 means all
	Seed  uint64        // of the draws for Rate and Latency; 0 means a random one
	Times int           // that it strikes at most
	For   time.Duration // that it lasts, from when it was set

	Latency     time.Duration // before anything happens
	LatencyUpTo time.Duration // Latency is drawn from there to here

	PerSecond float64 // calls that FaultThrottle lets pass
	Code      string  // of FaultError, such as "AccessDeniedException"
	Message   string  // of FaultError
	Status    int     // of HTTP; 0 means the code's own
}

// A FaultCount is a fault that has been set, and what it has done since.
type FaultCount struct {
	Rule    Fault `json:"rule"`
	Matched int64 `json:"matched"` // calls that it was for, while it was in force
	Struck  int64 `json:"struck"`
	Ended   bool  `json:"ended"` // its Times or its For is over
}

// SetFaults replaces all faults, and begins their counts, draws and times anew. Calls that wait in a
// fault go on. A rule with a mistake changes nothing.
func (s *Server) SetFaults(rules ...Fault) error {
	if err := s.Open(); err != nil {
		return err
	}
	if len(rules) > maxFaults {
		return fmt.Errorf("set faults: %d rules, which is more than %d", len(rules), maxFaults)
	}
	now := s.now()
	set := &faultSet{ended: make(chan struct{})}
	for i, rule := range rules {
		if err := rule.check(s.calls); err != nil {
			return fmt.Errorf("set faults: rule %d: %w", i+1, err)
		}
		set.rules = append(set.rules, newRule(rule, now))
	}
	s.faults.replace(set)
	return nil
}

// ClearFaults removes all faults. Calls that wait in one go on.
func (s *Server) ClearFaults() { s.faults.replace(nil) }

// Faults lists the faults in their order, each with how often it has struck.
func (s *Server) Faults() []FaultCount {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	list := []FaultCount{}
	if s.faults.set == nil {
		return list
	}
	for _, r := range s.faults.set.rules {
		list = append(list, FaultCount{r.Fault, r.matched, r.struck, r.over(s.now())})
	}
	return list
}

// maxFaults bounds what each call is held against.
const maxFaults = 100

// faults are those of a server. The zero value has none.
type faults struct {
	mu  sync.Mutex
	set *faultSet // nil: none
}

// A faultSet is what was set at once.
type faultSet struct {
	rules []*faultRule
	ended chan struct{} // closed when another set takes its place
}

// A faultRule is a fault in force.
type faultRule struct {
	Fault
	until           time.Time // zero: no end
	random          *rand.Rand
	matched, struck int64

	tokens float64 // calls that may pass now
	filled time.Time
}

func newRule(f Fault, now time.Time) *faultRule {
	if draws := f.Rate > 0 || f.LatencyUpTo > 0; draws && f.Seed == 0 {
		f.Seed = 1 + rand.Uint64()>>11 // every reader of JSON can hold it exactly
	}
	r := &faultRule{Fault: f, random: rand.New(rand.NewPCG(f.Seed, 0)), tokens: max(1, f.PerSecond), filled: now}
	if f.For > 0 {
		r.until = now.Add(f.For)
	}
	return r
}

func (f *faults) replace(set *faultSet) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set != nil {
		close(f.set.ended)
	}
	f.set = set
}

// A blow is what one rule does to one call.
type blow struct {
	rule  Fault
	wait  time.Duration
	ended <-chan struct{} // of its set
}

// strikes lists what happens to a call: any number of delays, and after them one other blow at most.
func (f *faults) strikes(c *call, now time.Time) (blows []blow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set == nil {
		return nil
	}
	group, read := "", false
	for _, r := range f.set.rules {
		if r.Operation != "*" && r.Operation != c.operation || r.over(now) {
			continue
		}
		if r.Group != "" {
			if !read {
				group, read = groupOf(c), true
			}
			if r.Group != group {
				continue
			}
		}
		if !r.strikes(now) {
			continue
		}
		blows = append(blows, blow{r.Fault, r.wait(), f.set.ended})
		if r.Do != FaultDelay {
			break
		}
	}
	return blows
}

func (r *faultRule) over(now time.Time) bool {
	return r.Times > 0 && r.struck >= int64(r.Times) || !r.until.IsZero() && !now.Before(r.until)
}

// strikes decides about a call that the rule is for.
func (r *faultRule) strikes(now time.Time) bool {
	r.matched++
	if r.Rate > 0 && r.random.Float64() >= r.Rate || r.Do == FaultThrottle && r.passes(now) {
		return false
	}
	r.struck++
	return true
}

// passes takes a token out of a bucket that fills at PerSecond and holds those of a second, one at least.
func (r *faultRule) passes(now time.Time) bool {
	if since := now.Sub(r.filled); since > 0 {
		r.tokens = min(max(1, r.PerSecond), r.tokens+r.PerSecond*since.Seconds())
	}
	r.filled = now
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	return true
}

func (r *faultRule) wait() time.Duration {
	if r.LatencyUpTo <= r.Latency {
		return r.Latency
	}
	return r.Latency + time.Duration(r.random.Int64N(int64(r.LatencyUpTo-r.Latency)+1))
}

// groupOf reads which log group a call names, "" for none.
func groupOf(c *call) string {
	var named struct {
		LogGroupName string `json:"logGroupName"`
	}
	if c.service != "logs" || json.Unmarshal(c.body, &named) != nil {
		return ""
	}
	return named.LogGroupName
}

// through carries a call out, if the faults let it.
func (f *faults) through(ctx context.Context, c *call, now time.Time, serve handler) (any, error) {
	for _, b := range f.strikes(c, now) {
		b.pause(ctx, b.wait)
		if ctx.Err() != nil { // nobody waits any more: what is late here never landed
			return nil, &brokenAnswer{answer: reset, outcome: errInjected}
		}
		switch b.rule.Do {
		case FaultDelay:
		case FaultError, FaultThrottle:
			return nil, b.rule.refusal()
		case FaultLoseAnswer:
			// Nothing may keep the write from landing: that is what this fault is about.
			_, err := serve(context.WithoutCancel(ctx), c)
			return nil, &brokenAnswer{answer: reset, outcome: err}
		case FaultHang:
			b.pause(ctx, forever)
			return nil, &brokenAnswer{answer: reset, outcome: errInjected}
		default:
			return nil, &brokenAnswer{answer: b.rule.plainAnswer(), outcome: errInjected}
		}
	}
	return serve(ctx, c)
}

const forever = time.Duration(1<<63 - 1)

// pause ends early when the client has gone or the faults are replaced.
func (b blow) pause(ctx context.Context, length time.Duration) {
	if length <= 0 {
		return
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-b.ended:
	}
}

// operationNames lists everything that a fault can be for.
func operationNames(calls map[string]handler) (names []string) {
	for name := range calls {
		_, operation, _ := strings.Cut(name, ".")
		names = append(names, operation)
	}
	slices.Sort(names)
	return names
}

// errInjected is what the agents' view shows for a call that was not answered as an API answers.
var errInjected = errors.New("InjectedFault: the answer was a fault of PUT /faults")
