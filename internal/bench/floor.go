package main

import (
	"bufio"
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/klauspost/compress/gzip"
)

// The limits of PutLogEvents that cut a log into requests: what the agent has to do, the floor does too.
const (
	batchBytes    = 1_048_576
	batchEvents   = 10_000
	eventOverhead = 26
)

// floorCommand is the first argument by which the program, started by itself, is the floor.
const floorCommand = "floor"

// floorResult is what the least that any shipper has to do costs.
type floorResult struct {
	CPU, Wall        time.Duration
	Lines, Bytes     int64
	Requests, OnWire int64 // bodies, and their bytes as sent
}

// measureFloor runs the floor in a process of its own: neither its memory nor its processor time is mixed with ours.
func measureFloor(ctx context.Context, path, compressor string) (r floorResult, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, fmt.Errorf("measure floor: %w", err)
	}
	out, err := exec.CommandContext(ctx, self, floorCommand, compressor, path).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return r, fmt.Errorf("measure floor: %w: %s", err, failed.Stderr)
	} else if err != nil {
		return r, fmt.Errorf("measure floor: %w", err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("measure floor: %w", err)
	}
	return r, nil
}

// beFloor is the other side of measureFloor.
func beFloor(compressor, path string) error {
	f, err := newFloor(compressor)
	if err != nil {
		return err
	}
	before, err := ownCPU()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := f.run(path); err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	f.Wall = time.Since(began)
	after, err := ownCPU()
	if err != nil {
		return err
	}
	f.CPU = after - before
	return json.NewEncoder(os.Stdout).Encode(f.floorResult)
}

// zipper is what both gzip libraries are.
type zipper interface {
	io.WriteCloser
	Reset(io.Writer)
}

// floor reads, splits, escapes, compresses and sums up, in batches, and does nothing else.
type floor struct {
	floorResult
	zip          zipper // nil: bodies are not compressed
	prefix, body []byte
	wire         bytes.Buffer
	events, size int // of the batch
	sum          [sha256.Size]byte
}

func newFloor(compressor string) (f *floor, err error) {
	f = &floor{}
	switch compressor {
	case "none":
	case "gzip":
		f.zip, err = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	case "stdlib":
		f.zip, err = stdgzip.NewWriterLevel(nil, stdgzip.BestSpeed)
	default:
		err = fmt.Errorf("floor: unknown compressor %q", compressor)
	}
	return f, err
}

func (f *floor) run(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 256<<10)
	f.prefix = eventPrefix(f.prefix, time.Now().UnixMilli())
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return f.send()
		} else if err != nil {
			return err
		}
		f.Lines++
		f.Bytes += int64(len(line))
		message := line[:len(line)-1]
		if f.events == batchEvents || f.size+len(message)+eventOverhead > batchBytes {
			if err := f.send(); err != nil {
				return err
			}
			f.prefix = eventPrefix(f.prefix, time.Now().UnixMilli())
		}
		f.add(message)
	}
}

func (f *floor) add(message []byte) {
	f.body = appendEvent(f.body, f.prefix, message)
	f.events++
	f.size += len(message) + eventOverhead
}

func (f *floor) send() error {
	wire := f.body
	if f.zip != nil {
		f.wire.Reset()
		f.zip.Reset(&f.wire)
		if _, err := f.zip.Write(f.body); err != nil {
			return err
		}
		if err := f.zip.Close(); err != nil {
			return err
		}
		wire = f.wire.Bytes()
	}
	f.sum = sha256.Sum256(wire)
	f.Requests++
	f.OnWire += int64(len(wire))
	f.body, f.events, f.size = f.body[:0], 0, 0
	return nil
}
