package scrape

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// yamlLine is how the YAML reader says where it stopped.
var yamlLine = regexp.MustCompile(`line ([0-9]+)`)

// reader reads one YAML file and notes what is wrong with it. Its notes never hold a value that may be a secret.
type reader struct {
	file     string
	problems config.Problems
	elements int  // of lists and mappings, so far
	full     bool // there were too many, which has been said
	depth    int  // of << in <<
	noted    int  // mistakes, of which some are in problems
}

const (
	// maxProblems bounds the mistakes that are said of one file.
	maxProblems = 1000
	// maxDepth bounds what is merged into what is merged.
	maxDepth = 20
)

// maxElements bounds what aliases of aliases can make of a small file. No file of targets that is written out has as many.
const maxElements = 3_000_000

// open is the first document of the file; nil: it is empty, or no YAML, which is noted. The error says that it could not be read.
func (r *reader) open() (*yaml.Node, error) {
	raw, err := readSmall(r.file)
	if err != nil {
		return nil, err
	}
	return r.parse(raw), nil
}

func (r *reader) parse(raw []byte) *yaml.Node {
	var root yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(raw))
	if err := documents.Decode(&root); err != nil && err != io.EOF {
		line := 1
		if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
			line, _ = strconv.Atoi(found[1])
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
		r.wrong(config.Place{File: r.file, Line: max(line, 1), Column: 1}, "not YAML: "+strings.TrimPrefix(text, "line "+strconv.Itoa(line)+": "),
			"indentation is by spaces, and a value with : or # in it is quoted")
		return nil
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) == 0 {
		return nil
	}
	var second yaml.Node
	if documents.Decode(&second) == nil && len(second.Content) > 0 && !isNull(second.Content[0]) {
		r.warn(config.Place{File: r.file, Line: max(second.Line, 1), Column: 1}, "another document begins: only the first is read", "put all of it into one")
	}
	return &root
}

// maxFile is the largest file that is read: configurations, targets, credentials.
const maxFile = 16 << 20

// readSmall reads a regular file of a sensible size.
func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, cause(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("read %s: it is no regular file", name)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("read %s: it has more than %d MiB", name, maxFile>>20)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, cause(err))
	}
	return raw, nil
}

// cause is an error without the operation and the path, which its message has already.
func cause(err error) error {
	if of, ok := errors.AsType[*os.PathError](err); ok {
		return of.Err
	}
	return err
}

func (r *reader) at(n *yaml.Node, path string) config.Place {
	return config.Place{File: r.file, Line: n.Line, Column: n.Column, Path: path}
}

func (r *reader) wrong(at config.Place, text, hint string) {
	if r.noted++; r.noted < maxProblems {
		r.problems = append(r.problems, config.Mistake(at, text, hint))
	} else if r.noted == maxProblems {
		r.problems = append(r.problems, config.Mistake(at, "there are more mistakes from here on", "mend those first"))
	}
}

func (r *reader) warn(at config.Place, text, hint string) {
	r.problems = append(r.problems, config.Suspicion(at, text, hint))
}

// mistakes tells how many have been noted.
func (r *reader) mistakes() int { return r.noted }

// keys is what a mapping may hold: what to do with each value.
type keys map[string]func(n *yaml.Node, path string)

// mapping reads each key once; also are keys that are known, and why they have no effect here.
func (r *reader) mapping(n *yaml.Node, path string, known keys, also map[string]string) {
	n = resolved(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(r.at(n, path), "here should be a mapping (key: value), not "+kind(n), "")
		return
	}
	for _, m := range r.members(n, path) {
		key, value, below := m.key, m.value, m.path
		if read := known[key.Value]; read != nil {
			read(value, below)
		} else if why, ok := also[key.Value]; ok {
			r.warn(r.at(key, below), "has no effect here", why)
		} else {
			all := slices.Concat(slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(also)))
			r.wrong(r.at(key, below), "unknown key", config.Suggestion(key.Value, all))
		}
	}
}

// member is one key of a mapping, its value, and its path.
type member struct {
	key, value *yaml.Node
	path       string
}

