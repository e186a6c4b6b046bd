package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/awsapi"
	"github.com/nephoscope/nephoscope/internal/doctor"
	"github.com/nephoscope/nephoscope/internal/install"
)

// world finds out what there is to look at. What is wrong with that is for the checks to say; an error is that the command
// line asks for what is not there.
func (f *doctorFlags) world(ctx context.Context) (*doctor.World, error) {
	mode, err := agent.ParseMode(f.mode)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	w := &doctor.World{Version: version, State: cmp.Or(f.state, askedState(install.Layout{})), Mode: mode, Given: len(f.configs) > 0, Now: time.Now, Env: os.Getenv, Host: doctor.ThisHost()}
	w.Status, w.NoStatus = askStatus(ctx, w.State)
	f.likeTheAgent(w)
	f.sources(w)
	if err := f.load(ctx, w); err != nil {
		return nil, err
	}
	f.findUser(ctx, w)
	if f.user != "" && w.NoUser != nil {
		return nil, w.NoUser
	}
	f.scraping(ctx, w)
	w.Net = doctor.Net{Resolve: net.DefaultResolver.LookupHost, Proxy: proxyNow()}
	w.Net.Roots, w.Net.Bundle = trusted(w.Common)
	w.AWS = awsOf(cloud{w.Common, w.Mode})
	return w, nil
}

// likeTheAgent takes over where the running agent is told to look: its mode, its environment and its command line.
func (f *doctorFlags) likeTheAgent(w *doctor.World) {
	if w.Status == nil || w.Given {
		return
	}
	if f.mode == "" {
		w.Mode = w.Status.Mode
	}
	environ, err := doctor.EnvironmentOfProcess(w.Status.PID)
	if err == nil {
		takeOver(environ)
	}
	w.NoEnvironment, f.agents.home = err, os.Getenv("HOME")
	processes, _ := w.Host.Processes()
	for _, p := range processes {
		if p.PID != w.Status.PID {
			continue
		}
		f.agents.common, f.agents.environment = p.File("--common-config"), p.File("--env-config")
	}
}

// takeOver makes what decides on the way to AWS the same as in another environment: what that lacks is unset, for a key of
// this shell's would have the doctor vouch for an agent that has none.
func takeOver(environ []string) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); leadsToAWS(name) {
			_ = os.Unsetenv(name) // the name is one
		}
	}
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); leadsToAWS(name) {
			_ = os.Setenv(name, value) // it has been one before
		}
	}
}

func leadsToAWS(name string) bool {
	return strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") || name == "HOME"
}

// sources are the files that were named, else those of the agent that runs, else those of the original's folder.
func (f *doctorFlags) sources(w *doctor.World) {
	switch {
	case w.Given:
		w.Sources = f.configs
	case w.Status != nil:
		for _, path := range w.Status.ConfigFiles {
			if path != "-" { // it has been read, and is gone
				w.Sources = append(w.Sources, path)
			}
		}
	default:
		if stored := (install.Layout{}).Configs(); isThere(stored) {
			w.Sources = []string{stored}
		}
	}
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist) // what we may not look at is there, and to be told of
}

// load reads the configuration and what stands beside it, whose mistakes are the configuration's. One that was named and
// cannot be read is an error of the command line.
func (f *doctorFlags) load(ctx context.Context, w *doctor.World) error {
	type loaded struct {
		beside   beside
		besides  error
		c        *config.Config
		problems []config.Problem
		err      error
	}
	done := make(chan loaded, 1)
	go func() {
		var l loaded
		l.beside, l.besides = readFilesBeside(install.Layout{}, cmp.Or(f.common, f.agents.common), f.agents.environment)
		if len(w.Sources) > 0 {
			l.c, l.err = config.Load(w.Sources...)
			l.problems, l.err = problemsOf(l.c, l.err)
		}
		done <- l
	}()
	var l loaded
	select {
	case l = <-done:
	case <-ctx.Done():
		l.err = fmt.Errorf("read configuration: %s did not answer within %s; does a disk or a network mount hang?", strings.Join(append(w.Sources, "or what is beside it"), ", "), findTime)
	}
	w.EnvironmentFile = cmp.Or(f.agents.environment, install.Layout{}.Environment())
	w.Common, w.CommonFile = l.beside.common, l.beside.path
	w.Problems, w.Unread, w.Beside = l.problems, l.err, l.beside.warnings
	if mistakes, ok := errors.AsType[config.Problems](l.besides); ok {
		w.Beside = append(w.Beside, mistakes...)
	} else if l.besides != nil && f.common != "" {
		return l.besides
	} else if l.besides != nil {
		w.Beside = append(w.Beside, config.Mistake(config.Place{}, l.besides.Error(), ""))
	}
	if l.err == nil {
		w.Config = l.c
	} else if w.Given {
		return l.err
	}
	return nil
}

// scraping adds what keeps exporters from being scraped, as far as there is time to find it out.
func (f *doctorFlags) scraping(ctx context.Context, w *doctor.World) {
	if w.Config == nil || w.NoUser != nil {
		return
	}
	found := make(chan []config.Problem, 1)
	go func() { found <- scrapingProblems(ctx, w.Config, w.User) }()
	select {
	case problems := <-found:
		w.Problems = append(w.Problems, problems...)
	case <-ctx.Done():
		at := w.Config.At("logs.metrics_collected.prometheus.prometheus_config_path")
		w.Problems = append(w.Problems, config.Suspicion(at, fmt.Sprintf("it could not be read within %s", findTime), "does a disk or a network mount hang?"))
	}
}

