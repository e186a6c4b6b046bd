package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/packaging"
)

// piece is one thing that install makes. Paths are those of the system that it is for, also in an image.
type piece struct {
	Kind     string `json:"kind"` // folder, link, file, user
	Path     string `json:"path"` // of a user: the name
	To       string `json:"to,omitempty"`
	State    string `json:"state"`
	Note     string `json:"note,omitempty"`
	optional bool   // what is there instead may stay
	content  func() ([]byte, error)
	mode     fs.FileMode
}

// What becomes, or would become, of a piece.
const (
	stateThere   = "there"    // as it should be
	stateMake    = "made"     //
	stateReplace = "replaced" // an earlier one of ours
	stateSkip    = "skipped"  // something else is there, and may stay
	stateInWay   = "refused"  // something else is there
	stateRemove  = "removed"
	stateKeep    = "kept"
)

const (
	agentUser   = "cwagent"
	localBin    = "/usr/local/bin"
	versionFile = "CWAGENT_VERSION"
)

// originalNames are the programs of the original that this one answers to.
var originalNames = []string{agentName, ctlName, "amazon-cloudwatch-agent-config-wizard", "start-amazon-cloudwatch-agent", "config-downloader", "config-translator"}

// ownCopy is where a copy of this program goes. On macOS /usr/local/bin may be a user's, who has Homebrew.
func (s *hostService) ownCopy() string {
	if s.manager.name == "launchd" {
		return filepath.Join((install.Layout{}).Bin(), "nephoscope")
	}
	return filepath.Join(localBin, "nephoscope")
}

// copies tells whether the service gets a copy of this program: where it lies, others than root could replace it, it is not
// there in the image, a line of the service's file cannot say where, or there is such a copy already.
func (s *hostService) copies(mine []piece) bool {
	real, err := filepath.EvalSymlinks(s.program)
	if err != nil {
		real = s.program
	}
	if real == s.ownCopy() && s.root == "" {
		return false // it is the copy
	}
	plain := install.ShellWord(real) == real && !strings.Contains(real, "--")
	before := slices.ContainsFunc(mine, func(m piece) bool { return m.Kind == "file" && m.Path == s.ownCopy() })
	return s.root != "" || !plain || before || !rootOwns(real)
}

// pieces are what makes up an installation, in the order in which they are made; the service's file is not among them.
func (s *hostService) pieces(mine []piece) []piece {
	if s.manager.source == "" {
		return nil // Windows: links take rights, and the program may lie anywhere
	}
	l := install.Layout{}
	program := s.program
	var all []piece
	for _, dir := range []string{l.Home(), l.Bin(), l.Etc(), l.Configs(), l.Logs()} {
		all = append(all, piece{Kind: "folder", Path: dir})
	}
	if s.copies(mine) {
		program = s.ownCopy()
		all = append(all, piece{Kind: "file", Path: program, mode: 0o755, content: func() ([]byte, error) { return os.ReadFile(s.program) }})
	}
	if command := filepath.Join(localBin, "nephoscope"); program != command {
		all = append(all, piece{Kind: "link", Path: command, To: program, optional: true})
	}
	for _, name := range originalNames {
		all = append(all, piece{Kind: "link", Path: filepath.Join(l.Bin(), name), To: program})
	}
	all = append(all,
		piece{Kind: "file", Path: filepath.Join(l.Bin(), versionFile), mode: 0o644, content: func() ([]byte, error) { return []byte(version + "\n"), nil }},
		piece{Kind: "link", Path: filepath.Join(localBin, ctlName), To: program, optional: true})
	for _, link := range [][2]string{
		{"/etc/nephoscope", l.Etc()}, {"/var/log/nephoscope", l.Logs()},
		{"/etc/amazon/amazon-cloudwatch-agent", l.Etc()}, {"/var/log/amazon/amazon-cloudwatch-agent", l.Logs()},
	} {
		if dir := filepath.Dir(link[0]); filepath.Base(dir) == "amazon" {
			all = append(all, piece{Kind: "folder", Path: dir})
		}
		all = append(all, piece{Kind: "link", Path: link[0], To: link[1], optional: true})
	}
	if s.manager.name == "systemd" { // whose RuntimeDirectory= the agent keeps it in
		dir, pid := filepath.Join(l.Home(), "var"), "amazon-cloudwatch-agent.pid"
		all = append(all, piece{Kind: "folder", Path: dir}, piece{Kind: "link", Path: filepath.Join(dir, pid), To: "/run/nephoscope/" + pid, optional: true})
	}
	for _, link := range s.manager.enabling {
		if dir := filepath.Dir(link); strings.HasSuffix(dir, ".wants") {
			all = append(all, piece{Kind: "folder", Path: dir})
		}
		all = append(all, piece{Kind: "link", Path: link, To: s.manager.file})
	}
	if s.manager.name != "launchd" { // where the agent becomes nobody else
		all = append(all, piece{Kind: "user", Path: agentUser, optional: true})
	}
	return all
}

// at is where a path of the system lies for us.
func (s *hostService) at(path string) string {
	if s.root == "" || path == "" {
		return path
	}
	return filepath.Join(rootFolder(s.root), filepath.Join("/", path)) // a record may say ..
}

