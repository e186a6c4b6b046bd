package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

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
	Restart     string           `json:"restart,omitempty"`  // what of it takes effect after a restart alone
	Reason      string           `json:"reason,omitempty"`   // why the old configuration goes on
	Problems    []config.Problem `json:"problems,omitempty"` // mistakes and warnings
}

// Reload has the agent of a state folder read its configuration, common-config.toml and env-config.json again, and waits
// until the new configuration is up, or the old one is again. errors.Is(err, ErrNotRunning) if there is none.
func Reload(ctx context.Context, stateDir string) (Reloaded, error) {
	var done Reloaded
	raw, err := call(ctx, stateDir, http.MethodPost, "/reload")
	if err != nil {
		return done, fmt.Errorf("reload agent: %w", err)
	}
	if err := json.Unmarshal(raw, &done); err != nil {
		return done, fmt.Errorf("reload agent: read answer: %w (is the agent of another version?)", err)
	}
	return done, nil
}

// statusPatience is how long an agent's status is waited for.
const statusPatience = 30 * time.Second

// AskStatus asks the agent of a state folder for its Status, as JSON: of all files, or of the so many that are farthest
// behind; -1 is all. errors.Is(err, ErrNotRunning) if there is none.
func AskStatus(ctx context.Context, stateDir string, files int) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	path := "/status"
	if files >= 0 {
		path += fmt.Sprintf("?files=%d", files)
	}
	raw, err := call(ctx, stateDir, http.MethodGet, path)
	if err != nil {
		return nil, fmt.Errorf("ask agent: %w", err)
	}
	return raw, nil
}

// call makes one request to the control socket of a state folder.
func call(ctx context.Context, stateDir, method, path string) ([]byte, error) {
	socket := SocketPath(stateDir)
	if err := CheckSocketPath(socket); err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", socket)
		},
	}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, whyNoAnswer(err, stateDir)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	switch answer.StatusCode {
	case http.StatusOK, http.StatusNoContent:
		return raw, nil
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return nil, errors.New("the agent that runs does not know this question: it is of an older version, and takes SIGHUP or a restart instead")
	}
	return nil, errors.New(strings.TrimSpace(string(raw)))
}

// noAnswer is an error with what to do about it; absent tells whether there is no agent.
type noAnswer struct {
	err    error
	hint   string
	absent bool
}

func (e *noAnswer) Error() string { return fmt.Sprintf("%v (%s)", e.err, e.hint) }

func (e *noAnswer) Unwrap() error { return e.err }

func (e *noAnswer) Is(target error) bool { return e.absent && target == ErrNotRunning }

// whyNoAnswer leaves out the request that stands around what happened to the socket.
func whyNoAnswer(err error, stateDir string) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &noAnswer{err, "the socket is for the agent's own user: try sudo, or be that user", false}
	case errors.Is(err, fs.ErrNotExist):
		sudo := ""
		if os.Geteuid() > 0 {
			sudo = ", and for an agent of root try sudo"
		}
		return &noAnswer{err, fmt.Sprintf("no agent runs with the state folder %s; name its folder with --state%s. If it does run, its log says why it has no socket", stateDir, sudo), true}
	case errors.Is(err, noUnixSockets):
		return &noAnswer{err, "this system has no unix sockets, which a control socket is (Windows has them from Windows 10 1803 and Server 2019 on): ask status_address", false}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &noAnswer{err, "an agent was there, and has ended without a word: is it being restarted? Its log may say why", true}
	}
	return &noAnswer{err, "the agent is there but does not answer", false}
}
