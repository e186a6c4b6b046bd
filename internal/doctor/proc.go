package doctor

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
)

// Capabilities by their number: linux/capability.h.
const (
	capDACOverride   = 1
	capDACReadSearch = 2
)

// parseProcessStatus reads /proc/PID/status: the user and groups by which files are judged, and the capabilities in force.
func parseProcessStatus(text string) (who Who, err error) {
	seen := 0
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		switch key {
		case "Uid", "Gid": // real, effective, saved, file system
			if len(fields) != 4 {
				return who, fmt.Errorf("read process status: %q", line)
			}
			n, err := strconv.Atoi(fields[3])
			if err != nil {
				return who, fmt.Errorf("read process status: %w", err)
			}
			if seen++; key == "Uid" {
				who.UID = n
			} else {
				who.GIDs = append(who.GIDs, n)
			}
		case "Groups":
			for _, f := range fields {
				n, err := strconv.Atoi(f)
				if err != nil {
					return who, fmt.Errorf("read process status: %w", err)
				}
				who.GIDs = append(who.GIDs, n)
			}
		case "CapEff":
			set, err := strconv.ParseUint(strings.Join(fields, ""), 16, 64)
			if err != nil {
				return who, fmt.Errorf("read process status: %w", err)
			}
			seen++
			who.WritesAll, who.ReadsAll = set>>capDACOverride&1 != 0, set>>capDACReadSearch&1 != 0
		}
	}
	if seen != 3 {
		return who, errors.New("read process status: user, group or capabilities are missing")
	}
	return who, nil
}

// parseUnits reads what systemctl show prints: a paragraph for each unit.
func parseUnits(text string) (all []Unit) {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		var u Unit
		for line := range strings.Lines(paragraph) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			switch key {
			case "Id":
				u.Name = value
			case "LoadState":
				u.Loaded = value == "loaded" || value == "masked"
			case "ActiveState":
				u.Active = value == "active" || value == "reloading" || value == "activating"
			case "UnitFileState":
				u.AtBoot = value
			case "MainPID":
				u.MainPID, _ = strconv.Atoi(value) // 0: none
			case "ExecStart":
				u.ExecStart = value
			case "ProtectSystem":
				u.ProtectSystem = value
			case "ReadWritePaths":
				u.ReadWritePaths = value
			case "StateDirectory":
				u.StateDirectory = value
			case "CapabilityBoundingSet":
				u.Capabilities = value
			}
		}
		if u.Name != "" {
			all = append(all, u)
		}
	}
	return all
}

// LookUpUser is a user by name or number, and its home folder. Its processes may read everything if it is root.
func LookUpUser(name string) (Who, string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		var byID error
		if u, byID = user.LookupId(name); byID != nil {
			return Who{}, "", fmt.Errorf("look up user: %w", err)
		}
	}
	who := Who{Name: u.Username}
	if runtime.GOOS == "windows" { // users have no numbers there
		return who, u.HomeDir, nil
	}
	if who.UID, err = strconv.Atoi(u.Uid); err != nil {
		return Who{}, "", fmt.Errorf("look up user: %w", err)
	}
	groups, err := u.GroupIds()
	if err != nil {
		groups = []string{u.Gid}
	}
	for _, g := range groups {
		n, err := strconv.Atoi(g)
		if err != nil {
			return Who{}, "", fmt.Errorf("look up user: %w", err)
		}
		who.GIDs = append(who.GIDs, n)
	}
	who.ReadsAll, who.WritesAll = who.UID == 0, who.UID == 0
	return who, u.HomeDir, nil
}

// Me is whose process this is. Without /proc, root counts as allowed everything.
func Me() Who {
	if who, err := UserOfProcess(os.Getpid()); err == nil {
		return who
	}
	uid := os.Geteuid() // -1 on Windows
	who := Who{Name: "unknown", UID: uid, ReadsAll: uid == 0, WritesAll: uid == 0}
	if groups, err := os.Getgroups(); err == nil {
		who.GIDs = append(groups, os.Getegid())
	}
	if me, err := user.Current(); err == nil {
		who.Name = me.Username
	} else if uid >= 0 {
		who.Name = strconv.Itoa(uid)
	}
	return who
}
