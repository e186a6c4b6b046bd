package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxFileBytes bounds one configuration file; a collect_list of 16,384 entries takes a fifth of it.
const maxFileBytes = 16 << 20

// FromEnvironment is what a path begins with that is the name of an environment variable with a configuration in it.
const FromEnvironment = "env:"

// Load reads files, folders (every regular file in them by name, without dotfiles, *.tmp and YAML), "-", which is
// standard input, and FromEnvironment, merges them, and fills in the environment variables of this process. What could not be read is an error that wraps a file system error; what is wrong in
// them is Problems, as for Parse.
func Load(paths ...string) (*Config, error) { return LoadFor(runtime.GOOS, paths...) }

// LoadFor is Load for a system, which may be another one than this.
func LoadFor(system string, paths ...string) (*Config, error) {
	files, skipped, err := readAll(paths)
	if err != nil {
		return nil, err
	}
	with := onThisHost()
	if system != runtime.GOOS {
		with = []Option{For(system), Environment(os.LookupEnv)}
	}
	c, err := build(files, with...)
	c.Warnings = append(skipped, c.Warnings...)
	return c, err
}

// onThisHost has the configuration read for this system, the environment variables of this process filled in, and what is
// named looked for.
func onThisHost() []Option {
	return []Option{For(runtime.GOOS), Environment(os.LookupEnv), lookingAt(func(path string) bool { _, err := os.Stat(path); return err == nil })}
}

func readAll(paths []string) (files []document, skipped []Problem, err error) {
	if len(paths) == 0 {
		return nil, nil, fmt.Errorf("read configuration: no file was named: %w", fs.ErrInvalid)
	}
	var unread []error
	for _, path := range paths {
		found, odd, err := read(path)
		files, skipped = append(files, found...), append(skipped, odd...)
		if err != nil {
			unread = append(unread, err)
		}
	}
	if len(unread) > 0 {
		return nil, nil, errors.Join(unread...)
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("read configuration: %w", &emptyError{paths, len(skipped) > 0})
	}
	return files, skipped, nil
}

// emptyError says of folders that there is nothing in them to read. To errors.Is it is a file that does not exist.
type emptyError struct {
	folders []string
	yaml    bool // there was some
}

func (e *emptyError) Error() string {
	said := "the folder " + e.folders[0] + " holds no configuration"
	if len(e.folders) > 1 {
		said = "the folders " + strings.Join(e.folders, ", ") + " hold no configuration"
	}
	if e.yaml {
		said += " but YAML, which is not read by this version"
	}
	return said
}

func (e *emptyError) Unwrap() error { return fs.ErrNotExist }

// read gives the documents behind one path.
func read(path string) ([]document, []Problem, error) {
	if path == "-" {
		src, err := bounded(os.Stdin)
		if err != nil {
			return nil, nil, fmt.Errorf("read standard input: %w", err)
		}
		return []document{{"standard input", src}}, nil, nil
	}
	if name, ok := strings.CutPrefix(path, FromEnvironment); ok {
		src, there := os.LookupEnv(name)
		if !there {
			return nil, nil, fmt.Errorf("read configuration: there is no environment variable %q: %w", name, fs.ErrNotExist)
		}
		return []document{{path, []byte(src)}}, nil, nil
	}
	about, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	if !about.IsDir() {
		d, err := readFile(path)
		return []document{d}, nil, err
	}
	return readFolder(path)
}

func readFolder(folder string) ([]document, []Problem, error) {
	entries, err := os.ReadDir(folder) // sorted by name
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	var files []document
	var skipped []Problem
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		if strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		if about, err := os.Stat(name); err != nil { // follows links
			return nil, nil, fmt.Errorf("read configuration: %w", err)
		} else if !about.Mode().IsRegular() {
			continue
		}
		if x := filepath.Ext(name); x == ".yaml" || x == ".yml" {
			skipped = append(skipped, Suspicion(Place{File: name}, "YAML files are not read by this version", "only JSON is"))
			continue
		}
		d, err := readFile(name)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, d)
	}
	return files, skipped, nil
}

func readFile(name string) (document, error) {
	f, err := os.Open(name)
	if err != nil {
		return document{}, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	src, err := bounded(f)
	if err != nil {
		return document{}, fmt.Errorf("read configuration: %w", &fs.PathError{Op: "read", Path: name, Err: err})
	}
	return document{name, src}, nil
}

func bounded(r io.Reader) ([]byte, error) {
	src, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err == nil && len(src) > maxFileBytes {
		err = fmt.Errorf("larger than %d MiB, which no configuration is", maxFileBytes>>20)
	}
	return src, err
}
