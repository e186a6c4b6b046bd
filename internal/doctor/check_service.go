package doctor

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

// ownUnit is what many call a unit that they have written for nephoscope; none is installed under that name. The other unit
// that is looked at has the original's name: what it starts decides whose it is.
const ownUnit = "nephoscope.service"

func awslogsUnits() []string { return []string{"awslogsd.service", "awslogs.service"} }

// isOurs tells whether a unit starts nephoscope.
func (u Unit) isOurs() bool { return u.Name == ownUnit || u.Ours }

// service is the unit that starts nephoscope, for cures; "": there is none.
func (w *World) service(ctx context.Context) string {
	units, _ := w.Host.Units(ctx, ownUnit, install.UnitName) // without systemd there are none
	for _, u := range units {
		if u.Loaded && u.isOurs() {
			return strings.TrimSuffix(u.Name, ".service")
		}
	}
	return ""
}

// ServiceUser is who the unit that starts nephoscope has it run as where agent.run_as_user is not set; "": it says nothing, or
// there is none.
func (w *World) ServiceUser(ctx context.Context) string {
	units, _ := w.Host.Units(ctx, ownUnit, install.UnitName)
	for _, u := range units {
		if u.Loaded && u.isOurs() {
			return u.user()
		}
	}
	return ""
}

// user is what follows --user in the command line.
func (u Unit) user() string {
	words := strings.Fields(u.ExecStart)
	for i, word := range words {
		if name, ok := strings.CutPrefix(word, "--user="); ok {
			return name
		}
		if word == "--user" && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}

// lookAtSandbox tells whether the unit lets the agent write where the configuration has it write.
func lookAtSandbox(w *World, u Unit, r *Result) {
	if u.ProtectSystem != "strict" || w.Config == nil || w.Status != nil && w.Status.PID != u.MainPID {
		return
	}
	var open []string
	for path := range strings.FieldsSeq(u.ReadWritePaths) {
		open = append(open, strings.TrimLeft(path, "-+"))
	}
	for name := range strings.FieldsSeq(u.StateDirectory) {
		name, _, _ = strings.Cut(name, ":")
		open = append(open, filepath.Join("/var/lib", name))
	}
	closed := map[string]string{} // by folder: what for
	need := func(dir, what string) {
		if filepath.IsAbs(dir) && !slices.ContainsFunc(append(open, "/dev"), func(path string) bool {
			return dir == path || strings.HasPrefix(dir, strings.TrimSuffix(path, "/")+"/")
		}) {
			closed[dir] = what
		}
	}
	if w.Status != nil {
		need(w.State, "the state")
	}
	need(filepath.Dir(w.Config.Agent.LogFile), "agent.logfile")
	if w.Config.Logs != nil {
		for _, f := range w.Config.Logs.Files {
			if f.AutoRemoval {
				need(fixedFolder(f.Path), "auto_removal of "+f.Path)
			}
		}
	}
	say := r.fail
	if w.Given { // which need not be for the service
		say = r.warn
	}
	for _, dir := range sortedKeys(closed) {
		say("sudo systemctl edit "+strings.TrimSuffix(u.Name, ".service")+", add [Service] ReadWritePaths="+dir+", and restart it", "%s does not let the agent write to %s, which %s needs", u.Name, dir, closed[dir])
	}
}

// measuredWithRights are the capabilities that measurements take and the package's unit does not have.
var measuredWithRights = []struct {
	capability, text, otherwise string
	by                          func(config.Plugin) bool
}{
	{"CAP_SYS_ADMIN", "diskio measures ebs_… or instance_store_…, for which the kernel wants CAP_SYS_ADMIN: %s does not have it (docs/metrics.md, diskio)",
		"or leave these measurements out", config.Plugin.AsksNVMe},
	{"CAP_SYS_PTRACE", "procstat has exe, read_… or write_…, for which the kernel wants CAP_SYS_PTRACE where a process is not the agent's own: %s does not have it (docs/metrics.md, procstat)",
		`or use "pattern" in place of "exe", and leave these measurements out`, config.Plugin.LooksIntoProcesses},
}

// lookAtRights tells whether the service has the rights that what it measures takes: the agent has them as root alone, and only
// if the unit leaves them to root.
func lookAtRights(w *World, u Unit, r *Result) {
	if w.Config == nil || w.Config.Metrics == nil {
		return
	}
	root := cmp.Or(w.Config.Agent.RunAsUser, u.user(), "root") == "root"
	for _, right := range measuredWithRights {
		allowed := u.Capabilities == "" || slices.Contains(strings.Fields(u.Capabilities), strings.ToLower(right.capability))
		if root && allowed || !slices.ContainsFunc(w.Config.Metrics.Plugins, right.by) {
			continue
		}
		r.warn("sudo systemctl edit "+strings.TrimSuffix(u.Name, ".service")+", add [Service] CapabilityBoundingSet="+right.capability+
			`, set "run_as_user": "root" in the section agent, and restart it; `+right.otherwise, right.text, u.Name)
	}
}

// fixedFolder is the folder of a pattern up to its first wildcard.
func fixedFolder(pattern string) string {
	dir := filepath.Dir(pattern)
	for strings.ContainsAny(dir, `*?[{\`) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// lookAtService tells whether the agent comes back after the host has been started again.
func lookAtService(ctx context.Context, w *World, r *Result) {
	units, err := w.Host.Units(ctx, ownUnit, install.UnitName)
	if errors.Is(err, ErrElsewhere) {
		r.skip("there is no systemd here")
		return
	} else if err != nil {
		r.skip("systemd does not answer: %v", err)
		return
	}
	for _, u := range units {
		if !u.Loaded || !u.isOurs() {
			continue
		}
		name := strings.TrimSuffix(u.Name, ".service")
		switch u.AtBoot {
		case "enabled", "enabled-runtime", "static", "alias", "linked", "generated", "indirect":
		case "masked":
			r.warn("sudo systemctl unmask "+name+" && sudo systemctl enable "+name, "%s is masked: nothing can start it", u.Name)
		default:
			r.warn("sudo systemctl enable "+name, "%s does not start at boot (it is %s)", u.Name, u.AtBoot)
		}
		if w.Status != nil && u.MainPID != 0 && u.MainPID != w.Status.PID && !w.Given {
			r.warn("", "%s runs as process %d, and the agent of %s is process %d", u.Name, u.MainPID, w.State, w.Status.PID)
		}
		if w.Status == nil && !u.Active {
			r.warn("sudo systemctl start "+name, "%s is not running", u.Name)
		}
		lookAtSandbox(w, u, r)
		lookAtRights(w, u, r)
		if len(r.Findings) == 0 {
			r.Says = u.Name + " starts at boot"
		}
		return
	}
	r.skip("no systemd service starts nephoscope")
}
