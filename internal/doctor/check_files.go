package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/nephoscope/nephoscope/tailer"
)

// lookAtFiles asks of each file that matches now whether the agent's user may read it, and of each folder whether it may be
// listed: the agent reads folders, also where a path has no wildcard.
func lookAtFiles(ctx context.Context, w *World, r *Result) {
	if w.Config == nil || w.Config.Logs == nil || len(w.Config.Logs.Files) == 0 {
		r.skip("the configuration names no log files")
		return
	}
	if w.NoUser != nil {
		r.fail("name a user that exists in agent.run_as_user, or with --user", "%v", w.NoUser)
		return
	}
	f := filesSeen{w: w, look: remembering(w.Host.Node), blocked: map[string]*blocked{}}
	for _, entry := range w.Config.Logs.Files {
		if ctx.Err() != nil {
			r.fail("does a disk or a network mount hang?", "there was no time for %s and what follows", entry.Path)
			break
		}
		if err := f.entry(entry, r); errors.Is(err, ErrElsewhere) {
			r.skip("%v", err)
			return
		}
	}
	f.tell(r)
	if len(r.Findings) == 0 {
		r.Says = fmt.Sprintf("%s, readable by %s", output.Count(f.files, "file"), w.User.Name)
	}
	f.confinement(r)
}

// filesSeen gathers what keeps files from being read, by the component at which it does: one folder may stand before
// thousands of files.
type filesSeen struct {
	w       *World
	look    func(string) (Node, error)
	files   int
	absent  int
	blocked map[string]*blocked
	order   []string
}

type blocked struct {
	block
	folder bool
	behind []string // what cannot be read for it
	within bool     // and some of that lies in the folder itself, and could not be read either if the folder let through
}

func (f *filesSeen) entry(entry config.File, r *Result) error {
	p, err := f.w.Host.Present(entry)
	if err != nil {
		return err // the configuration's mistake, which has been told
	}
	for _, folder := range p.Folders {
		if err := f.meet(folder, mayRead|mayEnter, true); err != nil {
			return err
		}
	}
	for _, path := range p.Files {
		f.files++
		if err := f.meet(path, mayRead, false); err != nil {
			return err
		}
	}
	if len(p.Files) == 0 {
		f.absent++
		f.nothing(entry, p, r)
	}
	return nil
}

