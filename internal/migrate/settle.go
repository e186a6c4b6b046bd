package migrate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/tailer"
)

// importing is the way from the files of another agent to what they amount to here.
type importing struct {
	root     *draft
	notes    []config.Problem
	mistakes config.Problems
	files    []string // in the order in which they were read
	noted    map[config.Problem]bool
	entries  map[string]config.Place // of collect_list, by what they say
	gone     map[config.Place]bool   // of what was left out: that its entry then lacks something is said already
}

func newImporting() *importing {
	return &importing{root: object(config.Place{}), noted: map[config.Problem]bool{}, gone: map[config.Place]bool{}, entries: map[string]config.Place{}}
}

// note says what could not be taken over, or means something else; once.
func (m *importing) note(at config.Place, text, hint string) {
	p := config.Suspicion(at, text, hint)
	if !m.noted[p] {
		m.noted[p] = true
		m.notes = append(m.notes, p)
	}
}

// wrong says what the other agent itself would not have read.
func (m *importing) wrong(at config.Place, text, hint string) {
	m.mistakes = append(m.mistakes, config.Mistake(at, text, hint))
}

// follow adds an entry to collect_list, once.
func (m *importing) follow(d *draft) {
	said, _ := json.Marshal(d.plain())
	if first, ok := m.entries[string(said)]; ok {
		m.note(d.at, fmt.Sprintf("the same as %s:%d; it is followed once", first.File, first.Line), "")
		return
	}
	m.entries[string(said)] = d.at
	m.root.within("logs", "logs_collected", "files").add("collect_list", config.Place{}, d)
}

// once sets what there is only one of here.
func (m *importing) once(into *draft, key string, at config.Place, value string) {
	if u, err := url.Parse(value); err == nil && u.User != nil {
		m.note(at, "is not taken over: a secret has no place in config.json, and this address holds a user and perhaps a password", "write it without them")
		return
	}
	if first := into.keys[key]; first != nil && first.value != value {
		m.note(at, fmt.Sprintf("is ignored: there is one %s for all, and it is %v, from %s:%d", key, first.value, first.at.File, first.at.Line), "run a second agent for it")
		return
	}
	into.set(key, at, value)
}

// isText tells whether a file can be read at all; if not, that is noted as a mistake.
func (m *importing) isText(d document) bool {
	if bytes.HasPrefix(d.src, []byte("\xff\xfe")) || bytes.HasPrefix(d.src, []byte("\xfe\xff")) {
		m.wrong(d.at(1, 1, ""), "the file is encoded as UTF-16", "save it as UTF-8")
		return false
	}
	return true
}

// resultName is the result in what config says of it.
const resultName = "the result"

// settle holds the draft against what config.json may hold. What may not be in it is left out and noted where it came from,
// and so are the warnings: what is left is accepted.
func (m *importing) settle() (Imported, error) {
	if len(m.mistakes) > 0 {
		m.inOrder(m.mistakes)
		return Imported{Notes: m.notes, Files: m.files}, m.mistakes
	}
	for {
		result := m.result()
		c, err := config.Parse(resultName, result.JSON())
		mistakes, ok := errors.AsType[config.Problems](err)
		if err != nil && !ok {
			return Imported{}, fmt.Errorf("check what was taken over: %w", err)
		}
		if err == nil {
			mistakes = tailer.Check(c)
		}
		spots := m.spots(c)
		out := map[*draft]bool{}
		for _, p := range first(mistakes) {
			piece := m.root.find(p.Path)
			out[piece] = true
			if !m.gone[piece.at] {
				m.told(piece, "left out: "+spots.in(p.Text), p.Hint)
			}
			m.gone[piece.at] = true
		}
		if out[m.root] {
			return Imported{}, fmt.Errorf("check what was taken over: %w", mistakes)
		}
		if len(out) > 0 {
			m.root.without(out)
			continue
		}
		for _, p := range c.Warnings {
			m.told(m.root.find(p.Path), spots.in(p.Text), p.Hint)
		}
		m.inOrder(m.notes)
		result.Notes, result.Carried = m.notes, m.carried()
		return result, nil
	}
}

// first are the mistakes to do something about now. Those that are about two places wait: the other place may be one that goes.
func first(mistakes config.Problems) config.Problems {
	alone := slices.DeleteFunc(slices.Clone(mistakes), func(p config.Problem) bool { return spot.MatchString(p.Text) })
	if len(alone) > 0 {
		return alone
	}
	return mistakes
}

func (m *importing) result() Imported {
	plain, _ := m.root.plain().(map[string]any)
	return Imported{Config: plain, Files: m.files}
}

