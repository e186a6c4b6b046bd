package listeners

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/internal/durable"
	"go.uber.org/zap"
)

// Pattern is the path of all files of events.
func (e *EventSpool) Pattern() string { return filepath.Join(literally(e.dir), "*", "*"+eventsEnding) }

// literally escapes what is no wildcard in the path of a folder.
func literally(path string) string {
	if os.PathSeparator == '\\' { // which escapes nothing there
		return path
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`).Replace(path)
}

// Waiting tells whether there are files of events, of this run or an earlier one.
func (e *EventSpool) Waiting() bool {
	folders, err := os.ReadDir(e.dir)
	return err == nil && len(folders) > 0
}

// Stream is the log stream that a file's events are for.
func (e *EventSpool) Stream(path string) (s cloudwatch.LogStream, err error) {
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), streamFile))
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read log stream of events: %w", err)
	}
	return s, nil
}

// folderOf is a folder of the stream's own; names of streams hold what names of folders cannot.
func folderOf(s cloudwatch.LogStream) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", s.Group, s.Name, s.Class, s.RetentionDays))
	return hex.EncodeToString(sum[:12])
}

func (e *EventSpool) makeFolder(dir string, s cloudwatch.LogStream) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := durable.MakeDir(dir); err != nil {
		return durable.Cure(err, e.dir)
	}
	return durable.Cure(durable.WriteFile(filepath.Join(dir, streamFile), raw), e.dir)
}

// Mend takes away what a crash left of a line of which nobody was told that it had been written. It is to be called before the
// first Write, and before anybody reads the files.
func (e *EventSpool) Mend() {
	for _, path := range e.files() {
		cut, err := durable.MendLines(path)
		if err != nil {
			e.log.Warn("a file of events cannot be mended", zap.Error(err))
		} else if cut > 0 {
			e.log.Info("an event was being written when the agent ended; what there was of it is left out", zap.Int64("bytes", cut))
		}
	}
	folders, _ := os.ReadDir(e.dir)
	for _, f := range folders {
		_ = durable.RemoveStray(filepath.Join(e.dir, f.Name())) // at worst they stay
	}
}

func (e *EventSpool) files() []string {
	all, _ := filepath.Glob(e.Pattern()) // the pattern is a good one
	return all
}

// count finds out what the folders hold. The folder is the truth: files go away behind the writer's back.
func (e *EventSpool) count(now time.Time) {
	folders, err := os.ReadDir(e.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	var bytes int64
	held := map[string]int64{}
	for _, folder := range folders {
		files, _ := os.ReadDir(filepath.Join(e.dir, folder.Name()))
		for _, f := range files {
			if info, err := f.Info(); err == nil && strings.HasSuffix(f.Name(), eventsEnding) {
				bytes += info.Size()
				held[folder.Name()] += info.Size()
			}
		}
	}
	e.bytes, e.held, e.folders, e.counted = bytes, held, len(folders), now
}

// tidy removes the folders of streams that have no events.
func (e *EventSpool) tidy() {
	used := map[string]bool{}
	for s := range e.open {
		used[folderOf(s)] = true
	}
	folders, _ := os.ReadDir(e.dir)
	for _, f := range folders {
		dir := filepath.Join(e.dir, f.Name())
		files, err := os.ReadDir(dir)
		if err != nil || used[f.Name()] || len(files) > 1 || len(files) == 1 && files[0].Name() != streamFile {
			continue
		}
		if err := durable.Remove(filepath.Join(dir, streamFile)); err == nil {
			err = durable.Remove(dir)
			if err == nil {
				e.folders--
			}
		}
	}
}
