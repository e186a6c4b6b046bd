package local

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// agents remembers what this server has seen of each client: the health of an agent as the service
// can tell it. It is bounded, and begins anew with the process.
type agents struct {
	mu       sync.Mutex
	since    time.Time
	clients  map[clientKey]*Client
	refusals []Refusal
	requests map[string]int64 // by operation
	errors   map[string]int64 // by code
}

type clientKey struct{ host, userAgent string }

const (
	maxClients  = 500
	maxRefused  = 100
	maxAgentLen = 300
)

// program is the part of a User-Agent that stays the same over a program's calls: an SDK adds which
// service's client it is and which features a call uses.
func program(userAgent string) string {
	words := strings.Fields(userAgent)
	return strings.Join(slices.DeleteFunc(words, func(word string) bool {
		for _, of := range []string{"api/", "m/", "command/", "md/command#"} {
			if strings.HasPrefix(word, of) {
				return true
			}
		}
		return false
	}), " ")
}

// A Client is one program at one address, and what came of its API calls.
type Client struct {
	Host              string
	UserAgent         string // without what differs between calls of one program
	FirstSeen         time.Time
	LastSeen          time.Time
	LastPutMetricData time.Time        // zero: never
	LastPutLogEvents  time.Time        // zero: never
	Requests          map[string]int64 // by operation
	Errors            map[string]int64 // answers by error code
	Rejected          map[string]int64 // events left out of accepted batches, by reason
	Events            int64            // accepted
	Data              int64            // accepted
	Bytes             int64            // of request bodies, as posted
}

// A Refusal is one error that was answered.
type Refusal struct {
	At        time.Time
	Host      string
	UserAgent string
	Operation string
	Code      string
	Message   string
}

func newAgents(now time.Time) *agents {
	return &agents{since: now, clients: make(map[clientKey]*Client), requests: make(map[string]int64), errors: make(map[string]int64)}
}

// observe notes an answered call.
func (a *agents) observe(r *http.Request, c *call, failure error, now time.Time) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	operation := knownName(c.operation)
	agent := cut(printable(program(r.UserAgent())), maxAgentLen)

	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests[operation]++
	client := a.client(clientKey{host, agent}, now)
	client.LastSeen = now
	client.Requests[operation]++
	client.Bytes += int64(c.posted)
	if failure != nil {
		a.refused(client, operation, failure, now)
		return
	}
	switch operation {
	case "PutMetricData":
		client.LastPutMetricData = now
	case "PutLogEvents":
		client.LastPutLogEvents = now
	}
	client.Events += int64(c.events)
	client.Data += int64(c.data)
	for reason, n := range c.rejected {
		client.Rejected[reason] += int64(n)
	}
}

func (a *agents) refused(client *Client, operation string, failure error, now time.Time) {
	code, message, _ := strings.Cut(failure.Error(), ": ")
	code = knownName(code)
	a.errors[code]++
	client.Errors[code]++
	if len(a.refusals) == maxRefused {
		a.refusals = slices.Delete(a.refusals, 0, 1)
	}
	a.refusals = append(a.refusals, Refusal{now, client.Host, client.UserAgent, operation, code, cut(printable(message), maxAgentLen)})
}

// client finds or makes a client's record; the one that has been quiet for longest makes room.
func (a *agents) client(key clientKey, now time.Time) *Client {
	if known := a.clients[key]; known != nil {
		return known
	}
	if len(a.clients) >= maxClients {
		var oldest clientKey
		var seen time.Time
		for k, c := range a.clients {
			if seen.IsZero() || c.LastSeen.Before(seen) {
				oldest, seen = k, c.LastSeen
			}
		}
		delete(a.clients, oldest)
	}
	client := &Client{Host: key.host, UserAgent: key.userAgent, FirstSeen: now, Requests: make(map[string]int64),
		Errors: make(map[string]int64), Rejected: make(map[string]int64)}
	a.clients[key] = client
	return client
}

// knownName keeps names that a client makes up from filling the counters.
func knownName(name string) string {
	if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "unknown"
	}
	return name
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// copied is a snapshot of a counter map.
func copied(m map[string]int64) map[string]int64 {
	out := make(map[string]int64, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// seen lists the clients, the most recently seen first, and the refusals, the newest first.
func (a *agents) seen() ([]Client, []Refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Client, 0, len(a.clients))
	for _, c := range a.clients {
		snapshot := *c
		snapshot.Requests, snapshot.Errors, snapshot.Rejected = copied(c.Requests), copied(c.Errors), copied(c.Rejected)
		list = append(list, snapshot)
	}
	slices.SortFunc(list, func(x, y Client) int {
		return cmp.Or(y.LastSeen.Compare(x.LastSeen), cmp.Compare(x.UserAgent, y.UserAgent))
	})
	refusals := slices.Clone(a.refusals)
	slices.Reverse(refusals)
	return list, refusals
}
