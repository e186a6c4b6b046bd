// Command demo is what make run starts: the local CloudWatch, and the agent shipping this host's metrics and a growing
// access log into it. Nothing leaves the machine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	patience   = 15 * time.Second // for the console to answer
	visitEvery = 2 * time.Second  // how often we ask for the page ourselves, so that its log grows unwatched too
	stopTime   = 10 * time.Second
)

func main() {
	bin := flag.String("bin", "bin", "folder of nephoscope and nephoscope-local")
	dir := flag.String("dir", ".run", "folder for data, logs and state")
	listen := flag.String("listen", "127.0.0.1:4586", "address of the local CloudWatch")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *bin, *dir, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin, dir, listen string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	console := "http://" + listen
	service, err := serve(ctx, bin, dir, listen)
	if err != nil {
		return err
	}
	defer service.stop()
	if err := answers(ctx, console, service); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	logs, err := writeConfig(dir)
	if err != nil {
		return err
	}
	agent, err := start(filepath.Join(bin, "nephoscope"), filepath.Join(dir, "agent.log"), []string{
		"AWS_ENDPOINT_URL=" + console, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}, "run", "--mode", "onPremise", "--config", filepath.Join(dir, "config.json"), "--state", filepath.Join(dir, "state"), "--common-config", os.DevNull)
	if err != nil {
		return err
	}
	defer agent.stop()
	fmt.Printf("\n  console   %s\n  metrics   cpu, mem, disk, diskio and swap of this host every 5 s, namespace CWAgent\n", console)
	for _, l := range logs {
		fmt.Printf("  log       %s  →  log group %s\n", l.path, l.group)
	}
	if len(logs) == 1 {
		fmt.Println("            (there is no /var/log/syslog or /var/log/messages here that can be read)")
	}
	fmt.Printf("  agent     %s (its log: %s)\n\nCtrl-C stops both.\n\n", filepath.Join(dir, "config.json"), filepath.Join(dir, "agent.log"))
	return watch(ctx, console, service, agent)
}

// log is a file that the agent follows.
type log struct{ path, group string }

// writeConfig writes a config.json for the agent: five plugins, the console's access log and the system log, if that can
// be read.
func writeConfig(dir string) ([]log, error) {
	logs := []log{{filepath.Join(dir, "access.log"), "demo/access-log"}}
	for _, path := range []string{"/var/log/syslog", "/var/log/messages"} {
		if f, err := os.Open(path); err == nil {
			_ = f.Close()
			logs = append(logs, log{path, "demo/system-log"})
			break
		}
	}
	type entry map[string]any
	var files []entry
	for _, l := range logs {
		e := entry{"file_path": l.path, "log_group_name": l.group, "log_stream_name": "{local_hostname}", "retention_in_days": 7}
		if l.group == "demo/access-log" {
			e["timestamp_format"] = "%d/%b/%Y:%H:%M:%S %z"
		}
		files = append(files, e)
	}
	measure := func(names ...string) entry { return entry{"measurement": names} }
	cpu := measure("usage_active", "usage_user", "usage_system", "usage_iowait", "usage_idle")
	cpu["resources"] = []string{"*"}
	disk := measure("used_percent", "inodes_free")
	disk["ignore_pseudo_file_systems"] = true
	raw, err := json.MarshalIndent(entry{
		"agent": entry{"metrics_collection_interval": 5},
		"metrics": entry{"force_flush_interval": 5, "metrics_collected": entry{
			"cpu": cpu, "disk": disk,
			"mem":    measure("used_percent", "available_percent"),
			"diskio": measure("read_bytes", "write_bytes", "io_time"),
			"swap":   measure("used_percent"),
		}},
		"logs": entry{"force_flush_interval": 1, "logs_collected": entry{"files": entry{"collect_list": files}}},
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	return logs, os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600)
}

// process is a child with its output in a file.
type process struct {
	name   string
	output string
	before int64 // how long the file was when the child was started
	cmd    *exec.Cmd
	ended  chan error
}

// start appends to the output: another make run may be writing to it.
func start(path, output string, env []string, args ...string) (*process, error) {
	out, err := os.OpenFile(output, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	about, err := out.Stat()
	if err != nil {
		return nil, err
	}
	p := &process{name: filepath.Base(path), output: output, before: about.Size(), cmd: exec.Command(path, args...), ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = out, out, append(withoutAWS(os.Environ()), env...)
	p.cmd.SysProcAttr = ownGroup() // Ctrl-C is for us: we stop the agent before what it sends to
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w (make build makes it)", p.name, err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return p, nil
}

// withoutAWS leaves out what the user has set for AWS: the demo speaks to nobody but the local CloudWatch.
func withoutAWS(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, "AWS_") })
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
	}
}

// died is the error of a child that ended by itself: its last words.
func (p *process) died(err error) error {
	p.ended <- err
	words := p.said()
	return fmt.Errorf("%s ended (%v):\n%s", p.name, err, words[max(0, len(words)-2000):])
}

// said is what the child has written.
func (p *process) said() string {
	raw, _ := os.ReadFile(p.output) // unreadable: it has said nothing
	return strings.TrimSpace(string(raw[min(p.before, int64(len(raw))):]))
}

// totals is what the local CloudWatch has taken from all its clients.
type totals struct{ Data, Events, Refused int64 }

// seen asks for the page as a visitor would, and for the totals.
func seen(ctx context.Context, console string) (t totals, err error) {
	if _, err = get(ctx, console+"/"); err != nil {
		return t, err
	}
	raw, err := get(ctx, console+"/api/agents")
	if err != nil {
		return t, err
	}
	var answer struct {
		Clients []struct {
			Data, Events int64
			Errors       map[string]int64
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return t, err
	}
	for _, a := range answer.Clients {
		t.Data += a.Data
		t.Events += a.Events
		for code, n := range a.Errors {
			if code != "ResourceNotFoundException" { // how the agent learns that a group is to be made
				t.Refused += n
			}
		}
	}
	return t, nil
}

func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, visitEvery)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "nephoscope-demo")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 1<<20))
}

// watch says what has arrived: when the first of each has, and then once a minute.
func watch(ctx context.Context, console string, service, agent *process) error {
	visit := time.NewTicker(visitEvery)
	defer visit.Stop()
	var said totals
	var at time.Time
	for {
		select {
		case <-ctx.Done():
			fmt.Println("stopping")
			return nil
		case err := <-service.ended:
			return service.died(err)
		case err := <-agent.ended:
			return agent.died(err)
		case <-visit.C:
		}
		now, err := seen(ctx, console)
		if err != nil {
			continue
		}
		news := said.Data == 0 && now.Data > 0 || said.Events == 0 && now.Events > 0 || now.Refused > said.Refused
		if news || time.Since(at) >= time.Minute && !at.IsZero() {
			fmt.Printf("%s  %d metric data and %d log events have arrived, %d requests were refused\n", time.Now().Format(time.TimeOnly), now.Data, now.Events, now.Refused)
			said, at = now, time.Now()
		}
	}
}
