// Bench measures the agent as operators run it, a process of its own, against an endpoint in this process that only counts,
// and prints each figure beside its bound. It is a benchmark, not a test: a bound that is missed fails nothing, but a line
// that is lost, repeated or out of order does.
//
//	go run ./internal/bench [--size 1GiB] [--only ship,idle,…] [--runs N] [--json]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if itself, err := beAnother(os.Args[1:]); itself {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// beAnother does what the program starts itself for.
func beAnother(args []string) (itself bool, err error) {
	switch {
	case len(args) == 3 && args[0] == floorCommand:
		return true, beFloor(args[1], args[2])
	case len(args) == 2 && args[0] == holdCommand:
		return true, beHolder(args[1])
	}
	return false, nil
}

// bench is one invocation: a folder for all that it makes, and what all measurements use.
type bench struct {
	dir                   string
	root                  string // of the module
	agent                 string // the binary
	peer                  string // the same; "": it could not be built
	peerTried             bool
	size                  int64 // of the access log, at least
	idleTime, trickleTime time.Duration
	log                   struct {
		path         string
		lines, bytes int64
	}
	floors map[string]floorResult // of this round
}

// measurement is one thing that can be asked for by name.
type measurement struct {
	name, about string
	measure     func(*bench, context.Context) ([]row, error)
	extra       bool // only when asked for
	root        bool // it takes root
}

func measurements() []measurement {
	return []measurement{
		{name: "size", about: "the binary's size", measure: (*bench).measureSize},
		{name: "start", about: "start to first requests", measure: (*bench).measureStart},
		{name: "floor", about: "the least that shipping can cost", measure: (*bench).measureFloors},
		{name: "ship", about: "a large file, beside the floor", measure: (*bench).measureShip},
		{name: "verify", about: "every line of a smaller file compared", measure: (*bench).measureVerify},
		{name: "trickle", about: "5,000 lines/s: cost and delay", measure: (*bench).measureTrickle},
		{name: "latency", about: "50 lines/s: delay", measure: (*bench).measureLatency},
		{name: "idle", about: "all collectors at 10 s and a quiet log", measure: (*bench).measureIdle},
		{name: "peer", about: "host metrics at 1 s, beside Telegraf", measure: (*bench).measurePeer, root: true},
		{name: "idle1s", about: "the same at 1 s", measure: (*bench).measureIdleFast, extra: true},
		{name: "crowd", about: "a pattern among 5,000 processes at 1 s, beside Telegraf", measure: (*bench).measureCrowd, extra: true},
		{name: "sockets", about: "50,000 sockets counted at 1 s, beside Telegraf", measure: (*bench).measureSockets, extra: true, root: true},
		{name: "statsd", about: "100,000 packets/s for ten seconds", measure: (*bench).measureBlast, extra: true},
		{name: "live", about: "1,000 files at a line a second", measure: (*bench).measureLive, extra: true},
		{name: "many", about: "10,000 idle files", measure: (*bench).measureMany, extra: true},
	}
}

func run(ctx context.Context, args []string) (err error) {
	b := &bench{size: 1 << 30}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Func("size", "`bytes` of the access log, such as 256MiB (default 1GiB)", func(s string) (err error) {
		b.size, err = parseSize(s)
		return err
	})
	only := flags.String("only", "", "measure these alone, `names` with commas: "+names())
	runs := flags.Int("runs", 1, "measure this many times and print medians")
	asJSON := flags.Bool("json", false, "print JSON")
	flags.StringVar(&b.agent, "agent", "", "measure this `binary` instead of building one")
	flags.DurationVar(&b.idleTime, "idle", time.Minute, "how long to be idle")
	flags.DurationVar(&b.trickleTime, "trickle", 30*time.Second, "how long to write slowly")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if err := supported(); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "nephoscope-bench"); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	where := thisMachine()
	if err := b.build(ctx); err != nil {
		return err
	}
	rows, err := b.measureAll(ctx, chosen, *runs)
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(os.Stdout, where, rows)
	}
	fmt.Println(where)
	return printTable(os.Stdout, rows)
}

// measureAll takes every measurement once a round, so that those that are compared are taken near each other.
func (b *bench) measureAll(ctx context.Context, chosen []measurement, runs int) (rows []row, err error) {
	rounds := make([][][]row, len(chosen))
	for n := range max(1, runs) {
		b.floors = map[string]floorResult{}
		for i, m := range chosen {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s, %s …\n", n+1, max(1, runs), m.name, m.about)
			got, err := m.measure(b, ctx)
			if err != nil {
				return nil, err
			}
			rounds[i] = append(rounds[i], got)
		}
	}
	for _, r := range rounds {
		rows = append(rows, median(r)...)
	}
	return rows, nil
}

func names() string {
	var all []string
	for _, m := range measurements() {
		all = append(all, m.name)
	}
	return strings.Join(all, ", ")
}

func choose(only string) (chosen []measurement, err error) {
	all := measurements()
	if only == "" {
		return slices.DeleteFunc(all, func(m measurement) bool {
			if !m.extra && m.root && os.Geteuid() != 0 {
				fmt.Fprintf(os.Stderr, "NOT MEASURED: %s (%s), which takes root\n", m.name, m.about)
				return true
			}
			return m.extra
		}), nil
	}
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(m measurement) bool { return m.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("nothing is called %q: there are %s", name, names())
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// build makes the agent with the flags of a release.
func (b *bench) build(ctx context.Context) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("build agent: look for its module: %w", err)
	}
	b.root = strings.TrimSpace(string(root))
	if b.agent != "" {
		return nil
	}
	b.agent = filepath.Join(b.dir, "nephoscope")
	cmd := exec.CommandContext(ctx, filepath.Join(b.root, "scripts", "build.sh"), "nephoscope", b.agent)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build agent: %w: %s", err, said)
	}
	return nil
}

// makeLog makes the access log, if no measurement before has.
func (b *bench) makeLog() (err error) {
	if b.log.path != "" {
		return nil
	}
	path := filepath.Join(b.dir, "access.log")
	if b.log.lines, b.log.bytes, err = writeAccessLog(path, b.size); err != nil {
		return err
	}
	b.log.path = path
	return nil
}

// parseSize reads a number of bytes, with a unit or without.
func parseSize(s string) (int64, error) {
	number, unit := s, int64(1)
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		if n, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = n, u.bytes
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n <= 0 || n > 1<<50/unit {
		return 0, fmt.Errorf("size %q is not a number of bytes such as 1048576, 256MiB or 1GiB", s)
	}
	return n * unit, nil
}