// told notes what config says of a piece, if that was made from something.
func (m *importing) told(piece *draft, text, hint string) {
	if piece.at.File != "" {
		m.note(piece.at, text, hint)
	}
}

// spots are places of the result, as messages write them, and where those came from.
type spots map[string]config.Place

func (m *importing) spots(c *config.Config) spots {
	all := spots{}
	m.root.each("", func(path string, d *draft) {
		if at := c.At(path); path != "" && d.at.File != "" && at.Line > 0 {
			all[fmt.Sprintf("%d:%d", at.Line, at.Column)] = d.at
		}
	})
	return all
}

var spot = regexp.MustCompile("(?:" + resultName + ":|at )([0-9]+:[0-9]+)")

// in writes a message so that its places are those of the files that were read.
func (s spots) in(text string) string {
	return spot.ReplaceAllStringFunc(text, func(found string) string {
		which := spot.FindStringSubmatch(found)[1]
		if at, ok := s[which]; ok {
			return strings.TrimSuffix(strings.TrimSuffix(found, which), resultName+":") + at.File + ":" + strconv.Itoa(at.Line) + ":" + strconv.Itoa(at.Column)
		}
		return found
	})
}

// inOrder sorts by the order of the files and the places in them.
func (m *importing) inOrder(problems []config.Problem) {
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(slices.Index(m.files, a.File), slices.Index(m.files, b.File)),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// carried lists what is in the draft that the other agent did as well.
func (m *importing) carried() []Carried {
	var all []Carried
	for _, d := range m.root.find("logs.logs_collected.files.collect_list").items {
		if d.was != "" {
			all = append(all, Carried{d.at, d.was, destination(d)})
		}
	}
	if section := m.root.keys["metrics"]; section != nil {
		namespace := cmp.Or(section.text("namespace"), "CWAgent")
		for name, plugin := range section.within("metrics_collected").keys {
			for _, one := range append([]*draft{plugin}, plugin.items...) {
				if one.was != "" {
					all = append(all, Carried{one.at, one.was, "namespace " + namespace + ": " + m.metrics(name, one)})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Carried) int {
		return cmp.Or(cmp.Compare(slices.Index(m.files, a.File), slices.Index(m.files, b.File)), cmp.Compare(a.Line, b.Line))
	})
	return all
}

// destination says where the events of an entry go.
func destination(d *draft) string {
	group, stream := d.text("log_group_name"), d.text("log_stream_name")
	each := d.keys["publish_multi_logs"] != nil && d.keys["publish_multi_logs"].value == true
	said := "log group " + group
	if group == "" {
		said = "a log group named after the file"
	}
	switch {
	case stream == "":
		said += ", log stream: the instance id on EC2, elsewhere the host name"
	default:
		said += ", log stream " + stream
	}
	if each {
		said += ", with _ and the path behind it for each file"
	}
	return said
}

// metrics names what a plugin sends, and its dimensions.
func (m *importing) metrics(name string, plugin *draft) string {
	by := " by " + strings.Join(m.dimensions(name, plugin), ", ")
	list := plugin.keys["measurement"]
	switch {
	case name == "ethtool":
		return "ethtool_…, what the drivers count," + by
	case list == nil:
		return "what programs send to it"
	case name == "nvidia_gpu":
		name = "nvidia_smi" // on the wire
	}
	var names []string
	for _, m := range list.items {
		if text, ok := m.value.(string); ok {
			names = append(names, name+"_"+text)
		} else if m.keys != nil {
			names = append(names, cmp.Or(m.text("rename"), name+"_"+m.text("name")))
		}
	}
	return strings.Join(names, ", ") + by
}

// dimensions are those of a plugin ("Every measurement", docs/metrics.md).
func (m *importing) dimensions(name string, plugin *draft) []string {
	all := strings.Fields(map[string]string{"cpu": "cpu", "disk": "path device fstype", "diskio": "name", "net": "interface",
		"ethtool": "driver interface", "nvidia_gpu": "arch index name", "procstat": "process_name"}[name])
	if plugin.keys["drop_device"] != nil {
		all = slices.DeleteFunc(all, func(d string) bool { return d == "device" })
	}
	for key, dimension := range map[string]string{"pid_file": "pidfile", "exe": "exe", "pattern": "pattern"} {
		if plugin.keys[key] != nil {
			all = append(all, dimension)
		}
	}
	if static := plugin.keys["append_dimensions"]; static != nil {
		all = slices.AppendSeq(all, maps.Keys(static.keys))
	}
	slices.Sort(all)
	if agent := m.root.keys["agent"]; agent == nil || agent.keys["omit_hostname"] == nil {
		all = append([]string{"host"}, all...)
	}
	return all
}
