package doctor

import (
	"context"
	"errors"
	"strings"

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
		if len(r.Findings) == 0 {
			r.Says = u.Name + " starts at boot"
		}
		return
	}
	r.skip("no systemd service starts nephoscope")
}
