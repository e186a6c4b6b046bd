package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/output"
)

// installation is what install and uninstall say.
type installation struct {
	OK      bool     `json:"ok"`
	Manager string   `json:"manager"`
	Service string   `json:"service"`
	File    string   `json:"file,omitempty"`
	Program string   `json:"program,omitempty"`
	DryRun  bool     `json:"dry_run"`
	Changed bool     `json:"changed"`
	Pieces  []piece  `json:"pieces"`
	Next    []string `json:"next"`
	text    []byte   // of the service's file
}

func (s *hostService) install(ctx context.Context) error {
	if by := s.packaged(); by != "" {
		return fmt.Errorf("%s is of a package (%s), which brings the service %s itself; nothing was changed (start it: sudo nephoscope service start)", packagedProgram, by, serviceName)
	}
	if s.manager.source == "" {
		return s.register()
	}
	r := installation{Manager: s.manager.name, Service: s.manager.service, File: s.manager.file, Program: s.program, DryRun: s.dryRun}
	own, mine, err := s.lookAtFile()
	if err != nil {
		return err
	}
	if s.copies(mine) {
		r.Program = s.ownCopy()
	}
	r.Pieces = s.pieces(mine)
	var inWay []string
	for i := range r.Pieces {
		p := &r.Pieces[i]
		if err := s.look(p, mine); err != nil {
			return err
		}
		if p.State == stateInWay {
			inWay = append(inWay, p.Path+": "+p.Note)
		}
	}
	if len(inWay) > 0 {
		return fmt.Errorf("these are not ours, and nothing was changed:\n  %s\n(is the original installed? nephoscope migrate says what carries on, and its package has to go first; else move them away)", strings.Join(inWay, "\n  "))
	}
	if err := s.onlyRootWrites(); err != nil {
		return err
	}
	if err := s.planFile(&own, r.Pieces, mine); err != nil {
		return err
	}
	r.text, _ = own.content()
	r.Pieces = append([]piece{own}, r.Pieces...) // first, so that whatever is made is on record
	if !s.dryRun {
		for i := range r.Pieces {
			if err := s.put(&r.Pieces[i]); errors.Is(err, fs.ErrPermission) {
				return err
			} else if err != nil {
				return fmt.Errorf("%w (put that right and run it again: it goes on from here)", err)
			}
		}
		if err := s.giveLogs(); err != nil {
			return err
		}
	}
	r.Changed = slices.ContainsFunc(r.Pieces, func(p piece) bool { return p.State == stateMake || p.State == stateReplace })
	if r.Changed && !s.dryRun {
		if err := s.tellManager(ctx); err != nil {
			return err
		}
	}
	r.OK, r.Next = true, s.next(ctx, r.Changed)
	return r.tell(s)
}

