package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// rotation is one way of rotating a log. It returns when the file may be rotated again.
type rotation struct {
	name   string
	often  int
	rotate func(*torture, context.Context, *writer, *rand.Rand) error
}

var rotations = []rotation{
	{"rename", 4, (*torture).rename},
	{"create", 3, (*torture).create},
	{"copytruncate", 4, (*torture).copytruncate},
	{"gzip", 4, (*torture).renameAndGzip},
	{"copytruncate+gzip", 2, (*torture).copytruncateAndGzip},
	{"delete", 1, (*torture).deleteOpen},
}

// slowest is how long a writer goes on writing to a file that was rotated away. The agent waits for three seconds of quiet.
const slowest = 2 * time.Second

// rotateForever rotates a file every now and then, several at a time. What was begun when ctx is done is brought to its end,
// for as long as the whole run lasts: half a rotation is not what anybody does.
func (t *torture) rotateForever(ctx, whole context.Context, random *rand.Rand) {
	var chances []rotation
	for _, r := range rotations {
		chances = append(chances, slices.Repeat([]rotation{r}, r.often)...)
	}
	mean := min(max(t.duration/500, 700*time.Millisecond), 1200*time.Millisecond)
	var under sync.WaitGroup
	defer under.Wait()
	for pause(ctx, between(random, 0, 2*mean)) {
		w, how := t.writers[random.IntN(len(t.writers))], chances[random.IntN(len(chances))]
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		if !w.busy.TryLock() {
			continue
		}
		under.Go(func() {
			defer w.busy.Unlock()
			err := how.rotate(t, whole, w, own)
			if errors.Is(err, errNotNow) || whole.Err() != nil {
				return
			}
			if err != nil {
				t.blame("rotate %s by %s: %v", w.name, how.name, err)
			}
			t.count(func(c *counts) { c.Rotations[how.name]++ })
		})
	}
}

var errNotNow = errors.New("it cannot be done now")

