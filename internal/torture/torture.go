package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// torture is one run.
type torture struct {
	options
	dir     string
	history *history
	service *service
	agent   *agent
	writers []*writer
	sender  *sender

	mu     sync.Mutex
	counts counts
	wrong  []string // what went wrong besides lines
	notes  []string
}

// counts are what was done to the agent.
type counts struct {
	Kills     int            `json:"kills"` // SIGKILL
	Stops     int            `json:"stops"` // SIGTERM
	Rotations map[string]int `json:"rotations"`
	Outages   int            `json:"outages"` // of everything
	Faults    map[string]int `json:"faults"`  // outages included
	Struck    int64          `json:"struck"`  // calls
}

func (c counts) rotations() (n int) {
	for _, of := range c.Rotations {
		n += of
	}
	return n
}

const (
	// endTime is how long everything may take to arrive once all is well: the agent's longest wait between two attempts,
	// several times over.
	endTime = 3 * time.Minute
	// firstTime is how long the first line of each file may take.
	firstTime = time.Minute
)

// run tortures an agent, and reports. The error is of what kept it from doing so.
func run(ctx context.Context, o options, dir string) (r *report, err error) {
	t := &torture{options: o, dir: dir, counts: counts{Rotations: map[string]int{}, Faults: map[string]int{}}}
	if t.history, err = openHistory(filepath.Join(dir, "history.log")); err != nil {
		return nil, err
	}
	defer t.history.close()
	if t.service, err = startService(filepath.Join(dir, "store"), t.history); err != nil {
		return nil, err
	}
	defer t.service.close()
	if err := t.prepare(); err != nil {
		return nil, err
	}
	if err := t.agent.start(); err != nil {
		return nil, err
	}
	defer t.agent.kill()

	// Writers go on until nobody rotates any more: a rotation waits for its writer.
	lines, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var writing sync.WaitGroup
	for _, w := range t.writers {
		writing.Go(func() { w.run(lines) })
	}
	writing.Go(func() { t.sender.run(lines) })
	err = t.hurt(ctx)
	cancel()
	writing.Wait()
	if err != nil {
		return nil, err
	}
	return t.end(ctx)
}

// prepare makes the files, the configuration and the agent.
func (t *torture) prepare() error {
	logs := filepath.Join(t.dir, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	var files []map[string]any
	for i := range t.files {
		w, err := newWriter(logs, i, t)
		if err != nil {
			return err
		}
		t.writers = append(t.writers, w)
		files = append(files, w.entry())
	}
	var err error
	if t.sender, err = newSender(t); err != nil {
		return err
	}
	section := map[string]any{"metrics_collected": t.sender.section(), "force_flush_interval": 1, "logs_collected": map[string]any{"files": map[string]any{"collect_list": files}}}
	raw, err := json.MarshalIndent(map[string]any{
		"agent": map[string]any{"region": "eu-west-1"}, "logs": section, "nephoscope": map[string]any{"read_back": t.readBack},
	}, "", "\t")
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	t.agent, err = newAgent(t.options.agent, t.dir, t.service.url, raw)
	return err
}

// hurt does to the agent all that is done to it, for as long as it was asked to.
func (t *torture) hurt(ctx context.Context) error {
	first, cancel := context.WithTimeout(ctx, firstTime)
	defer cancel()
	for _, w := range t.writers {
		if err := t.arrived(first, w, 1); err != nil {
			return fmt.Errorf("wait for the first line of each file: %w", err)
		}
	}
	t.history.note("every file has begun to arrive")
	hurting, stop := context.WithTimeout(ctx, t.duration)
	defer stop()
	var actors sync.WaitGroup
	actors.Go(func() { t.killForever(hurting, t.random(1)) })
	actors.Go(func() { t.rotateForever(hurting, ctx, t.random(2)) })
	actors.Go(func() { t.failForever(hurting, t.random(3)) })
	actors.Go(func() { t.reportForever(hurting) })
	actors.Wait()
	t.history.note("all is well again")
	return ctx.Err()
}

// random is an actor's own source: what one draws does not depend on what the others do meanwhile.
func (t *torture) random(actor uint64) *rand.Rand { return rand.New(rand.NewPCG(t.seed, actor)) }

// end waits until everything has arrived, stops the agent and reports.
func (t *torture) end(ctx context.Context) (*report, error) {
	began := time.Now()
	waiting, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	for _, w := range t.writers {
		if err := t.arrived(waiting, w, w.number()); err != nil {
			t.blame("%s: its last line, %d, has not arrived %s after everything was well", w.name, w.number(), endTime)
			break
		}
	}
	results, err := t.verify()
	for i := 0; i < 4 && err == nil && anyLost(results) && pause(waiting, 5*time.Second); i++ {
		results, err = t.verify() // what was out of order may be on its way
	}
	if err != nil {
		return nil, err
	}
	caught := time.Since(began)
	t.checkLedgers(waiting)
	t.checkSpool(waiting)
	if err := t.agent.stop(); err != nil {
		t.blame("%v", err)
	}
	if results, err = t.verify(); err != nil {
		return nil, err
	}
	if err := writeArrivals(filepath.Join(t.dir, "arrivals.log"), results); err != nil {
		return nil, err
	}
	return t.report(results, caught), ctx.Err()
}

// blame notes that something went wrong.
func (t *torture) blame(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.history.note("PROBLEM: %s", text)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrong = append(t.wrong, text)
}

// arrived waits until the store holds a line of a file, or a later one.
func (t *torture) arrived(ctx context.Context, w *writer, number int) error {
	for {
		newest, err := t.service.newest(w)
		if err != nil || newest >= number {
			return err
		}
		select {
		case err := <-t.agent.failed:
			t.agent.fail(err) // the report says it too
			return err
		default:
		}
		if !pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("%s: line %d has not arrived, the newest is %d: %w", w.name, number, newest, ctx.Err())
		}
	}
}

// pause returns false when ctx was done first.
func pause(ctx context.Context, length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// between draws a length of time.
func between(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)+1))
}

// reportForever says every ten seconds how far it is.
func (t *torture) reportForever(ctx context.Context) {
	began := time.Now()
	for pause(ctx, 10*time.Second) {
		lines, behind := 0, 0
		for _, w := range t.writers {
			number := w.number()
			lines += number
			newest, err := t.service.newest(w)
			if err != nil {
				t.blame("look for what has arrived: %v", err)
			}
			behind += max(0, number-newest)
		}
		t.mu.Lock()
		c := t.counts
		text := fmt.Sprintf("%4.0fs: %d events written, %d not there yet; %d kills, %d stops, %d rotations, %d outages of %d faults",
			time.Since(began).Seconds(), lines, behind, c.Kills, c.Stops, c.rotations(), c.Outages, sum(c.Faults))
		t.mu.Unlock()
		t.history.note("%s", text)
		fmt.Fprintln(t.progress, text)
	}
}

func sum(of map[string]int) (n int) {
	for _, v := range of {
		n += v
	}
	return n
}
