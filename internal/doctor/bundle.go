package doctor

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/output"
)

// Part is a file of the archive, before anything is blotted out of it.
type Part struct {
	Name        string
	Text        []byte
	Environment bool  // it is env-config.json
	Err         error // why it is left out
}

// Packed is what became of a part.
type Packed struct {
	Name    string
	Bytes   int
	Blotted int   // secrets that were taken out
	Err     error // why it was left out
}

// ownLogTail is how much of the agent's own log goes along, in bytes.
const ownLogTail = 2 << 20

// partPatience is how long the parts are waited for, which are read at the same time: a mount may hang.
const partPatience = 1500 * time.Millisecond

// Parts are what a bug report wants to know, as it is: nothing of any log file but the agent's own, and of its state the
// names alone.
func Parts(w *World, report []byte) []Part {
	ctx, cancel := context.WithTimeout(context.Background(), partPatience)
	defer cancel()
	g := gathering{ctx: ctx}
	g.read(w, "config/common-config.toml", w.CommonFile)
	g.read(w, "config/env-config.json", w.EnvironmentFile)
	if w.Config != nil && filepath.IsAbs(w.Config.Agent.LogFile) && !strings.HasPrefix(w.Config.Agent.LogFile, "/dev/") {
		g.add("agent.log", func() ([]byte, error) { return w.Host.Tail(w.Config.Agent.LogFile, ownLogTail) })
	}
	g.add("system/state.txt", func() ([]byte, error) { return listing(w) })
	g.add("system/limits.txt", func() ([]byte, error) { return limits(w), nil })
	g.read(w, "system/mounts.txt", "/proc/self/mountinfo")
	g.add("system/df.txt", func() ([]byte, error) { return room(w), nil })
	g.read(w, "system/kernel.txt", "/proc/version")
	g.read(w, "system/os-release.txt", "/etc/os-release")
	for i, path := range awaited(ctx, func() []string { return configFiles(w) }, func() []string { return nil }) {
		g.read(w, fmt.Sprintf("config/%02d-%s", i, filepath.Base(path)), path)
	}
	parts := []Part{{Name: "doctor.json", Text: report}, statusPart(w.Status, w.NoStatus)}
	for _, get := range g.parts {
		p := get()
		if p.Environment = p.Name == "config/env-config.json"; !p.Environment || !errors.Is(p.Err, fs.ErrNotExist) {
			parts = append(parts, p)
		}
	}
	return parts
}

// gathering reads parts at the same time.
type gathering struct {
	ctx   context.Context
	parts []func() Part
}

func (g *gathering) add(name string, get func() ([]byte, error)) {
	done := make(chan Part, 1)
	go func() {
		text, err := get()
		done <- Part{Name: name, Text: text, Err: err}
	}()
	g.parts = append(g.parts, func() Part {
		return awaited(g.ctx, func() Part { return <-done }, func() Part {
			return Part{Name: name, Err: fmt.Errorf("it could not be read within %s", partPatience)}
		})
	})
}

func (g *gathering) read(w *World, name, path string) {
	if path != "" {
		g.add(name, func() ([]byte, error) { return w.Host.ReadFile(path) })
	}
}

// awaited is what comes within a context, or what is to stand for it: a mount that hangs cannot be interrupted.
func awaited[T any](ctx context.Context, get, instead func() T) T {
	done := make(chan T, 1)
	go func() { done <- get() }()
	select {
	case v := <-done:
		return v
	case <-ctx.Done():
		return instead()
	}
}

