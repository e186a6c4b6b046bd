package migrate

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// maxBytes bounds a configuration file, as config bounds its own.
const maxBytes = 16 << 20

// document is one file, as it was read.
type document struct {
	name string
	src  []byte
}

func readDocument(name string) (document, error) {
	f, err := os.Open(name)
	if err != nil {
		return document{}, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(src) > maxBytes {
		err = fmt.Errorf("larger than %d MiB, which no configuration is", maxBytes>>20)
	}
	if err != nil {
		return document{}, fmt.Errorf("read configuration: %w", &fs.PathError{Op: "read", Path: name, Err: err})
	}
	return document{name, src}, nil
}

// body is the text without a byte order mark.
func (d document) body() string { return strings.TrimPrefix(string(d.src), "\ufeff") }

// at is a place in it.
func (d document) at(line, column int, path string) config.Place {
	return config.Place{File: d.name, Line: line, Column: column, Path: path}
}

// indentation is how many bytes of white space a line begins with.
func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " \t\v\f\r")) }
