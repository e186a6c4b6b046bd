package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"runtime"
	"strconv"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

// account is a user of this host.
type account struct {
	name     string
	uid, gid int
	groups   []int
	home     string
}

// accountOf finds a user by name or by number.
func accountOf(name string) (account, error) {
	u, err := user.Lookup(name)
	if _, number := strconv.Atoi(name); err != nil && number == nil {
		u, err = user.LookupId(name)
	}
	if err != nil && (name == "root" || name == "0") {
		return account{name: "root"}, nil // a container may have no list of users: it has root
	}
	if err != nil {
		return account{}, fmt.Errorf("look up user: %w", err)
	}
	a := account{name: u.Username, home: u.HomeDir}
	a.uid, err = strconv.Atoi(u.Uid)
	if err == nil {
		a.gid, err = strconv.Atoi(u.Gid)
	}
	if err != nil {
		return account{}, fmt.Errorf("look up user %s: %w", name, err)
	}
	ids, err := u.GroupIds()
	if errors.Is(err, fs.ErrNotExist) {
		ids, err = []string{u.Gid}, nil // a container may have no list of groups
	}
	if err != nil {
		return account{}, fmt.Errorf("look up groups of user %s: %w", name, err)
	}
	for _, id := range ids {
		g, err := strconv.Atoi(id)
		if err != nil {
			return account{}, fmt.Errorf("look up groups of user %s: %w", name, err)
		}
		a.groups = append(a.groups, g)
	}
	return a, nil
}

// withUser adds to the problems of a configuration that agent.run_as_user is nobody on this host: run would not start here,
// but another host may have that user. Beyond Linux nobody becomes another user.
func withUser(c *config.Config, problems []config.Problem) []config.Problem {
	if name := c.Agent.RunAsUser; name != "" && runtime.GOOS == "linux" {
		if _, err := accountOf(name); err != nil {
			problems = append(problems, config.Suspicion(c.At("agent.run_as_user"), err.Error()+" on this host: the agent would not start", install.CreateUser(name)))
		}
	}
	return problems
}

// mayRunAs refuses what another user than root has kept and root would run with: a configuration decides what is read, and
// whoever owns the state folder could have written it.
func mayRunAs(k kept, name string) error {
	if os.Geteuid() != 0 || k.owner == 0 {
		return nil
	}
	if name != "" {
		if who, err := accountOf(name); err == nil && who.uid == k.owner {
			return nil
		}
	}
	return fmt.Errorf("%s belongs to the user %d, and does not have the agent run as that user", lastGood, k.owner)
}

// self names the user that the process is of.
func self() string {
	id := os.Geteuid()
	u, err := user.LookupId(strconv.Itoa(id)) // user.Current is whoever started the process
	if id < 0 {
		u, err = user.Current() // on Windows, where it stays so
	}
	if err != nil {
		return strconv.Itoa(id)
	}
	return u.Username
}