// moveAway renames the file; the writer goes on writing to it. An empty one may take its place at once.
func (t *torture) moveAway(w *writer, replaced bool) (rotated string, err error) {
	if rotated, err = w.rotatedName(); err != nil {
		return "", err
	}
	if err := os.Rename(w.path, rotated); err != nil {
		return "", err
	}
	t.history.note("%s: renamed to %s at event %d or so", w.name, filepath.Base(rotated), w.number())
	if !replaced {
		return rotated, nil
	}
	file, err := os.OpenFile(w.path, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	return rotated, file.Close()
}

// rename: nothing is in its place until the writer opens it anew.
func (t *torture) rename(_ context.Context, w *writer, random *rand.Rand) error {
	if _, err := t.moveAway(w, false); err != nil {
		return err
	}
	<-w.reopenIn(between(random, 0, slowest))
	return nil
}

// create: an empty file is in its place at once, and the writer opens it later.
func (t *torture) create(_ context.Context, w *writer, random *rand.Rand) error {
	if _, err := t.moveAway(w, true); err != nil {
		return err
	}
	<-w.reopenIn(between(random, 0, slowest))
	return nil
}

func (t *torture) renameAndGzip(ctx context.Context, w *writer, random *rand.Rand) error {
	rotated, err := t.moveAway(w, false)
	if err != nil {
		return err
	}
	<-w.reopenIn(between(random, 0, slowest))
	pause(ctx, between(random, 0, time.Second))
	return t.compress(w, rotated)
}

func (t *torture) copytruncate(_ context.Context, w *writer, _ *rand.Rand) error {
	_, err := t.copyAndTruncate(w)
	return err
}

func (t *torture) copytruncateAndGzip(ctx context.Context, w *writer, random *rand.Rand) error {
	copied, err := t.copyAndTruncate(w)
	if err != nil {
		return err
	}
	pause(ctx, between(random, 0, time.Second))
	return t.compress(w, copied)
}

// copyAndTruncate holds the writer up meanwhile: what it wrote between the copy and the truncation nobody could save.
func (t *torture) copyAndTruncate(w *writer) (copied string, err error) {
	arrived, err := t.service.newest(w)
	if err != nil {
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if copied, err = w.rotatedName(); err != nil {
		return "", err
	}
	from, err := os.Open(w.path)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.OpenFile(copied, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	size, err := io.Copy(to, from)
	if err := errors.Join(err, to.Close()); err != nil {
		return "", err
	}
	t.history.note("%s: copied to %s and truncated at event %d, byte %d; %d of its events had arrived", w.name, filepath.Base(copied),
		w.events, size, max(0, arrived-w.first+1))
	w.first = w.events + 1
	return copied, os.Truncate(w.path, 0)
}

// compress does what gzip(1) does: it writes beside the file, keeps its time, and removes it.
func (t *torture) compress(w *writer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path+".gz", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	zip := gzip.NewWriter(to)
	_, err = io.Copy(zip, from)
	if err := errors.Join(err, zip.Close(), to.Close(), os.Chtimes(path+".gz", time.Time{}, info.ModTime()), os.Remove(path)); err != nil {
		return err
	}
	t.history.note("%s: compressed %s", w.name, filepath.Base(path))
	return nil
}

// deleteTime is how long a deleted file may take to arrive; until then the agent is not killed, because nobody could read
// the file after that.
const deleteTime = 2 * time.Minute

// deleteOpen deletes the file while the agent surely has it open. The writer goes on writing to it for a while.
func (t *torture) deleteOpen(ctx context.Context, w *writer, random *rand.Rand) error {
	t.agent.hold.Lock()
	defer t.agent.hold.Unlock()
	info, err := os.Stat(w.path)
	if err != nil {
		return err
	}
	if !t.followed(ctx, info) {
		t.history.note("%s: not deleted, because the agent has not opened it", w.name)
		return errNotNow
	}
	if err := os.Remove(w.path); err != nil {
		return err
	}
	t.history.note("%s: deleted at event %d or so", w.name, w.number())
	<-w.reopenIn(between(random, 0, slowest))
	last := w.number()
	arriving, cancel := context.WithTimeout(ctx, deleteTime)
	defer cancel()
	if err := t.arrived(arriving, w, last); err != nil {
		return fmt.Errorf("wait for the rest of a deleted file: %w", err)
	}
	t.history.note("%s: the deleted file has arrived", w.name)
	return nil
}

// followed tells whether the agent keeps a file open; one that it only looks into is closed a moment later.
func (t *torture) followed(ctx context.Context, file os.FileInfo) bool {
	looks, before := 0, ""
	for range 100 {
		now := t.agent.hasOpen(file)
		if now != "" && now == before {
			looks++
		} else {
			looks = 0
		}
		if before = now; looks == 3 {
			return true
		}
		pause(ctx, 50*time.Millisecond)
	}
	return false
}

// rotatedName is the name that the file gets next. Numbered ones move on to make room.
func (w *writer) rotatedName() (string, error) {
	if !w.numbered {
		return w.path + "-" + time.Now().UTC().Format("20060102-150405.000000"), nil
	}
	older, err := filepath.Glob(w.path + ".*")
	if err != nil {
		return "", err
	}
	type place struct {
		number int
		zipped string
	}
	var places []place
	for _, path := range older {
		rest, zipped := strings.CutSuffix(path[len(w.path)+1:], ".gz")
		number, err := strconv.Atoi(rest)
		if err != nil {
			return "", fmt.Errorf("%s is no rotated log", path)
		}
		places = append(places, place{number, map[bool]string{true: ".gz"}[zipped]})
	}
	slices.SortFunc(places, func(a, b place) int { return b.number - a.number })
	for _, p := range places {
		from, to := fmt.Sprintf("%s.%d%s", w.path, p.number, p.zipped), fmt.Sprintf("%s.%d%s", w.path, p.number+1, p.zipped)
		if err := os.Rename(from, to); err != nil {
			return "", err
		}
	}
	return w.path + ".1", nil
}