// statusPart leaves the logs' paths and counts in: they are what reports are about.
func statusPart(s *agent.Status, why error) Part {
	if s == nil {
		return Part{Name: "status.json", Err: cmp.Or(why, errors.New("no agent answers"))}
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	return Part{Name: "status.json", Text: append(raw, '\n'), Err: err}
}

// configFiles are the files behind the sources.
func configFiles(w *World) (files []string) {
	for _, source := range w.Sources {
		if source == "-" {
			continue
		}
		entries, err := w.Host.ReadDir(source)
		if err != nil {
			files = append(files, source)
			continue
		}
		for _, e := range entries {
			if e.Type().IsRegular() {
				files = append(files, filepath.Join(source, e.Name()))
			}
		}
	}
	return files
}

// listing is what ls -lR says of the state folder.
func listing(w *World) ([]byte, error) {
	var out bytes.Buffer
	for _, dir := range []string{w.State, filepath.Join(w.State, "spool")} {
		entries, err := w.Host.ReadDir(dir)
		if err != nil {
			fmt.Fprintf(&out, "%s: %v\n", dir, err)
			continue
		}
		fmt.Fprintf(&out, "%s:\n", dir)
		for _, e := range entries {
			node, err := w.Host.Node(filepath.Join(dir, e.Name()))
			if err != nil {
				continue // it is gone
			}
			changed := ""
			if info, err := e.Info(); err == nil {
				changed = info.ModTime().UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(&out, "%s %d %d %12d %s %s\n", node, node.UID, node.GID, node.Size, changed, e.Name())
		}
	}
	return out.Bytes(), nil
}

func limits(w *World) []byte {
	var out bytes.Buffer
	for _, name := range []string{"max_user_watches", "max_user_instances", "max_queued_events"} {
		n, err := w.kernelNumber("fs/inotify/" + name)
		fmt.Fprintf(&out, "fs.inotify.%s = %d%s\n", name, n, because(err))
	}
	if w.Status != nil {
		raw, err := w.Host.ReadFile(fmt.Sprintf("/proc/%d/limits", w.Status.PID))
		fmt.Fprintf(&out, "\nof the agent:%s\n%s", because(err), raw)
	}
	return out.Bytes()
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}

func room(w *World) []byte {
	var out bytes.Buffer
	paths := []string{w.State}
	if w.Config != nil && filepath.IsAbs(w.Config.Agent.LogFile) {
		paths = append(paths, filepath.Dir(w.Config.Agent.LogFile))
	}
	for _, path := range append(paths, "/") {
		path = nearest(w.Host.Node, path)
		d, err := w.Host.Disk(path)
		fmt.Fprintf(&out, "%s: %s of %s free, %d of %d inodes free, read-only: %t%s\n", path, output.Bytes(d.Free), output.Bytes(d.Size), d.FreeInodes, d.Inodes, d.ReadOnly, because(err))
	}
	return out.Bytes()
}

// Pack writes the archive (a compressed tar), every part of it without its secrets, and says what it holds. The last file of
// the archive says the same.
func Pack(to io.Writer, r *Redactor, parts []Part, now time.Time) (packed []Packed, err error) {
	zip := gzip.NewWriter(to)
	archive := tar.NewWriter(zip)
	put := func(name string, text []byte) error {
		err := archive.WriteHeader(&tar.Header{Name: "nephoscope-doctor/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: now, Format: tar.FormatPAX})
		if err == nil {
			_, err = archive.Write(text)
		}
		return err
	}
	for _, p := range parts {
		name, _ := r.Redact([]byte(p.Name))
		one := Packed{Name: string(name), Err: p.Err}
		if p.Err == nil {
			var text []byte
			if p.Environment {
				text, one.Blotted = r.RedactEnvironment(p.Text)
			} else {
				text, one.Blotted = r.Redact(p.Text)
			}
			one.Bytes = len(text)
			if err := put(one.Name, text); err != nil {
				return packed, fmt.Errorf("write archive: %w", err)
			}
		}
		packed = append(packed, one)
	}
	contents, _ := r.Redact([]byte(Contents(packed)))
	return packed, errors.Join(wrap(put("CONTENTS.txt", contents)), wrap(archive.Close()), wrap(zip.Close()))
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}

// Contents lists what is in an archive, and what is not.
func Contents(packed []Packed) string {
	var out strings.Builder
	for _, p := range packed {
		switch {
		case p.Err != nil:
			fmt.Fprintf(&out, "  %-34s left out: %s\n", output.Printable(p.Name), output.Printable(p.Err.Error()))
		case p.Blotted > 0:
			fmt.Fprintf(&out, "  %-34s %9s, %s blotted out\n", output.Printable(p.Name), output.Bytes(p.Bytes), output.Count(p.Blotted, "secret"))
		default:
			fmt.Fprintf(&out, "  %-34s %9s\n", output.Printable(p.Name), output.Bytes(p.Bytes))
		}
	}
	out.WriteString("Blotted out: credentials and their ids, passwords in URLs, tokens, private keys, values of keys that sound secret, the values of\n" +
		"env-config.json but for a few harmless names. Not in it: what log files say (their paths are), checkpoints, spooled metrics.\n")
	return out.String()
}
