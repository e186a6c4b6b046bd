// Torture runs the agent as operators do, a process of its own, and does to it what a bad week does: it is killed, stopped and
// started again, its logs are rotated in every way, the service behind it fails, hangs, denies, forgets, and stores what it
// does not acknowledge. Each line that was written is numbered; in the end every one has to be in the store. So are documents
// that are sent to it by TCP (emf): those of which it has said that they are accepted have to be there.
//
//	go run ./internal/torture [--duration 10m] [--seed N] [--files N] [--read-back] [--json]
//
// It ends with status 1 when a line is lost, out of order or not what was written, or when more is repeated than was on the
// wire when the agent was killed or a request remained without an answer. Then it leaves its folder behind, with a history.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	duration time.Duration
	seed     uint64
	files    int
	rate     int // lines a second, of all files together
	readBack bool
	agent    string // the binary; empty: it is built
	progress io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := command(ctx, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	o := options{progress: os.Stderr}
	flags := flag.NewFlagSet("torture", flag.ContinueOnError)
	flags.DurationVar(&o.duration, "duration", 10*time.Minute, "how long to torture; what has not arrived by then is waited for")
	flags.Uint64Var(&o.seed, "seed", rand.Uint64()>>32, "of what happens and when; the times that things take are never the same")
	flags.IntVar(&o.files, "files", 8, "how many log files to write, up to 100")
	flags.IntVar(&o.rate, "rate", 5000, "lines to write a second, all files together")
	flags.BoolVar(&o.readBack, "read-back", false, "run the agent with nephoscope.read_back")
	flags.StringVar(&o.agent, "agent", "", "torture this `binary` instead of building one")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("read arguments: %q is surplus; see --help", flags.Arg(0))
	}
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nephoscope-torture")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	fmt.Fprintf(o.progress, "seed %d, in %s\n", o.seed, dir)
	if o.agent == "" {
		if o.agent, err = build(ctx, dir); err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
	}
	report, err := run(ctx, o, dir)
	if err != nil {
		return fmt.Errorf("%w (seed %d; history.log, agent.log and the logs are in %s)", err, o.seed, dir)
	}
	if err := report.print(os.Stdout, *asJSON); err != nil {
		return err
	}
	if len(report.Problems) > 0 {
		return fmt.Errorf("%d problems (seed %d; history.log, arrivals.log, agent.log and the logs are in %s)", len(report.Problems), o.seed, dir)
	}
	return os.RemoveAll(dir)
}

func (o options) check() error {
	switch {
	case runtime.GOOS != "linux":
		return errors.New("start torture: it needs Linux, for /proc and signals")
	case o.duration < 5*time.Second:
		return fmt.Errorf("read --duration: %s is below 5s", o.duration)
	case o.files < 1 || o.files > 100:
		return fmt.Errorf("read --files: %d is not from 1 to 100", o.files)
	case o.rate < 1 || o.rate > 1_000_000:
		return fmt.Errorf("read --rate: %d is not from 1 to 1000000", o.rate)
	}
	return nil
}

// build makes the agent with the flags of a release.
func build(ctx context.Context, dir string) (string, error) {
	agent := filepath.Join(dir, "nephoscope")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", agent, "github.com/nephoscope/nephoscope/cmd/nephoscope")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build agent: %w: %s", err, said)
	}
	return agent, nil
}