// lookAtFile reads the record of an earlier install, and refuses a service that is another's.
func (s *hostService) lookAtFile() (own piece, mine []piece, err error) {
	m := s.manager
	own = piece{Kind: "file", Path: m.file, mode: m.modeOf()}
	for _, path := range append([]string{m.file}, m.elsewhere...) {
		if err := s.inside(path); err != nil {
			return own, nil, err
		}
		info, err := os.Lstat(s.at(path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return own, nil, err
		}
		if to, err := os.Readlink(s.at(path)); err == nil && path == m.file {
			hint := "remove the link"
			if to == "/dev/null" {
				hint = "the service is masked: sudo systemctl unmask " + m.service
			}
			return own, nil, fmt.Errorf("%s is a link to %s, which is left alone (%s, and try again)", path, to, hint)
		}
		if !info.Mode().IsRegular() {
			return own, nil, fmt.Errorf("%s is no regular file (move it away, and try again)", path)
		}
		text, err := os.ReadFile(s.at(path))
		if err != nil {
			return own, nil, err
		}
		made, ours := recordIn(text)
		if !ours || path != m.file {
			return own, nil, fmt.Errorf("there is a service %s already that is not of this command: %s; it is left alone (if it is the original's: nephoscope migrate says what carries on, then remove its package; else move the file away)", m.service, path)
		}
		mine = made
	}
	return own, mine, nil
}

// planFile composes the service's file, with what was made before and what will be made now.
func (s *hostService) planFile(own *piece, pieces, mine []piece) error {
	same := func(p piece) func(piece) bool {
		return func(m piece) bool { return m.Kind == p.Kind && m.Path == p.Path }
	}
	made := slices.Clone(mine) // also what only an earlier version made
	for _, p := range pieces {
		made = slices.DeleteFunc(made, func(m piece) bool { return m.Path == p.Path && m.Kind != p.Kind && p.State == stateReplace })
		at := slices.IndexFunc(made, same(p))
		switch {
		case at >= 0 && p.State == stateSkip: // somebody has put something else there
			made = slices.Delete(made, at, at+1)
		case at >= 0:
			made[at] = p
		case p.State == stateMake || p.State == stateReplace:
			made = append(made, p)
		}
	}
	text, err := s.text(made)
	if err != nil {
		return err
	}
	own.content = func() ([]byte, error) { return text, nil }
	return s.look(own, []piece{*own})
}

// tellManager has a manager that is at work read its files again. Only systemd keeps them in mind.
func (s *hostService) tellManager(ctx context.Context) error {
	if !s.running || s.manager.name != "systemd" {
		return nil
	}
	if said, err := s.command(ctx, "systemctl", "daemon-reload"); err != nil {
		return fmt.Errorf("systemctl daemon-reload: %w: %s", err, strings.TrimSpace(said))
	}
	return nil
}

// next says what to run.
func (s *hostService) next(ctx context.Context, changed bool) (lines []string) {
	if s.root != "" {
		return nil
	}
	st, err := s.state(ctx)
	switch {
	case err == nil && st.Running && changed:
		return []string{"sudo nephoscope service restart"}
	case err == nil && st.Running:
		return nil
	}
	if !s.configured() {
		lines = []string{"sudo nephoscope wizard", "sudo nephoscope ctl -a fetch-config -c file:" + (install.Layout{}).WizardConfig()}
	}
	return append(lines, "sudo nephoscope service start")
}

// uninstall removes what the record says, the record last.
func (s *hostService) uninstall(ctx context.Context) error {
	if by := s.packaged(); by != "" {
		return fmt.Errorf("the service came with a package (%s); nothing was changed (remove the package instead)", by)
	}
	if s.manager.source == "" {
		return s.deregister(ctx)
	}
	own, mine, err := s.lookAtFile()
	if err != nil {
		return err
	}
	r := installation{OK: true, Manager: s.manager.name, Service: s.manager.service, File: own.Path, DryRun: s.dryRun}
	if _, err := os.Lstat(s.at(own.Path)); errors.Is(err, fs.ErrNotExist) {
		return r.tell(s)
	}
	st, err := s.state(ctx)
	if err != nil {
		return err
	}
	if st.Running && !s.dryRun {
		if err := s.order(ctx, actionStop); err != nil {
			return err
		}
	}
	slices.Reverse(mine) // what lies in a folder before the folder
	for _, p := range mine {
		if err := s.take(&p); err != nil {
			return err
		}
		r.Pieces = append(r.Pieces, p)
	}
	links, err := s.renamedLinks(mine)
	if err != nil {
		return err
	}
	r.Pieces = append(r.Pieces, links...)
	own.State = stateRemove
	if !s.dryRun {
		if err := durable.RemoveForGood(s.at(own.Path)); err != nil {
			return err
		}
		if err := s.tellManager(ctx); err != nil {
			return err
		}
	}
	r.Pieces, r.Changed = append(r.Pieces, own), true
	return r.tell(s)
}

// renamedLinks removes the links by which a script starts at boot and that insserv or chkconfig has given other numbers.
func (s *hostService) renamedLinks(mine []piece) (links []piece, err error) {
	if !s.manager.script {
		return nil, nil
	}
	found, _ := filepath.Glob(s.at("/etc/rc*.d/[SK][0-9][0-9]" + s.manager.service)) // the pattern is sound
	for _, path := range found {
		to, err := os.Readlink(path)
		if err != nil || filepath.Base(to) != s.manager.service {
			continue
		}
		p := piece{Kind: "link", Path: path, To: to}
		if s.root != "" {
			p.Path = strings.TrimPrefix(path, rootFolder(s.root))
		}
		if slices.ContainsFunc(mine, func(m piece) bool { return m.Path == p.Path }) {
			continue
		}
		if err := s.take(&p); err != nil {
			return nil, err
		}
		links = append(links, p)
	}
	return links, nil
}

// take removes a piece, if it is still what install has made.
func (s *hostService) take(p *piece) error {
	if p.Kind == "user" {
		p.State, p.Note = stateKeep, "whose files stay"
		return nil
	}
	path := s.at(p.Path)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		p.State, p.Note = stateRemove, "it was gone"
		return nil
	}
	if err == nil {
		err = s.inside(p.Path)
	}
	if err != nil {
		return err
	}
	p.State, p.Note = stateKeep, "it is not what install made"
	switch {
	case p.Kind == "folder" && info.IsDir():
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		if p.Note = "it is not empty"; len(entries) > 0 && !s.dryRun {
			return nil
		}
	case p.Kind == "link" && info.Mode()&fs.ModeSymlink != 0:
		if to, err := os.Readlink(path); err != nil || to != p.To {
			return err
		}
	case p.Kind == "file" && info.Mode().IsRegular():
	default:
		return nil
	}
	if p.State, p.Note = stateRemove, ""; s.dryRun {
		if p.Kind == "folder" {
			p.Note = "if it is empty then"
		}
		return nil
	}
	return durable.RemoveForGood(path)
}

