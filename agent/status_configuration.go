package agent

import "time"

// OnDisk is what the files of the configuration hold now, beside what runs.
type OnDisk string

const (
	Runs       OnDisk = "runs"       // what is on disk is what runs
	Differs    OnDisk = "differs"    // they were changed since, or were refused
	Unreadable OnDisk = "unreadable" // to the agent's user, at the moment
)

// Configuration is where what runs comes from. It is about common-config.toml and env-config.json as well.
type Configuration struct {
	OnDisk    OnDisk    `json:"on_disk"`
	Applied   time.Time `json:"applied"`
	LastGood  bool      `json:"last_good"`         // what runs was kept by an earlier run: what is on disk has mistakes
	Refused   string    `json:"refused,omitempty"` // why what was on disk was not applied when it was last read
	RefusedAt time.Time `json:"refused_at,omitzero"`
	Restart   string    `json:"restart,omitempty"` // what of it takes effect after a restart alone
	LogLevel  string    `json:"log_level"`
}

// configuration says that something else runs than what the operator has written.
func (v *verdict) configuration() {
	c := v.Configuration
	if c.Refused != "" && c.OnDisk != Runs {
		what := "the configuration on disk is not the one that runs: "
		if c.LastGood {
			what = "the configuration on disk is not the one that runs, which is the last good one: "
		}
		v.say(Degraded, c.RefusedAt, what+c.Refused, "correct it and reload (nephoscope ctl, or SIGHUP); nephoscope check names every mistake, the agent's log what did not come up")
	}
}
