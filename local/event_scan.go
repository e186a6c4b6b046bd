package local

import (
	"container/heap"
	"context"
	"slices"
)

// scan calls each for a query's events in order until it returns false. Batches overlap in time, so
// it merges them; a batch is unpacked only when its turn comes.
func (s *store) scan(ctx context.Context, q eventQuery, each func(storedEvent) bool) error {
	if q.start != nil && q.backward {
		q.to = min(q.to, q.start.at+1)
	} else if q.start != nil {
		q.from = max(q.from, q.start.at)
	}
	m := merge{store: s, query: &q}
	if err := m.fetch(ctx); err != nil {
		return err
	}
	for {
		if err := m.openDue(ctx); err != nil {
			return err
		}
		if len(m.open) == 0 {
			return nil
		}
		next := m.open[0]
		e := next.event()
		if !next.advance() {
			heap.Pop(&m.open)
		} else {
			heap.Fix(&m.open, 0)
		}
		if m.wanted(e) && !each(e) {
			return nil
		}
	}
}

// A merge is a scan under way.
type merge struct {
	store   *store
	query   *eventQuery
	waiting []batchRow // listed and not yet open
	last    *batchRow  // of those listed so far
	ended   bool       // no more are to be listed
	open    cursors
}

// fetch lists more batches when none is waiting.
func (m *merge) fetch(ctx context.Context) error {
	for len(m.waiting) == 0 && !m.ended {
		page, err := m.store.batches(ctx, m.query, m.last)
		if err != nil {
			return err
		}
		m.ended = len(page) < batchPage
		if len(page) > 0 {
			m.last = &page[len(page)-1]
		}
		for _, b := range page {
			if m.query.streams == nil || slices.Contains(m.query.streams, b.stream) {
				m.waiting = append(m.waiting, b)
			}
		}
	}
	return nil
}

// openDue opens every batch that may hold the next event.
func (m *merge) openDue(ctx context.Context) error {
	for {
		if err := m.fetch(ctx); err != nil {
			return err
		}
		if len(m.waiting) == 0 || !m.due(m.waiting[0]) {
			return nil
		}
		b := m.waiting[0]
		m.waiting = m.waiting[1:]
		events, err := m.store.batchEvents(ctx, b)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			continue
		}
		c := &cursor{batch: b, events: events, backward: m.query.backward}
		if c.backward {
			c.index = len(events) - 1
		}
		heap.Push(&m.open, c)
	}
}

func (m *merge) due(b batchRow) bool {
	if len(m.open) == 0 {
		return true
	}
	head := m.open[0].event().at
	if m.query.backward {
		return b.last >= head
	}
	return b.first <= head
}

func (m *merge) wanted(e storedEvent) bool {
	q := m.query
	if e.at < q.from || e.at >= q.to {
		return false
	}
	if q.start == nil {
		return true
	}
	return e.position.before(*q.start) == q.backward
}

// A cursor stands at an event of an open batch.
type cursor struct {
	batch    batchRow
	events   []packedEvent
	index    int
	backward bool
}

func (c *cursor) event() storedEvent {
	e := c.events[c.index]
	return storedEvent{position{e.at, c.batch.id, c.index}, c.batch.stream, c.batch.ingested, e.message}
}

func (c *cursor) advance() bool {
	if c.backward {
		c.index--
		return c.index >= 0
	}
	c.index++
	return c.index < len(c.events)
}

// cursors is a heap: the one whose event comes first is on top.
type cursors []*cursor

func (h cursors) Len() int { return len(h) }
func (h cursors) Less(i, j int) bool {
	a, b := h[i].event().position, h[j].event().position
	if h[i].backward {
		return b.before(a)
	}
	return a.before(b)
}
func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push and Pop are for package heap.
func (h *cursors) Push(x any) {
	if c, ok := x.(*cursor); ok {
		*h = append(*h, c)
	}
}

// Pop takes the last one off.
func (h *cursors) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