// tell prints what was done.
func (r *installation) tell(s *hostService) error {
	if s.asJSON {
		r.Pieces, r.Next = append([]piece{}, r.Pieces...), append([]string{}, r.Next...)
		return output.JSON(s.out, r)
	}
	r.tellPieces(s)
	removing := r.Program == ""
	switch {
	case s.dryRun && r.Changed:
		if len(r.text) > 0 {
			fmt.Fprintf(s.out, "\n%s:\n%s", r.File, r.text)
		}
		fmt.Fprintln(s.out, "\nNothing was changed (--dry-run).")
		return nil
	case removing && !r.Changed:
		fmt.Fprintln(s.out, "There is no service "+r.Service+" of this command: already in place.")
	case removing:
		fmt.Fprintln(s.out, "The service "+r.Service+" is gone.")
		s.tellKept()
	case !r.Changed:
		fmt.Fprintln(s.out, "result: already in place")
	default:
		fmt.Fprintf(s.out, "The service %s is installed and starts at boot.\n", r.Service)
	}
	if len(r.Next) > 0 {
		fmt.Fprintln(s.out, "Next:\n  "+strings.Join(r.Next, "\n  "))
	}
	return nil
}

// tellPieces names all of them before anything is done, and after that what matters.
func (r *installation) tellPieces(s *hostService) {
	rest := 0
	for _, p := range r.Pieces {
		done := p.State == stateMake || p.State == stateReplace || p.State == stateRemove
		switch {
		case p.State == stateThere:
			continue
		case done && !s.dryRun && p.Note == "" && (p.Kind == "folder" || p.Kind == "link"):
			rest++
			continue
		}
		state, line := p.State, p.Kind+" "+p.Path
		if done && s.dryRun {
			state = "would be " + state
		}
		if p.To != "" {
			line += " -> " + p.To
		}
		if p.Note != "" {
			line += " (" + p.Note + ")"
		}
		fmt.Fprintf(s.out, "%-9s %s\n", state, line)
	}
	if rest > 0 {
		fmt.Fprintf(s.out, "and %s\n", output.Count(rest, "folder or link", "folders and links"))
	}
}

// tellKept says where uninstall has left what it did not make, if anything is there.
func (s *hostService) tellKept() {
	l := install.Layout{}
	for _, kept := range [][2]string{{"configuration", l.Etc()}, {"logs", l.Logs()}, {"state", l.State()}} {
		if _, err := os.Lstat(s.at(kept[1])); err == nil {
			fmt.Fprintf(s.out, "kept      %s in %s\n", kept[0], kept[1])
		}
	}
}

const packagedProgram = "/usr/bin/nephoscope"

// packaged names the package that brought nephoscope; "": none did.
func (s *hostService) packaged() string {
	if _, err := os.Lstat(s.at(packagedProgram)); err != nil || s.manager.source == "" {
		return ""
	}
	list, err := os.ReadFile(s.at("/var/lib/dpkg/info/nephoscope.list"))
	if err == nil && slices.Contains(strings.Fields(string(list)), packagedProgram) {
		return "dpkg: nephoscope"
	}
	args := []string{"-qf", packagedProgram}
	if s.root != "" {
		args = append([]string{"--root", rootFolder(s.root)}, args...)
	}
	if name, err := s.command(context.Background(), "rpm", args...); err == nil {
		return "rpm: " + strings.TrimSpace(name)
	}
	return ""
}
