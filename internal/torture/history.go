package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// history is what was done, and when; written at once, for whoever has to understand a loss.
type history struct {
	mu    sync.Mutex
	began time.Time
	file  *os.File
}

func openHistory(path string) (*history, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return &history{began: time.Now(), file: file}, nil
}

func (h *history) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	_, _ = fmt.Fprintf(h.file, "%s %8.3f %s\n", now.UTC().Format("15:04:05.000"), now.Sub(h.began).Seconds(), fmt.Sprintf(format, args...)) // it helps; it does not decide
}

func (h *history) close() { _ = h.file.Close() }
