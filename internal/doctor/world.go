package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/tailer"
)

// World is everything that the checks look at. Functions that are missing in a test are not called by the check that it is
// about.
type World struct {
	Version string
	Sources []string // configuration files and folders; none: there is no configuration
	Config  *config.Config
	// Problems are what is wrong with the configuration; Unread is why it could not be read at all.
	Problems   []config.Problem
	Unread     error
	Beside     []config.Problem // what is wrong with common-config.toml and env-config.json
	Common     config.CommonConfig
	CommonFile string // "": there is none
	// EnvironmentFile is where env-config.json is, if there is one.
	EnvironmentFile string
	State           string
	Mode            agent.Mode
	Status          *agent.Status // nil: no agent answers
	NoStatus        error         // why
	Given           bool          // the configuration was named; it need not be the running agent's
	User            Who           // that the agent runs as
	NoUser          error         // why that could not be found out
	Home            string        // of that user; "": not known
	NoEnvironment   error         // why the running agent's environment could not be read: this process's stands for it

	Now  func() time.Time
	Env  func(string) string // of the agent
	Host Host
	Net  Net
	AWS  AWS
}

// ErrElsewhere is that something is not known on this system.
var ErrElsewhere = errors.New("not looked at on this system")

// Host is what this machine says. Paths are absolute.
type Host struct {
	Node      func(path string) (Node, error) // of the path itself: links are not followed
	ReadDir   func(path string) ([]fs.DirEntry, error)
	ReadFile  func(path string) ([]byte, error) // small ones
	Tail      func(path string, most int64) ([]byte, error)
	Disk      func(path string) (Disk, error)
	Present   func(config.File) (tailer.Present, error)
	Group     func(gid int) string // its name; "": it has none
	Owner     func(uid int) string // the same of a user
	Processes func() ([]Process, error)
	Units     func(ctx context.Context, names ...string) ([]Unit, error)
	Inotify   func(uid, except int) (Inotify, error) // what a user's processes hold, but one
	Clock     func() (Clock, error)
	OpenFiles func() (uint64, error) // how many a process may have, as for this one
}

// Disk is the room on the file system of a path.
type Disk struct {
	Free, Size uint64 // bytes; free for others than root
	FreeInodes uint64
	Inodes     uint64 // 0: this file system does not count them
	ReadOnly   bool
}

// Process is one of this host.
type Process struct {
	PID  int
	Name string // of its executable, without folders
	Args []string
	Dir  string // in which it runs; "": not known
	Ours bool   // it is nephoscope, under whatever name
}

// Unit is a systemd service as systemctl show tells it.
type Unit struct {
	Name      string
	Loaded    bool
	Active    bool
	AtBoot    string // UnitFileState: enabled, disabled, static, masked, …
	MainPID   int
	ExecStart string
	Ours      bool // what it starts is nephoscope, under whatever name
	// What it may write to: systemd.exec(5).
	ProtectSystem, ReadWritePaths, StateDirectory string
	Capabilities                                  string // CapabilityBoundingSet: what of root's rights it may have at most
}

// Inotify is what is held of the kernel's announcements.
type Inotify struct{ Instances, Watches int }

// Clock is what the kernel says of its own.
type Clock struct {
	Synchronized bool
	MaxError     time.Duration // that it may be off by, by its own estimate
}

// Net is the way to the endpoints, as the agent's requests take it.
type Net struct {
	Resolve func(ctx context.Context, host string) ([]string, error)
	Proxy   func(*http.Request) (*url.URL, error)
	Roots   *x509.CertPool // nil: the system's
	Bundle  string         // the file of certificates that was added; "": none
}

// Identity is as whom requests are signed.
type Identity struct {
	Source  string // in the SDK's words
	KeyID   string
	Expires time.Time // zero: never
	ARN     string
	Account string
	NoARN   error // why STS did not say who this is
	Refused bool  // it was reached, and knows no such credentials
}

// Ask is a question for a permission.
type Ask struct {
	Action string // such as logs:PutLogEvents
	On     string // the log group, or the namespace; "": neither
	To     agent.Destination
}

// Answer is what came of an Ask.
type Answer struct {
	Permitted, Forbidden bool // neither: it is not clear; Err says why
	NoGroup              bool // the log group does not exist
	Err                  error
}

// AWS asks in the agent's name.
type AWS struct {
	Region      func(context.Context) (string, error) // "" with an error: nobody says
	Credentials func(context.Context, agent.Destination) (Identity, error)
	Endpoint    func(ctx context.Context, service string, to agent.Destination) (url.URL, error)
	Probe       func(context.Context, Ask) Answer
}

// owner is a user's name, or number.
func (w *World) owner(uid int) string { return cmp.Or(w.Host.Owner(uid), strconv.Itoa(uid)) }

// toLogs and toMetrics are where the two sections send to; ok is false if the configuration has nothing for them.
func (w *World) toLogs(region string) (to agent.Destination, ok bool) {
	if w.Config == nil || w.Config.Logs == nil {
		return to, false
	}
	l := w.Config.Logs
	if len(l.Files) == 0 && l.EMF == nil && l.Prometheus == nil {
		return to, false
	}
	return in(region, agent.DestinationOf(w.Config.Agent, l.EndpointOverride, l.RoleARN)), true
}

func (w *World) toMetrics(region string) (to agent.Destination, ok bool) {
	if w.Config == nil || w.Config.Metrics == nil || len(w.Config.Metrics.Plugins) == 0 {
		return to, false
	}
	m := w.Config.Metrics
	return in(region, agent.DestinationOf(w.Config.Agent, m.EndpointOverride, m.RoleARN)), true
}

// toHost is where the agent asks about the host itself.
func (w *World) toHost(region string) agent.Destination {
	if w.Config == nil {
		return agent.Destination{Region: region}
	}
	return in(region, agent.DestinationOf(w.Config.Agent, "", w.Config.Agent.RoleARN))
}

func in(region string, d agent.Destination) agent.Destination {
	d.Region = region
	return d
}

// region is where requests go.
func (w *World) region(ctx context.Context) (string, error) {
	if w.Config != nil && w.Config.Agent.Region != "" {
		return w.Config.Agent.Region, nil
	}
	if w.Status != nil && w.Status.Region != "" {
		return w.Status.Region, nil
	}
	return w.AWS.Region(ctx)
}

// isAgents tells whether the agent that runs is what is looked at.
func (w *World) isAgents() bool { return w.Status != nil && !w.Given }

// once finds the files of each entry once: three checks want to know them.
func once(find func(config.File) (tailer.Present, error)) func(config.File) (tailer.Present, error) {
	type key struct{ path, blacklist string }
	var mu sync.Mutex
	known := map[key]func() (tailer.Present, error){}
	return func(f config.File) (tailer.Present, error) {
		k := key{path: f.Path}
		if f.Blacklist != nil {
			k.blacklist = f.Blacklist.String()
		}
		mu.Lock()
		get := known[k]
		if get == nil {
			get = sync.OnceValues(func() (tailer.Present, error) { return find(f) })
			known[k] = get
		}
		mu.Unlock()
		return get()
	}
}
