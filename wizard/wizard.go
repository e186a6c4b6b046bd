// Package wizard asks the operator what to collect and writes the config.json that does it. The questions are data
// (questions_*.go), in the order, with the numbers and the defaults of the original's; interview.go puts them, build.go
// makes the configuration of the answers.
package wizard

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/migrate"
)

// Host is what the wizard asks of the machine and of AWS. A function that is nil is something that cannot be found out or
// done here: its part of the interview is left out.
type Host struct {
	OS            string                                                                // linux, windows or darwin
	Hostname      string                                                                // for the parameter's description
	Region        func(ctx context.Context) string                                      // of the EC2 instance that this host is; "": it is none
	ProfileRegion func(ctx context.Context) string                                      // of the profile that on-premises hosts use; "": it has none
	Credentials   func(ctx context.Context) []Credential                                // that this host has, the usual ones first
	Store         func(ctx context.Context, p Parameter) error                          // puts it into Parameter Store
	Denied        func(err error) bool                                                  // whether an error of Store is for want of permission
	XRayDaemons   func() []Daemon                                                       // that are running
	Check         func(name string, content []byte) ([]config.Problem, error)           // the whole of what is wrong with a config.json
	Preview       func(ctx context.Context, mode string, config []byte) (string, error) // what it would send, and what that costs
	Start         func(ctx context.Context, mode, config string) (string, error)        // fetches the configuration and starts the agent; the output
	Control       string                                                                // the control command of this host; "": the one that the package installs
	Exists        func(path string) bool
	UserExists    func(name string) bool
	Now           func() time.Time
	AwsLogs, XRay func(path string) (migrate.Imported, error)
}

// Credential is one of the host's own, or the key pair that was typed.
type Credential struct {
	Label   string // what the operator sees of it
	Profile string // "": what the SDK finds
	KeyID   string // of a pair that was typed
	Secret  string
}

// Parameter is what is stored in Parameter Store.
type Parameter struct {
	Name, Region, Description string
	Value                     []byte
	Credential                Credential
}

// Daemon is a running X-Ray daemon.
type Daemon struct {
	Args   []string // its command line
	Folder string   // that it runs in
}

// Options are where the answers come from and where the configuration goes.
type Options struct {
	In      io.Reader            // the answers, one a line
	Out     io.Writer            // the questions
	Exact   bool                 // In is no dialogue: an answer that does not fit is a mistake, and not asked for again
	Echo    bool                 // print the answers, as there is no terminal that shows them
	Hide    func() (show func()) // stops the terminal from showing what is typed; nil: it is none
	Layout  install.Layout
	Output  string            // file to write; "": the Layout's
	Answers map[string]string // by the question's id; what is not among them takes its default, and In is not read
	Yes     bool              // defaults for all questions that Answers leaves open; In is not read
	Resume  bool              // go on with the answers that an interview which was cut off has left behind
	Host    Host

	TracesOnly    bool   // ask about traces and nothing else
	XRayUnchanged bool   // take over what the X-Ray daemon was told without asking for changes
	Import        string // older agent's configuration that is offered for import; "": where it usually is
	StoreWanted   bool   // store in Parameter Store if nobody answers that question
	StoreName     string // parameter that is offered; "": AmazonCloudWatch- and the system
	StoreRegion   string // region that is offered; "": the host's
}

// file is where the configuration goes.
func (o Options) file() (string, error) {
	return filepath.Abs(orElse(o.Output, o.Layout.WizardConfig()))
}

// unasked is whether nobody sits there who is asked.
func (o Options) unasked() bool { return o.Yes || o.Answers != nil || o.Exact }

// Result is what came of it, for programs.
type Result struct {
	Output    string           `json:"output"`              // the file
	Changed   bool             `json:"changed"`             // whether it is another than before
	Backup    string           `json:"backup,omitempty"`    // where its predecessor is kept
	Problems  []config.Problem `json:"problems"`            // what check would say of it
	Mode      string           `json:"mode"`                // ec2 or onPremise
	Command   string           `json:"command"`             // starts the agent with it
	Parameter string           `json:"parameter,omitempty"` // name in Parameter Store, if it was stored there
	Started   bool             `json:"started"`
	Failures  []string         `json:"failures"` // what was asked for and did not work
}

// Valid is whether the agent would start with it.
func (r Result) Valid() bool {
	return !slices.ContainsFunc(r.Problems, func(p config.Problem) bool { return !p.Warning })
}

// Run asks, and writes the configuration. It ends when In does: what is open then takes its default.
func Run(ctx context.Context, o Options) (Result, error) {
	iv, err := newInterview(ctx, o)
	if err != nil {
		return Result{}, err
	}
	return iv.run()
}

// Migrate writes what the older agent's configuration (Options.Import) amounts to, and asks nothing.
func Migrate(ctx context.Context, o Options) (Result, error) {
	o.Yes = true
	iv, err := newInterview(ctx, o)
	if err != nil {
		return Result{}, err
	}
	return iv.migrate()
}
