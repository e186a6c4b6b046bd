package migrate

import (
	"errors"
	"io/fs"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/tailer"
)

// Checkpoint is what the original remembers of a log file, and what becomes of it here.
type Checkpoint struct {
	State    string `json:"state"`             // name of the state file
	Path     string `json:"path"`              // of the log file; "": the state does not say
	Offset   int64  `json:"offset"`            // every byte before it was acknowledged
	Gaps     bool   `json:"gaps,omitempty"`    // some behind it were too: those are sent again
	Adopted  bool   `json:"adopted"`           // reading goes on there
	File     string `json:"file,omitempty"`    // the file that is read first: the one at Path, or one that it was rotated to
	From     int64  `json:"from"`              // where in File
	Size     int64  `json:"size"`              // of File now; of what is at Path if there is none, -1 if nothing is
	Unread   int64  `json:"unread"`            // bytes of File that would be sent; -1: it is compressed, and that is not known
	Reason   string `json:"reason"`            // why
	Problem  string `json:"problem,omitempty"` // why it cannot be used
	Followed bool   `json:"followed"`          // an entry of the configuration follows Path
}

// Checkpoints lists those of the original, and what a first start with the configuration would make of them, without touching
// anything. A path that this agent has read already goes on by its own checkpoint, which is not looked at here.
func Checkpoints(l install.Layout, c *config.Config) ([]Checkpoint, error) {
	states, err := tailer.OriginalStates(l.OriginalState(), l.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Checkpoint
	for _, s := range states {
		p := Checkpoint{State: s.Name, Path: s.Path, Offset: s.Offset, Gaps: s.Gaps, File: s.File, From: s.From, Size: s.Size, Unread: s.Unread(), Reason: s.Reason}
		p.Followed = s.Path != "" && follows(c, s.Path)
		p.Adopted = p.Followed && s.File != "" && s.Err == nil
		switch {
		case s.Err != nil:
			p.Problem = s.Err.Error()
		case s.Path == "":
			p.Problem = "it is from an old version and names no file: it is used if one file of this host alone can be meant"
		case !p.Followed:
			p.Reason = "no entry of the configuration follows this file"
		}
		all = append(all, p)
	}
	return all, nil
}

func follows(c *config.Config, path string) bool {
	if c == nil || c.Logs == nil {
		return false
	}
	for _, f := range c.Logs.Files {
		if tailer.Follows(f, path) {
			return true
		}
	}
	return false
}