// findUser finds out as whom the agent runs.
func (f *doctorFlags) findUser(ctx context.Context, w *doctor.World) {
	name := f.user
	if name == "" && w.Status != nil && !w.Given {
		if who, err := doctor.UserOfProcess(w.Status.PID); err == nil {
			f.homeOf(who, w)
			w.User, w.Home = who, os.Getenv("HOME")
			return
		}
	}
	if name != "" {
		w.User, w.Home, w.NoUser = doctor.LookUpUser(name)
		return
	}
	by := w.ServiceUser(ctx)
	if w.Config != nil {
		by = cmp.Or(w.Config.Agent.RunAsUser, by)
	}
	if by != "" {
		w.User, w.Home, w.NoUser = doctor.LookUpUser(by)
		w.User.ReadsAll = true // root starts the agent, which keeps the right to read (run --no-read-all gives it up)
		return
	}
	w.Home = os.Getenv("HOME")
	w.User = doctor.Me()
}

// homeOf sets the home folder that the agent has given itself with agent.run_as_user, if no file says another: what its
// process was started with is root's.
func (f *doctorFlags) homeOf(who doctor.Who, w *doctor.World) {
	if w.Config == nil || w.Config.Agent.RunAsUser == "" || who.UID == 0 || os.Getenv("HOME") != f.agents.home {
		return
	}
	if as, home, err := doctor.LookUpUser(w.Config.Agent.RunAsUser); err == nil && as.UID == who.UID {
		_ = os.Setenv("HOME", home)
	}
}

// trusted are the authorities that the agent trusts: the system's, and a file of more.
func trusted(common config.CommonConfig) (*x509.CertPool, string) {
	bundle := cmp.Or(common.CABundlePath, os.Getenv("AWS_CA_BUNDLE"))
	if bundle == "" {
		return nil, ""
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if pem, err := os.ReadFile(bundle); err == nil { // else opening an account says so
		pool.AppendCertsFromPEM(pem)
	}
	return pool, bundle
}

// accounts opens each destination once: a hundred questions need not find the credentials a hundred times.
func accounts(c cloud) func(context.Context, agent.Destination) (awsapi.Account, error) {
	var mu sync.Mutex
	known := map[agent.Destination]awsapi.Account{}
	return func(ctx context.Context, to agent.Destination) (awsapi.Account, error) {
		mu.Lock()
		defer mu.Unlock()
		if a, ok := known[to]; ok {
			return a, nil
		}
		a, err := c.open(ctx, to)
		if err == nil {
			known[to] = a
		}
		return a, err
	}
}

// awsOf asks in the agent's name, by its own way to AWS.
func awsOf(c cloud) doctor.AWS {
	open := accounts(c)
	return doctor.AWS{
		Region: func(ctx context.Context) (string, error) {
			region, fallback, err := c.Region(ctx, agent.Destination{})
			if err != nil || region != "" {
				return region, err
			}
			if c.mode != agent.OnPremise {
				ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
				defer cancel()
				if i, err := c.Instance(ctx); err == nil {
					return i.Region, nil
				}
			}
			return fallback, nil
		},
		Credentials: func(ctx context.Context, to agent.Destination) (doctor.Identity, error) {
			account, err := open(ctx, to)
			if err != nil {
				return doctor.Identity{}, err
			}
			source, key, err := account.Credentials(ctx)
			if err != nil {
				return doctor.Identity{}, err
			}
			id := doctor.Identity{Source: source, KeyID: key}
			if id.Expires, err = account.Expiry(ctx); err != nil {
				return doctor.Identity{}, err
			}
			caller, err := account.Caller(ctx)
			id.Account, id.ARN, id.NoARN, id.Refused = caller.Account, caller.ARN, err, awsapi.Denied(err)
			return id, nil
		},
		Endpoint: func(ctx context.Context, service string, to agent.Destination) (url.URL, error) {
			account, err := open(ctx, to)
			if err != nil {
				return url.URL{}, err
			}
			return account.Endpoint(ctx, service)
		},
		Probe: func(ctx context.Context, a doctor.Ask) doctor.Answer {
			account, err := open(ctx, a.To)
			if err != nil {
				return doctor.Answer{Err: err}
			}
			return probe(ctx, account, a)
		},
	}
}

// probe finds the request for an action.
func probe(ctx context.Context, account awsapi.Account, a doctor.Ask) doctor.Answer {
	var p awsapi.Probed
	switch a.Action {
	case doctor.PutLogEvents:
		p = account.ProbePutLogEvents(ctx, a.On)
	case doctor.CreateLogStream:
		p = account.ProbeCreateLogStream(ctx, a.On)
	case doctor.PutRetentionPolicy:
		p = account.ProbePutRetentionPolicy(ctx, a.On)
	case doctor.DescribeLogGroups:
		p = account.ProbeDescribeLogGroups(ctx, a.On)
	case doctor.GetLogEvents:
		p = account.ProbeGetLogEvents(ctx, a.On)
	case doctor.PutMetricData:
		p = account.ProbePutMetricData(ctx, a.On)
	case doctor.DescribeTags:
		p = account.ProbeDescribeTags(ctx, a.To.Region)
	case doctor.DescribeVolumes:
		p = account.ProbeDescribeVolumes(ctx, a.To.Region)
	default:
		return doctor.Answer{Err: fmt.Errorf("ask for %s: nobody knows how", a.Action)}
	}
	return doctor.Answer{Permitted: p.Answer == awsapi.Permitted, Forbidden: p.Answer == awsapi.Forbidden, NoGroup: p.NoGroup, Err: p.Err}
}
