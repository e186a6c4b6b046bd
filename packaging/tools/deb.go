package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

const (
	arMagic  = "!<arch>\n"
	arHeader = 60
)

// compress puts a data.tar of a .deb through xz. nfpm's own compressor makes it a fifth larger, which is beyond our bound.
func compress(name string) error {
	deb, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	packed, err := recompress(deb, xz)
	if err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	return os.WriteFile(name, packed, 0o644)
}

// recompress replaces the member data.tar of an ar archive by data.tar.xz; the others stay as they are.
func recompress(deb []byte, xz func([]byte) ([]byte, error)) ([]byte, error) {
	rest, ok := bytes.CutPrefix(deb, []byte(arMagic))
	if !ok {
		return nil, errors.New("it is no .deb")
	}
	out := bytes.NewBufferString(arMagic)
	found := false
	for len(rest) >= arHeader {
		header := string(rest[:arHeader])
		size, err := strconv.Atoi(strings.TrimSpace(header[48:58]))
		if err != nil || arHeader+size > len(rest) {
			return nil, fmt.Errorf("member %q is damaged", header[:16])
		}
		body := rest[arHeader : arHeader+size]
		rest = rest[min(arHeader+size+size%2, len(rest)):]
		if strings.TrimRight(header[:16], " /") == "data.tar" {
			found = true
			if body, err = xz(body); err != nil {
				return nil, err
			}
			header = fmt.Sprintf("%-16s%s%-10d%s", "data.tar.xz", header[16:48], len(body), header[58:])
		}
		out.WriteString(header)
		out.Write(body)
		if len(body)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	if !found {
		return nil, errors.New("it has no data.tar")
	}
	return out.Bytes(), nil
}

// xz works on one thread: with several of them, how the stream is cut would depend on the machine. A higher level makes no .deb of ours
// smaller, and takes a small host 65 MiB to unpack.
func xz(plain []byte) ([]byte, error) {
	command := exec.Command("xz", "-6", "-T1", "-c")
	command.Stdin = bytes.NewReader(plain)
	command.Stderr = os.Stderr
	pipe, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%w (it is in the package xz-utils)", err)
	}
	packed, err := io.ReadAll(pipe)
	return packed, errors.Join(err, command.Wait())
}