// look finds out what is there in the place of a piece. mine tells what an earlier install has recorded.
func (s *hostService) look(p *piece, mine []piece) error {
	if p.Kind == "user" {
		return s.lookForUser(p)
	}
	if err := s.inside(p.Path); err != nil {
		return err
	}
	recorded := slices.ContainsFunc(mine, func(m piece) bool { return m.Kind == p.Kind && m.Path == p.Path })
	linked := slices.ContainsFunc(mine, func(m piece) bool { return m.Kind == "link" && m.Path == p.Path })
	info, err := os.Lstat(s.at(p.Path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.State = stateMake
		return nil
	case err != nil:
		return err
	}
	p.State, p.Note = stateInWay, "something else is there"
	if p.optional {
		p.State = stateSkip
	}
	if to, err := os.Readlink(s.at(p.Path)); err == nil {
		p.Note = "it is a link to " + to
	}
	switch {
	case p.Kind == "folder":
		if info, err := os.Stat(s.at(p.Path)); err == nil && info.IsDir() {
			p.State, p.Note = stateThere, ""
		}
	case p.Kind == "link" && info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(s.at(p.Path))
		switch {
		case err != nil:
			return err
		case to == p.To || s.root == "" && sameFile(p.Path, p.To):
			p.State, p.Note = stateThere, ""
		case recorded || filepath.Base(to) == "nephoscope":
			p.State, p.Note = stateReplace, ""
		}
	case p.Kind == "file" && linked && info.Mode()&fs.ModeSymlink != 0: // to a program that has moved to where others can write
		p.State, p.Note = stateReplace, ""
	case p.Kind == "file" && info.Mode().IsRegular():
		want, err := p.content()
		if err != nil {
			return err
		}
		there, err := os.ReadFile(s.at(p.Path))
		switch {
		case err == nil && bytes.Equal(there, want) && info.Mode().Perm() == p.mode:
			p.State, p.Note = stateThere, ""
		case recorded || filepath.Base(p.Path) == versionFile:
			p.State, p.Note = stateReplace, ""
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// inside refuses a path of an image that leads out of it, through a link that is meant for the image's own root.
func (s *hostService) inside(path string) error {
	if s.root == "" {
		return nil
	}
	root, err := filepath.EvalSymlinks(rootFolder(s.root))
	if err != nil {
		return err
	}
	for dir := filepath.Dir(s.at(path)); len(dir) >= len(rootFolder(s.root)); dir = filepath.Dir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if _, link := os.Readlink(dir); errors.Is(err, fs.ErrNotExist) && link != nil {
			continue // it will be made
		}
		if err != nil || real != root && !strings.HasPrefix(real, root+"/") {
			return fmt.Errorf("%s leads out of %s (put a folder in its place, or run the command inside the image)", dir, s.root)
		}
		return nil
	}
	return nil
}

// put makes a piece.
func (s *hostService) put(p *piece) error {
	if p.State != stateMake && p.State != stateReplace {
		return nil
	}
	path := s.at(p.Path)
	if p.Kind == "user" {
		return s.makeUser(p)
	}
	if p.Kind == "folder" {
		return durable.MakePublicDir(path)
	}
	if err := durable.MakePublicDir(filepath.Dir(path)); err != nil {
		return err
	}
	if p.Kind == "link" {
		if err := durable.Remove(path); err != nil {
			return err
		}
		return os.Symlink(p.To, path)
	}
	content, err := p.content()
	if err != nil {
		return err
	}
	if err := durable.WritePublic(path, content); err != nil {
		return err
	}
	return os.Chmod(path, p.mode)
}

// The service's file is also the record of what install has made: what it says it made, uninstall removes.
const (
	recordTitle = `Written by "nephoscope service install"; "nephoscope service uninstall" removes it, and what it made:`
	recordMade  = "made: "
)

// text is the service's file with the record of what was made beside it.
func (s *hostService) text(made []piece) ([]byte, error) {
	raw, err := packaging.Service.ReadFile(s.manager.source)
	if err != nil {
		return nil, err
	}
	before, after := "# ", ""
	if s.manager.name == "launchd" {
		before, after = "<!-- ", " -->"
	}
	var out bytes.Buffer
	// The package's program, where the unit names it, is the one that the link leads to.
	rest := strings.ReplaceAll(string(raw), packagedProgram, filepath.Join((install.Layout{}).Bin(), agentName))
	if first, after, _ := strings.Cut(rest, "\n"); strings.HasPrefix(first, "#!") || strings.HasPrefix(first, "<?xml") {
		fmt.Fprintln(&out, first) // which has to stay first
		rest = after
	}
	fmt.Fprintln(&out, before+recordTitle+after)
	for _, p := range made {
		line := p.Kind + " " + p.Path
		if p.To != "" {
			line += " -> " + p.To
		}
		fmt.Fprintln(&out, before+recordMade+line+after)
	}
	out.WriteString(rest)
	return out.Bytes(), nil
}

// recordIn is what a service's file says install has made; ours: it was written by install at all.
func recordIn(text []byte) (made []piece, ours bool) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(lines.Text(), "# "), "<!-- "), " -->")
		if line == recordTitle {
			ours = true
		}
		if what, ok := strings.CutPrefix(line, recordMade); ok && ours {
			kind, rest, _ := strings.Cut(what, " ")
			path, to, _ := strings.Cut(rest, " -> ")
			made = append(made, piece{Kind: kind, Path: path, To: to})
		}
	}
	return made, ours
}
