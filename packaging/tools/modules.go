package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// module is one that is linked into a program; Go's own library is one as well.
type module struct {
	path, version, sum string
	dir                string   // in the module cache
	licences           []string // SPDX identifiers, sorted
	texts              []text   // of its licences
	notices            []text   // which Apache-2.0 wants handed on
	needs              []string // paths of the modules that it imports
}

type text struct{ name, body string }

// program is a binary of ours and all that is linked into it.
type program struct {
	path    string // of its main package
	module  string // ours
	modules []module
}

// linked reads from the binary which modules are in it, and gathers their licences from the module cache.
func linked(j job) (program, error) {
	info, err := buildinfo.ReadFile(j.binary)
	if err != nil {
		return program{}, fmt.Errorf("read modules of %s: %w", j.binary, err)
	}
	found, err := listed(j.repo, info)
	if err != nil {
		return program{}, err
	}
	p := program{path: info.Path, module: info.Main.Path}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			return program{}, fmt.Errorf("%s is replaced by %s: what is packed is to come from where it is published", dep.Path, dep.Replace.Path)
		}
		m := found[dep.Path]
		if m == nil || m.version != dep.Version {
			return program{}, fmt.Errorf("%s was built with %s %s, which is not in go.mod as it stands: build it anew", j.binary, dep.Path, dep.Version)
		}
		m.sum = dep.Sum
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		m := found[path]
		if m.path != std && m.sum == "" {
			return program{}, fmt.Errorf("%s is not in %s, though it is imported: build it anew", m.path, j.binary)
		}
		m.licences, err = identify(m)
		if err != nil {
			return program{}, err
		}
		p.modules = append(p.modules, *m)
	}
	return p, nil
}

const std = "std" // Go's own library, by the name that package URLs have for it

// listed is every module that the program imports, by path, with the texts in the folders of the imported packages and above.
func listed(repo string, info *debug.BuildInfo) (map[string]*module, error) {
	command := exec.Command("go", "list", "-mod=readonly", "-deps", "-json=ImportPath,Dir,Imports,Standard,Module", info.Path)
	command.Dir = repo
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" {
			command.Env = append(command.Env, s.Key+"="+s.Value)
		}
	}
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages of %s: %w", info.Path, err)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	type listing struct {
		ImportPath, Dir string
		Imports         []string
		Standard        bool
		Module          *struct{ Path, Version, Dir string }
	}
	modules, home, imports := map[string]*module{}, map[string]string{}, map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listing
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		m := module{path: std, version: info.GoVersion, dir: strings.TrimSpace(string(goroot))}
		if !l.Standard {
			m = module{path: l.Module.Path, version: l.Module.Version, dir: l.Module.Dir}
		}
		home[l.ImportPath], imports[l.ImportPath] = m.path, l.Imports
		if m.path == info.Main.Path {
			continue
		}
		if modules[m.path] == nil {
			modules[m.path] = &m
		}
		folder := l.Dir
		if l.Standard {
			folder = m.dir // what is in its folders is under the licence of the whole
		}
		if err := modules[m.path].gather(folder); err != nil {
			return nil, err
		}
	}
	for from, all := range imports {
		for _, to := range all {
			m, other := modules[home[from]], home[to]
			if m != nil && other != "" && other != m.path && other != info.Main.Path && !slices.Contains(m.needs, other) {
				m.needs = append(m.needs, other)
			}
		}
	}
	for _, m := range modules {
		slices.Sort(m.needs)
	}
	return modules, nil
}

var legal = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents)`)

// unneeded are files that look like licences and concern nothing that is linked.
var unneeded = map[string]string{
	"modernc.org/memory/LICENSE-LOGO":       "of a picture",
	"modernc.org/sqlite/LICENSE-SQLITE_VEC": "of a package that is not imported",
	"go.uber.org/zap/checklicense.sh":       "a program",
}

// gather takes up the texts in a folder of the module, and in those above it.
func (m *module) gather(folder string) error {
	for {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return fmt.Errorf("look for licences: %w", err)
		}
		for _, e := range entries {
			full := filepath.Join(folder, e.Name())
			name, err := filepath.Rel(m.dir, full)
			if err != nil {
				return err
			}
			if !legal.MatchString(e.Name()) || !e.Type().IsRegular() || strings.HasSuffix(name, ".go") || unneeded[m.path+"/"+name] != "" {
				continue
			}
			same := func(t text) bool { return t.name == name }
			if slices.ContainsFunc(m.texts, same) || slices.ContainsFunc(m.notices, same) {
				continue
			}
			body, err := os.ReadFile(full)
			if err != nil {
				return fmt.Errorf("read licence: %w", err)
			}
			t := text{name, strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n"))}
			if strings.HasPrefix(strings.ToLower(e.Name()), "notice") {
				m.notices = append(m.notices, t)
			} else {
				m.texts = append(m.texts, t)
			}
		}
		if folder == m.dir {
			return nil
		}
		folder = filepath.Dir(folder)
	}
}