// members are those of a mapping, each key once, and then those that << brings in: what stands in the mapping itself counts more,
// and of several that are merged the first one.
func (r *reader) members(n *yaml.Node, path string) (all []member) {
	seen, merged := map[string]int{}, []*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolved(n.Content[i]), resolved(n.Content[i+1])
		if key.Tag == "!!merge" {
			if value.Kind == yaml.SequenceNode {
				merged = append(merged, value.Content...)
			} else {
				merged = append(merged, value)
			}
			continue
		}
		m := member{key, value, strings.TrimPrefix(path+"."+key.Value, ".")}
		if line, twice := seen[key.Value]; twice {
			r.wrong(r.at(key, m.path), fmt.Sprintf("the key is there twice: first in line %d", line), "leave one of them")
			continue
		}
		seen[key.Value] = key.Line
		all = append(all, m)
	}
	r.depth++
	defer func() { r.depth-- }()
	for _, from := range merged {
		switch from = resolved(from); {
		case !r.room(n, path):
			return all
		case r.depth > maxDepth:
			r.wrong(r.at(from, path), "<< leads in a circle", "")
			return all
		case from.Kind != yaml.MappingNode:
			r.wrong(r.at(from, path), "<< takes a mapping, or a list of them, not "+kind(from), "such as *name, of one that &name stands before")
		default:
			for _, m := range r.members(from, path) {
				if _, there := seen[m.key.Value]; !there {
					seen[m.key.Value] = m.key.Line
					all = append(all, m)
				}
			}
		}
	}
	r.elements += len(all)
	return all
}

// room counts an element; false: there have been too many.
func (r *reader) room(n *yaml.Node, path string) bool {
	if r.elements++; r.elements <= maxElements {
		return true
	}
	if !r.full {
		r.full = true
		r.wrong(r.at(n, path), fmt.Sprintf("the file has more than %d elements", maxElements), "the rest of them is left out")
	}
	return false
}

// list reads each element.
func (r *reader) list(n *yaml.Node, path string, read func(n *yaml.Node, path string)) {
	n = resolved(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.wrong(r.at(n, path), "here should be a list, not "+kind(n), "begin each element with -")
		return
	}
	for i, item := range n.Content {
		if !r.room(n, path) {
			return
		}
		read(resolved(item), fmt.Sprintf("%s[%d]", path, i))
	}
}

// text reads a string; other scalars are taken as they are written, as Prometheus takes them.
func (r *reader) text(into *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode {
			r.wrong(r.at(n, path), "here should be a string, not "+kind(n), "")
			return
		}
		*into = n.Value
		if n.Tag == "!!null" {
			*into = ""
		}
	}
}

func (r *reader) texts(into *[]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		r.list(n, path, func(n *yaml.Node, path string) {
			var text string
			r.text(&text)(n, path)
			*into = append(*into, text)
		})
	}
}

// path reads a path; a relative one is relative to the file that is read.
func (r *reader) path(into *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		r.text(into)(n, path)
		if *into != "" && !filepath.IsAbs(*into) {
			*into = filepath.Join(filepath.Dir(r.file), *into)
		}
	}
}

func (r *reader) yes(into *bool) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || isNull(n) || n.Decode(into) != nil { // yes and no are taken, as in Prometheus
			r.wrong(r.at(n, path), "here should be true or false, not "+kind(n), "")
		}
	}
}

func (r *reader) duration(into *time.Duration) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		d, err := model.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			hint := "such as 15s, 1m or 1m30s"
			if n.Tag == "!!int" {
				hint = "with its unit: " + n.Value + "s"
			}
			r.wrong(r.at(n, path), "here should be a duration, not "+kind(n), hint)
			return
		}
		*into = time.Duration(d)
	}
}

func (r *reader) count(into *int) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < 0 {
			r.wrong(r.at(n, path), "here should be a whole number of at least 0, not "+kind(n), "0 is no limit")
			return
		}
		*into = v
	}
}

// size reads 10MB: as in Prometheus, powers of 1024.
func (r *reader) size(into *int64) func(*yaml.Node, string) {
	sizes := []struct {
		unit  string
		shift int
	}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"KB", 10}, {"MB", 20}, {"GB", 30}, {"B", 0}, {"", 0}}
	return func(n *yaml.Node, path string) {
		for _, s := range sizes {
			number, ok := strings.CutSuffix(n.Value, s.unit)
			if !ok || n.Kind != yaml.ScalarNode {
				continue
			}
			v, err := strconv.ParseFloat(number, 64)
			if v *= float64(int64(1) << s.shift); err != nil || !(v >= 0 && v < 1<<40) {
				break
			}
			*into = int64(v)
			return
		}
		r.wrong(r.at(n, path), "here should be a size, not "+kind(n), "such as 10MB; 0 is our own limit")
	}
}

// resolved is what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kind is what a value is, in the words of a message, without the value.
func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!int", n.Tag == "!!float":
		return "a number"
	case n.Tag == "!!bool":
		return "true or false"
	case n.Tag == "!!null":
		return "nothing"
	}
	return "a string"
}
