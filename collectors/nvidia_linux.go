package collectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

const (
	nvidiaProgram = "/usr/bin/nvidia-smi"
	// nvidiaPatience is how long it may take, as in the original. It is then killed; where that is of no avail, because it
	// waits for the driver and cannot be interrupted, it is left behind and not started again before it has ended.
	nvidiaPatience = 5 * time.Second
	nvidiaGrace    = time.Second
	// mostNvidia bounds what is read of it: some 50 KiB for each of its processors are usual.
	mostNvidia = 16 << 20
)

type nvidiaCollector struct {
	host     Host
	program  string
	patience time.Duration
	trusted  func(path string) error // refuses what is not to be started
	output   *inquiry[[]byte]
	dims     map[nvidiaIdentity][]cloudwatch.Dimension
	data     []cloudwatch.Datum
	*sheet[gpu]
}

// nvidiaIdentity is what tells one processor from the others.
type nvidiaIdentity struct {
	name, arch string
	index      int
}

func buildNvidia(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, nvidiaTable)
	if s == nil {
		return nil, problems
	}
	c := &nvidiaCollector{
		host: h, program: nvidiaProgram, patience: nvidiaPatience, trusted: rootsAlone, dims: map[nvidiaIdentity][]cloudwatch.Dimension{}, sheet: s,
	}
	c.output = newInquiry(0, c.run)
	c.output.patience = nvidiaPatience + 2*nvidiaGrace
	return c, problems
}

func (c *nvidiaCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	answer := c.output.ask(ctx, []string{c.program})[0]
	if errors.Is(answer.err, fs.ErrNotExist) {
		return nil, Notice{"nvidia_gpu: there is no " + c.program + ": it comes with NVIDIA's driver"}
	}
	if answer.err != nil {
		return nil, fmt.Errorf("ask nvidia-smi: %w", answer.err)
	}
	gpus, err := parseNvidia(answer.value)
	if err != nil {
		return nil, err
	}
	c.data = c.data[:0]
	for i := range gpus {
		id := nvidiaIdentity{gpus[i].Name, gpus[i].Arch, i}
		dims, known := c.dims[id]
		if !known {
			dims = c.dimensions("name", id.name, "index", strconv.Itoa(i), "arch", id.arch)
			c.dims[id] = dims
		}
		c.data = c.fill(c.data, now, &gpus[i], dims)
	}
	return c.data, nil
}

// run has the program write what it knows.
func (c *nvidiaCollector) run(program string) ([]byte, error) {
	if c.host.Root != "" {
		return os.ReadFile(filepath.Join(c.host.Root, "nvidia-smi.xml"))
	}
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		return nil, err
	}
	for _, path := range []string{real, filepath.Dir(real)} {
		if err := c.trusted(path); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	command := exec.CommandContext(ctx, real, "-q", "-x")
	command.Env = append(os.Environ(), "LC_ALL=C")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it has started is killed with it
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = nvidiaGrace
	var out, complaint bounded
	out.most, complaint.most = mostNvidia, 4<<10
	command.Stdout, command.Stderr = &out, &complaint
	err = command.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("it did not answer in %s, and was ended", c.patience)
	case errors.Is(err, fs.ErrNotExist): // the program is there
		return nil, errors.New(real + " cannot be started: what it is to be loaded or interpreted by is missing")
	case err != nil && out.Len()+complaint.Len() == 0:
		return nil, fmt.Errorf("%w, and it said nothing", err)
	case err != nil:
		said, _, _ := strings.Cut(strings.TrimSpace(out.String()+complaint.String()), "\n") // it complains where it should answer
		return nil, fmt.Errorf("%w: %.200q", err, said)
	case out.cut:
		return nil, fmt.Errorf("it wrote more than %d MiB", mostNvidia>>20)
	}
	return out.Bytes(), nil
}

// rootsAlone refuses a program that somebody else than root may replace: the agent can read what they cannot.
func rootsAlone(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	of := info.Sys().(*syscall.Stat_t) // as it always is here
	if of.Uid != 0 || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not started: it has to be root's, and nobody else may be permitted to write to it (it is of user %d, mode %#o)", path, of.Uid, info.Mode().Perm())
	}
	return nil
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	bytes.Buffer
	most int
	cut  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.most-b.Len())
	b.cut = b.cut || keep < len(p)
	b.Buffer.Write(p[:keep])
	return len(p), nil
}
