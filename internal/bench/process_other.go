//go:build !linux

package main

import (
	"errors"
	"os/exec"
	"time"
)

// supported says why the benchmark cannot run here.
func supported() error {
	return errors.New("this benchmark reads processor time and memory of other processes from /proc: run it on Linux")
}

func ownCPU() (time.Duration, error)     { return 0, supported() }
func cpuOf(int) (time.Duration, error)   { return 0, supported() }
func memoryOf(int) (m memory, err error) { return m, supported() }

const ofMounts, ofNetwork = 0, 0

func apart(int, func() error) error { return supported() }
func mount(string, string) error    { return supported() }
func asGroup(*exec.Cmd) func()      { return func() {} }
