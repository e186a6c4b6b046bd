//go:build !linux

package doctor

import (
	"context"
	"io"
	"os"

	"github.com/nephoscope/nephoscope/tailer"
)

// ThisHost is the machine that this runs on. Whose files are and what the kernel allows is looked at on Linux only.
func ThisHost() Host {
	return Host{
		Node: func(string) (Node, error) { return Node{}, ErrElsewhere }, ReadDir: os.ReadDir, Present: once(tailer.FindPresent), Group: func(int) string { return "" }, Owner: func(int) string { return "" },
		ReadFile: func(path string) ([]byte, error) {
			if len(path) > 6 && path[:6] == "/proc/" {
				return nil, ErrElsewhere
			}
			return os.ReadFile(path)
		},
		Tail: func(path string, most int64) ([]byte, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return io.ReadAll(io.LimitReader(f, most))
		},
		Disk:      func(string) (Disk, error) { return Disk{}, ErrElsewhere },
		Processes: func() ([]Process, error) { return nil, ErrElsewhere },
		Units:     func(context.Context, ...string) ([]Unit, error) { return nil, ErrElsewhere },
		Inotify:   func(int, int) (Inotify, error) { return Inotify{}, ErrElsewhere },
		Clock:     func() (Clock, error) { return Clock{}, ErrElsewhere },
		OpenFiles: func() (uint64, error) { return 0, ErrElsewhere },
	}
}

// UserOfProcess is not known here.
func UserOfProcess(int) (Who, error) { return Who{}, ErrElsewhere }

// EnvironmentOfProcess is not known here.
func EnvironmentOfProcess(int) ([]string, error) { return nil, ErrElsewhere }
