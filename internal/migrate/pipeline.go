package migrate

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// pipeline is a Fluent Bit configuration, whichever of its two forms it is written in: sections in their order.
type pipeline struct {
	sections  []*stage
	variables map[string]string // of @SET and env
}

// stage is one section: an input, a filter, an output, a parser, or the service.
type stage struct {
	kind       string // service, input, filter, output, parser, multiline_parser
	at         config.Place
	properties []property
}

type property struct {
	key     string // in lower case
	value   string
	at      config.Place // of the key
	valueAt config.Place
}

// get is the value of a key, and whether it is there. The last one counts.
func (s *stage) get(key string) (property, bool) {
	for _, p := range slices.Backward(s.properties) {
		if p.key == key {
			return p, true
		}
	}
	return property{at: s.at, valueAt: s.at}, false
}

func (s *stage) text(key string) string {
	p, _ := s.get(key)
	return p.value
}

// plugin is which input, filter or output it is.
func (s *stage) plugin() string { return strings.ToLower(s.text("name")) }

// is tells whether a key is on, in any of the spellings that Fluent Bit knows.
func (s *stage) is(key string) bool { return isOn(s.text(key)) }

func isOn(value string) bool {
	return slices.Contains([]string{"on", "true", "yes"}, strings.ToLower(value))
}

// of are the sections of a kind.
func (p *pipeline) of(kind string) (all []*stage) {
	for _, s := range p.sections {
		if s.kind == kind {
			all = append(all, s)
		}
	}
	return all
}

// named is the parser of a name.
func (p *pipeline) named(kind, name string) *stage {
	for _, s := range p.of(kind) {
		if s.text("name") == name {
			return s
		}
	}
	return nil
}

// loader reads the files of a pipeline. It is a field of its own so that a fuzzer needs no disk.
type loader struct {
	*importing
	pipeline
	read  func(name string) (document, error)
	glob  func(pattern string) ([]string, error)
	depth int
}

func newLoader(m *importing) *loader {
	return &loader{importing: m, pipeline: pipeline{variables: map[string]string{}}, read: readDocument, glob: filepath.Glob}
}

// maxIncludes bounds how deep files include each other.
const maxIncludes = 10

// file reads one file into the pipeline. Which form it has its name tells, as for Fluent Bit itself.
func (l *loader) file(d document) {
	l.files = append(l.files, d.name)
	if ext := path.Ext(filepath.ToSlash(d.name)); ext == ".yaml" || ext == ".yml" {
		l.yaml(d)
	} else {
		l.classic(d)
	}
}

// include reads what a file includes: a name or a pattern, relative to the folder of the file.
func (l *loader) include(from document, pattern string, at config.Place) {
	if l.depth >= maxIncludes {
		l.wrong(at, "files include each other more than ten deep", "")
		return
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(from.name), pattern)
	}
	names, err := l.glob(pattern)
	if err != nil || len(names) == 0 {
		l.note(at, "there is no file "+pattern, "what it would say is missing here")
		return
	}
	l.depth++
	defer func() { l.depth-- }()
	for _, name := range names {
		if slices.Contains(l.files, name) {
			l.note(at, name+" has been read already", "") // Fluent Bit does not start then
			continue
		}
		d, err := l.read(name)
		if err != nil {
			l.note(at, err.Error(), "what it says is missing here")
			continue
		}
		l.file(d)
	}
}

// parsers reads the files that the service names with parsers_file.
func (l *loader) parsers(main document) {
	for _, s := range l.of("service") {
		for _, p := range s.properties {
			if p.key == "parsers_file" {
				l.include(main, p.value, p.valueAt)
			}
		}
	}
}

// filled puts variables in where they are known: those of the file itself. Those of the environment are not ours to know.
func (l *loader) filled(value string) string {
	var b strings.Builder
	for {
		before, after, open := strings.Cut(value, "${")
		name, rest, closed := strings.Cut(after, "}")
		b.WriteString(before)
		if !open {
			return b.String()
		}
		known, ok := l.variables[name]
		switch {
		case !closed:
			b.WriteString("${" + after)
			return b.String()
		case ok:
			b.WriteString(known)
		default:
			b.WriteString("${" + name + "}")
		}
		value = rest
	}
}
