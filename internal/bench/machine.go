package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine is where figures were got: without it they mean nothing.
type machine struct {
	Time  time.Time `json:"time"`
	CPU   string    `json:"cpu"`
	Cores int       `json:"cores"`
	Load  string    `json:"load"` // of one, five and fifteen minutes, before the first measurement
	Go    string    `json:"go"`
	OS    string    `json:"os"`
}

func thisMachine() machine {
	m := machine{Time: time.Now().UTC(), Cores: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, rest, _ := strings.Cut(string(raw), "model name")
		line, _, _ := strings.Cut(rest, "\n")
		m.CPU = strings.TrimLeft(line, "\t :")
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		words := strings.Fields(string(raw))
		m.Load = strings.Join(words[:min(3, len(words))], " ")
	}
	return m
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, load %s, %s, %s, %s", m.CPU, m.Cores, m.Load, m.OS, m.Go, m.Time.Format(time.DateOnly))
}