// meet notes what is in the way, if something is. Nodes that went away meanwhile are nobody's trouble.
func (f *filesSeen) meet(path string, want uint16, folder bool) error {
	b := reach(f.look, f.w.User, path, want)
	if b == nil || errors.Is(b.err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(b.err, ErrElsewhere) {
		return b.err
	}
	known := f.blocked[b.path]
	if known == nil {
		known = &blocked{block: *b, folder: b.node.Mode.IsDir()}
		f.blocked[b.path] = known
		f.order = append(f.order, b.path)
	}
	known.want |= b.want
	if !folder {
		known.behind = append(known.behind, path)
		if node, err := f.look(path); err == nil && known.folder && filepath.Dir(path) == b.path {
			ok, _ := node.allows(f.w.User, mayRead)
			known.within = known.within || !ok
		}
	}
	return nil
}

// tell makes findings: one for each folder that is in the way, and one for all files of a folder that are so themselves.
func (f *filesSeen) tell(r *Result) {
	files := map[string][]*blocked{}
	for _, path := range f.order {
		b := f.blocked[path]
		if b.err != nil {
			cure := ""
			if errors.Is(b.err, fs.ErrPermission) {
				cure = "run nephoscope doctor as root: sudo nephoscope doctor"
			}
			r.fail(cure, "%s cannot be looked at: %v", b.path, b.err)
			continue
		}
		if b.folder {
			what := fmt.Sprintf("the folder %s cannot be %s by %s: %s", b.path, verb(b.want, true), f.w.User.Name, f.owners(b))
			if n := len(b.behind); n > 0 {
				r.fail(f.folderCure(b), "%s; %s behind it", what, output.Count(n, "log file"))
			} else if _, err := f.w.Host.ReadDir(b.path); errors.Is(err, fs.ErrPermission) {
				r.fail(f.folderCure(b), "%s; what is behind it is not seen from here either (run nephoscope doctor as root)", what)
			} else {
				r.warn(f.folderCure(b), "%s; no file behind it matches now", what)
			}
			continue
		}
		parent := filepath.Dir(b.path)
		files[parent] = append(files[parent], b)
	}
	for _, parent := range sortedKeys(files) {
		some := files[parent]
		what := fmt.Sprintf("%s cannot be read by %s: %s", some[0].path, f.w.User.Name, f.owners(some[0]))
		if n := len(some) - 1; n > 0 {
			what += fmt.Sprintf("; and %d more in this folder", n)
		}
		r.fail(f.fileCure(parent, some), "%s", what)
	}
}

// owners says why: whose it is, and who may do what.
func (f *filesSeen) owners(b *blocked) string {
	text := fmt.Sprintf("mode %s, owner %s, group %s", b.node, f.w.owner(b.node.UID), cmp.Or(f.w.Host.Group(b.node.GID), fmt.Sprint(b.node.GID)))
	if b.masked {
		text += "; an ACL entry would allow it, but the ACL's mask takes it back (chmod sets the mask, and so does logrotate's create)"
	}
	return text
}

// folderCure lets the user through. Default entries make it hold for files that are yet to come.
func (f *filesSeen) folderCure(b *blocked) string {
	if b.masked {
		return fmt.Sprintf("sudo setfacl -m m::%s %s", letters(b.want|mayEnter), install.ShellWord(b.path))
	}
	cure := fmt.Sprintf("sudo setfacl -m u:%s:%s %s", f.w.User.Name, letters(b.want), install.ShellWord(b.path))
	if b.within {
		cure = fmt.Sprintf("sudo setfacl -R -m u:%s:rX %s", f.w.User.Name, install.ShellWord(b.path))
	}
	if len(b.behind) > 0 && b.want&mayRead != 0 {
		cure += fmt.Sprintf(" && sudo setfacl -d -m u:%s:rX %s", f.w.User.Name, install.ShellWord(b.path))
	}
	return cure + f.joining(b)
}

func (f *filesSeen) fileCure(parent string, some []*blocked) string {
	var paths []string
	for _, b := range some {
		paths = append(paths, b.path)
	}
	name := f.w.User.Name
	rotated := fmt.Sprintf("sudo setfacl -d -m u:%s:rX %s", name, install.ShellWord(parent))
	switch {
	case some[0].masked:
		return fmt.Sprintf("sudo setfacl -m m::r %s; and in logrotate's configuration: create 0640", quotedAll(paths[:min(len(paths), 3)]))
	case len(paths) <= 3:
		return fmt.Sprintf("sudo setfacl -m u:%s:r %s && %s (the second is for the files to come)", name, quotedAll(paths), rotated) + f.joining(some[0])
	}
	return fmt.Sprintf("sudo setfacl -R -m u:%s:rX %s && %s (the second is for the files to come)", name, install.ShellWord(parent), rotated) + f.joining(some[0])
}

// joining offers the group that the path belongs to, where belonging to it would do: on many systems logs are for adm.
func (f *filesSeen) joining(b *blocked) string {
	group := f.w.Host.Group(b.node.GID)
	if group == "" || b.node.GID == 0 {
		return ""
	}
	path, want := b.path, b.want
	if len(b.behind) > 0 {
		path, want = b.behind[0], uint16(mayRead)
	}
	member := f.w.User
	member.GIDs = append(slices.Clone(member.GIDs), b.node.GID)
	if reach(f.look, member, path, want) != nil {
		return ""
	}
	return fmt.Sprintf("; or sudo usermod -aG %s %s, and restart the agent", install.ShellWord(group), install.ShellWord(f.w.User.Name))
}

// nothing tells of an entry that matches nothing: how far its path is there, and what has a similar name.
func (f *filesSeen) nothing(entry config.File, p tailer.Present, r *Result) {
	if p.Near != "" {
		missing := firstMissing(p.Near, entry.Path)
		_ = f.meet(missing, mayEnter, true) // it is not there, but what leads to it may be closed as well
		if _, err := f.look(missing); errors.Is(err, fs.ErrPermission) {
			return // that has been noted; whether it is there is not known
		}
		r.warn(didYouMean(f.similar(p.Near, filepath.Base(missing))), "%s matches no file: there is no %s", entry.Path, missing)
		return
	}
	folder := filepath.Dir(entry.Path)
	if len(p.Folders) > 0 {
		folder = p.Folders[0]
	}
	r.warn(didYouMean(f.similar(folder, filepath.Base(entry.Path))), "%s matches no file in %s", entry.Path, folder)
}

// firstMissing is the first component of a path that is not there, below one that is.
func firstMissing(near, path string) string {
	rest, inside := strings.CutPrefix(filepath.Clean(path), strings.TrimSuffix(near, "/")+"/")
	if !inside {
		return path
	}
	first, _, _ := strings.Cut(rest, "/")
	return filepath.Join(near, first)
}

func didYouMean(name string) string {
	if name == "" {
		return "the agent goes on looking: if the file comes later, there is nothing to do"
	}
	return "did you mean " + name + "?"
}

// similar finds a name in a folder that one may have meant.
func (f *filesSeen) similar(folder, name string) string {
	entries, err := f.w.Host.ReadDir(folder)
	if err != nil {
		return ""
	}
	bare := strings.Trim(strings.ToLower(name), "*?")
	best, least := "", min(max(len(bare)/3, 2), len(bare)-1)+1
	for i, e := range entries {
		if i > 10_000 {
			break
		}
		if d := distance(bare, strings.ToLower(e.Name())); d < least {
			best, least = filepath.Join(folder, e.Name()), d
		}
	}
	return best
}

// distance is how many letters have to be changed, added or left out.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// confinement reminds of what modes and ACLs do not show.
func (f *filesSeen) confinement(r *Result) {
	if raw, err := f.w.Host.ReadFile("/sys/fs/selinux/enforce"); err == nil && strings.TrimSpace(string(raw)) == "1" {
		r.note("SELinux is enforcing, which this check does not see (sudo ausearch -m avc -ts recent shows what it has forbidden)")
	}
	if f.w.isAgents() {
		if raw, err := f.w.Host.ReadFile(fmt.Sprintf("/proc/%d/attr/current", f.w.Status.PID)); err == nil && strings.Contains(string(raw), "(enforce)") {
			r.note("AppArmor confines the agent (%s), which this check does not see", strings.TrimSpace(string(raw)))
		}
	}
}
