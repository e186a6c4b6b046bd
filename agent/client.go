package agent

import (
	"context"
	"errors"

	"github.com/nephoscope/nephoscope/config"
)

// ErrNotRunning is that no agent answers on a state folder.
var ErrNotRunning = errors.New("no agent runs")

// Reloaded is what a reload did.
type Reloaded struct {
	Applied     bool             `json:"applied"` // the configuration that was read is what runs
	Changed     bool             `json:"changed"` // it is another one than before
	Started     int              `json:"started"` // tasks
	Stopped     int              `json:"stopped"`
	Undisturbed int              `json:"undisturbed"`
	Reason      string           `json:"reason,omitempty"`   // why the old configuration goes on
	Problems    []config.Problem `json:"problems,omitempty"` // mistakes and warnings
}

// Reload has the agent of a state folder read its configuration, common-config.toml and env-config.json again, and waits
// until the new configuration is up, or the old one is again. errors.Is(err, ErrNotRunning) if there is none.
func Reload(ctx context.Context, stateDir string) (Reloaded, error) {
	return Reloaded{}, errors.New("stand-in")
}
