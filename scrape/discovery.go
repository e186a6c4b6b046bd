package scrape

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"go.yaml.in/yaml/v3"
)

// look is how often files are looked at: whether they have another time or size. Prometheus hears of changes from the kernel;
// this costs a few stat calls, and works for every file system and for files that are links to others.
const look = 5 * time.Second

// signature tells whether a file is another than before.
type signature struct {
	size     int64
	modified time.Time
	mode     os.FileMode // one that may be read now
}

func signatureOf(name string) signature {
	info, err := os.Stat(name)
	if err != nil {
		return signature{size: -1}
	}
	return signature{info.Size(), info.ModTime(), info.Mode()}
}

// discovered is what a job's files say.
type discovered struct {
	files map[string]*targetsFile
}

// targetsFile is the last good content of a file that file_sd_configs names.
type targetsFile struct {
	was     signature
	read    time.Time
	groups  []group
	problem string
}

// look reads what is new of a job's files; the notes are what has become wrong since the last look. What a file said before stays
// while it cannot be read, for it may be half written; a file that is removed takes its targets with it.
func (d *discovered) look(j *Job, now time.Time) (changed bool, notes []string) {
	if d.files == nil {
		d.files = map[string]*targetsFile{}
	}
	there := map[string]bool{}
	for _, of := range j.files {
		for _, pattern := range of.patterns {
			names, _ := filepath.Glob(pattern.glob) // the pattern has been checked
			for _, name := range names {
				there[name] = true
				f := d.files[name]
				if f == nil {
					f = &targetsFile{was: signature{size: -2}}
					d.files[name] = f
				}
				is := signatureOf(name)
				if is == f.was && now.Sub(f.read) < max(of.refresh, look) {
					continue
				}
				before := f.problem
				if f.load(name, is, now) {
					changed = true
				}
				if f.problem != "" && f.problem != before {
					notes = append(notes, f.problem)
				}
			}
		}
	}
	for name := range d.files {
		if !there[name] {
			delete(d.files, name)
			changed = true
		}
	}
	return changed, notes
}

// load reads the file; changed tells whether it was taken.
func (f *targetsFile) load(name string, is signature, now time.Time) (changed bool) {
	emptied := is.size == 0 && f.was.size > 0
	f.was, f.read, f.problem = is, now, ""
	if emptied {
		f.was.size = -2 // it may be about to be written: look again
		f.read = time.Time{}
		return false
	}
	groups, err := readTargets(name)
	if err != nil {
		f.problem = err.Error()
		return false
	}
	f.groups = groups
	return true
}

// CheckTargets reads the files of targets as they are now, which Load leaves alone: they come and go.
func (c *Configuration) CheckTargets() (problems config.Problems) {
	for _, j := range c.Jobs {
		for _, of := range j.files {
			for _, pattern := range of.patterns {
				names, _ := filepath.Glob(pattern.glob)
				if len(names) == 0 {
					problems = append(problems, config.Suspicion(pattern.at, "there is no such file yet", "its targets are scraped as soon as it is there, and can be read by the agent's user"))
				}
				for _, name := range names {
					if _, err := readTargets(name); err != nil {
						problems = append(problems, config.Suspicion(pattern.at, err.Error(), "its targets are not scraped until it can be read by the agent's user and is right"))
					}
				}
			}
		}
	}
	return problems
}

// readTargets reads a file of targets; JSON is YAML too.
func readTargets(name string) ([]group, error) {
	raw, err := readSmall(name)
	if err != nil {
		return nil, err
	}
	groups, r := parseTargets(name, raw)
	if r.mistakes() > 0 {
		first := slices.IndexFunc(r.problems, func(p config.Problem) bool { return !p.Warning })
		return nil, fmt.Errorf("read targets: %w", r.problems[first])
	}
	for i := range groups {
		if groups[i].Labels == nil {
			groups[i].Labels = map[string]string{}
		}
		groups[i].Labels["__meta_filepath"] = name // prometheus discovery/file/file.go
	}
	return groups, nil
}

func parseTargets(name string, raw []byte) (groups []group, r *reader) {
	r = &reader{file: name}
	if root := r.parse(raw); root != nil {
		r.list(root.Content[0], "", func(n *yaml.Node, path string) { groups = append(groups, readGroup(r, n, path)) })
	}
	return groups, r
}

// maxNotes is how many notes of a kind are said at once.
const maxNotes = 10

// targets are those of a job as of now, each once, as many as there is room for; the notes are targets that cannot be.
func (d *discovered) targets(j *Job, room int) (all []*target, notes []string) {
	seen := map[string]bool{}
	for _, g := range d.groups(j) {
		for _, address := range g.Targets {
			t, err := newTarget(j, address, g.Labels)
			switch {
			case err != nil && len(notes) < maxNotes:
				notes = append(notes, err.Error())
			case err != nil || t == nil || seen[t.key]:
			case len(all) == room:
				return all, append(notes, fmt.Sprintf("there are more than %d targets: the others are left out", maxTargets))
			default:
				seen[t.key] = true
				all = append(all, t)
			}
		}
	}
	return all, notes
}

// groups are those of the configuration and then those of files, by name: which are beyond a limit is the same each time.
func (d *discovered) groups(j *Job) []group {
	all := slices.Clone(j.static)
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		all = append(all, d.files[name].groups...)
	}
	return all
}
