package local

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

type consoleGroup struct {
	Name      string `json:"name"`
	Class     string `json:"class"`
	Retention int    `json:"retention"` // days, 0 for ever
	Bytes     int64  `json:"bytes"`
	Created   int64  `json:"created"`
}

func (s *Server) consoleGroups(r *http.Request) ([]consoleGroup, error) {
	groups, err := s.store.groups(r.Context(), groupFilter{limit: 5000})
	list := make([]consoleGroup, len(groups))
	for i, g := range groups {
		list[i] = consoleGroup{g.name, g.class, g.retention, g.bytes, g.created}
	}
	return list, err
}

type consoleStream struct {
	Name string `json:"name"`
	Last int64  `json:"last"` // event, milliseconds; 0 for none
}

// consoleStreams lists a group's streams, the one with the newest event first.
func (s *Server) consoleStreams(r *http.Request) ([]consoleStream, error) {
	group, err := s.consoleGroup(r.Context(), r.URL.Query().Get("group"))
	if err != nil {
		return nil, err
	}
	streams, err := s.store.streams(r.Context(), streamFilter{group: group.id, byTime: true, descending: true, limit: 5000})
	list := make([]consoleStream, len(streams))
	for i, f := range streams {
		list[i].Name = f.name
		if f.last != nil {
			list[i].Last = *f.last
		}
	}
	return list, err
}

func (s *Server) consoleGroup(ctx context.Context, name string) (logGroup, error) {
	group, found, err := s.store.group(ctx, name)
	if err == nil && !found {
		err = fmt.Errorf("%w: log group %s", errNotFound, printable(name))
	}
	return group, err
}

type consoleEvent struct {
	ID       string `json:"id"`
	Stream   string `json:"stream"`
	At       int64  `json:"at"` // milliseconds
	Ingested int64  `json:"ingested"`
	Message  string `json:"message"`
	Cut      int    `json:"cut,omitempty"` // bytes of the message that are left out
}

type consolePage struct {
	Events []consoleEvent `json:"events"` // oldest first
	Older  string         `json:"older"`  // what to ask for next; empty when there are none
	Last   int64          `json:"last"`   // the newest batch: a live tail goes on from here
}

const (
	consolePageEvents = 300
	consoleMessage    = 16 << 10
)

// consoleEvents answers the newest events of a group, or of one of its streams, that match a
// search; before is a page's Older.
func (s *Server) consoleEvents(r *http.Request) (*consolePage, error) {
	ctx, form := r.Context(), r.URL.Query()
	follow, err := s.follow(r)
	if err != nil {
		return nil, err
	}
	out := &consolePage{Events: []consoleEvent{}}
	if out.Last, err = s.store.lastBatch(ctx); err != nil {
		return nil, err
	}
	q := eventQuery{group: follow.group.id, from: s.retained(follow.group, nil), to: math.MaxInt64 / 2, backward: true}
	if follow.stream != 0 {
		q.streams = []int64{follow.stream}
	}
	if before := form.Get("before"); before != "" {
		start, ok := parsePosition(before)
		if !ok {
			return nil, fmt.Errorf("%w: before is not a place in the log", errBadRequest)
		}
		q.start = start
	}
	looked := 0
	err = s.store.scan(ctx, q, func(e storedEvent) bool {
		looked++
		if follow.matches.match(e.message) {
			out.Events = append(out.Events, follow.event(e))
		}
		if len(out.Events) == consolePageEvents || looked == maxFilterScan {
			out.Older = e.position.String()
			return false
		}
		return true
	})
	slices.Reverse(out.Events)
	return out, err
}

// A follower knows whose events are asked for, and which of them.
type follower struct {
	group   logGroup
	stream  int64 // 0: all
	names   map[int64]string
	matches *filterPattern
}

// follow reads group, stream and q of a request.
func (s *Server) follow(r *http.Request) (*follower, error) {
	form := r.URL.Query()
	group, err := s.consoleGroup(r.Context(), form.Get("group"))
	if err != nil {
		return nil, err
	}
	f := &follower{group: group, names: make(map[int64]string)}
	if f.matches, err = parseSearch(form.Get("q")); err != nil {
		return nil, fmt.Errorf("%w: %v", errBadRequest, err)
	}
	if name := form.Get("stream"); name != "" {
		stream, found, err := s.store.stream(r.Context(), group.id, name)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("%w: log stream %s", errNotFound, printable(name))
		}
		f.stream = stream.id
		f.names[stream.id] = stream.name
		return f, nil
	}
	return f, s.learnStreams(r.Context(), f)
}

func (s *Server) learnStreams(ctx context.Context, f *follower) error {
	streams, err := s.store.streams(ctx, streamFilter{group: f.group.id})
	for _, stream := range streams {
		f.names[stream.id] = stream.name
	}
	return err
}

func (f *follower) event(e storedEvent) consoleEvent {
	out := consoleEvent{ID: e.position.String(), Stream: f.names[e.stream], At: e.at, Ingested: e.ingested}
	out.Message = string(e.message[:min(len(e.message), consoleMessage)])
	out.Cut = len(e.message) - len(out.Message)
	return out
}

// consoleTail sends new events as they are stored, as server-sent events. It goes on after the
// batch named by Last-Event-ID, or by after, so that a broken connection loses nothing.
func (s *Server) consoleTail(w http.ResponseWriter, r *http.Request) {
	f, err := s.follow(r)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	last, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		http.Error(w, "after is not a number", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // a server's limit on reading a request must not end this answer
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	_, err = fmt.Fprint(w, ": here\n\n")
	for err == nil {
		wake := s.store.news.wait() // before looking, so that nothing slips between
		if last, err = s.sendNew(r.Context(), w, f, last); err != nil {
			return
		}
		if err = out.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-wake:
		case <-beat.C:
			_, err = fmt.Fprint(w, ": still here\n\n") // finds out that the browser has gone
		}
	}
}

// sendNew writes what was stored after a batch and returns the last one.
func (s *Server) sendNew(ctx context.Context, w http.ResponseWriter, f *follower, last int64) (int64, error) {
	for {
		batches, err := s.store.batchesSince(ctx, f.group.id, f.stream, last)
		if err != nil || len(batches) == 0 {
			return last, err
		}
		for _, b := range batches {
			last = b.id
			events, err := s.matchingEvents(ctx, f, b)
			if err != nil {
				return last, err
			}
			if len(events) == 0 {
				continue
			}
			data, err := json.Marshal(events)
			if err != nil {
				return last, err
			}
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", last, data); err != nil {
				return last, err
			}
		}
	}
}

// matchingEvents are a batch's events that the follower asked for; the newest, when there are more
// than a page shows.
func (s *Server) matchingEvents(ctx context.Context, f *follower, b batchRow) ([]consoleEvent, error) {
	if _, known := f.names[b.stream]; !known {
		if err := s.learnStreams(ctx, f); err != nil {
			return nil, err
		}
	}
	packed, err := s.store.batchEvents(ctx, b)
	if err != nil {
		return nil, err
	}
	var events []consoleEvent
	for i := len(packed) - 1; i >= 0 && len(events) < consolePageEvents; i-- {
		if f.matches.match(packed[i].message) {
			events = append(events, f.event(storedEvent{position{packed[i].at, b.id, i}, b.stream, b.ingested, packed[i].message}))
		}
	}
	slices.Reverse(events)
	return events, nil
}
