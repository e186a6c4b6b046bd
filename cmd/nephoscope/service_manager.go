package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kardianos/service"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

type action string

const (
	actionStart   action = "start"
	actionStop    action = "stop"
	actionRestart action = "restart"
	actionStatus  action = "status"
)

// manager is a service manager: where its files lie, what makes a service start at boot, and its commands. The library, which
// knows all of these, writes its files as the umask has it, through links and not into an image, and keeps what the commands
// say to itself; so it finds the manager, and does the rest for launchd and Windows alone.
type manager struct {
	name      string // of --manager
	title     string
	platform  string // the library's name for it
	service   string // the service's name with it: the original's
	source    string // in packaging.Service; "": no file makes a service
	file      string // where that belongs
	script    bool   // the file is run
	enabling  []string
	elsewhere []string // where other services of that name may be
	commands  map[action][]string
	log       string   // the command that shows what the service said
	signs     []string // files of a tree by which it is known
}

const unitFolder = "/etc/systemd/system/"

const serviceDescription = "Ships metrics and logs to Amazon CloudWatch"

var serviceName = strings.TrimSuffix(install.UnitName, ".service")

func managers() []*manager {
	initScript, agentLog := "/etc/init.d/"+serviceName, "less "+(install.Layout{}).Log()
	byScript := map[action][]string{
		actionStart: {initScript, "start"}, actionStop: {initScript, "stop"}, actionRestart: {initScript, "restart"}, actionStatus: {initScript, "status"},
	}
	return []*manager{
		{
			name: "systemd", title: "systemd", platform: "linux-systemd", service: serviceName,
			source: "systemd/" + install.UnitName, file: unitFolder + install.UnitName,
			enabling:  []string{unitFolder + "multi-user.target.wants/" + install.UnitName, unitFolder + "nephoscope.service"},
			elsewhere: []string{"/run/systemd/system/" + install.UnitName, "/usr/local/lib/systemd/system/" + install.UnitName, "/usr/lib/systemd/system/" + install.UnitName, "/lib/systemd/system/" + install.UnitName},
			commands: map[action][]string{
				actionStart: {"systemctl", "start", install.UnitName}, actionStop: {"systemctl", "stop", install.UnitName}, actionRestart: {"systemctl", "restart", install.UnitName},
				actionStatus: {"systemctl", "show", "-p", "LoadState,ActiveState,SubState,MainPID", install.UnitName},
			},
			log: "journalctl -u " + serviceName, signs: []string{"/usr/lib/systemd/systemd", "/lib/systemd/systemd"},
		},
		{
			name: "upstart", title: "upstart", platform: "linux-upstart", service: serviceName,
			source: "service/upstart.conf", file: "/etc/init/" + serviceName + ".conf",
			commands: map[action][]string{
				actionStart: {"initctl", "start", serviceName}, actionStop: {"initctl", "stop", serviceName}, actionRestart: {"initctl", "restart", serviceName}, actionStatus: {"initctl", "status", serviceName},
			},
			log: "less /var/log/upstart/" + serviceName + ".log", signs: []string{"/sbin/upstart-udev-bridge"},
		},
		{
			name: "openrc", title: "OpenRC", platform: "linux-openrc", service: serviceName,
			source: "service/openrc", file: initScript, script: true, enabling: []string{"/etc/runlevels/default/" + serviceName},
			commands: map[action][]string{
				actionStart: {"rc-service", serviceName, "start"}, actionStop: {"rc-service", serviceName, "stop"}, actionRestart: {"rc-service", serviceName, "restart"}, actionStatus: {"rc-service", serviceName, "status"},
			},
			log: agentLog, signs: []string{"/sbin/openrc-run", "/usr/sbin/openrc-run"},
		},
		{
			name: "procd", title: "procd", platform: "linux-procd", service: serviceName,
			source: "service/procd", file: initScript, script: true, enabling: []string{"/etc/rc.d/S95" + serviceName, "/etc/rc.d/K10" + serviceName},
			commands: byScript, log: "logread -e " + serviceName, signs: []string{"/sbin/procd"},
		},
		{
			name: "rcs", title: "BusyBox init", platform: "linux-rcs", service: serviceName,
			source: "service/sysv", file: initScript, script: true, enabling: []string{"/etc/rc.d/S95" + serviceName},
			commands: byScript, log: agentLog,
		},
		{
			name: "sysv", title: "System V init", platform: "unix-systemv", service: serviceName,
			source: "service/sysv", file: initScript, script: true, enabling: runlevelLinks(),
			commands: byScript, log: agentLog, signs: []string{"/etc/init.d"},
		},
		{
			name: "launchd", title: "launchd", platform: "darwin-launchd", service: "com.amazon.cloudwatch.agent",
			source: "service/launchd.plist", file: "/Library/LaunchDaemons/com.amazon.cloudwatch.agent.plist",
			log: agentLog, signs: []string{"/Library/LaunchDaemons"},
		},
		{
			name: "windows", title: "Windows", platform: "windows-service", service: "AmazonCloudWatchAgent",
			log: "the agent's log, " + (install.Layout{}).Log(),
		},
	}
}

// ownServiceName is what the service manager of this host calls the agent.
func ownServiceName() string {
	for _, m := range managers() {
		if m.platform == service.Platform() {
			return m.service
		}
	}
	return serviceName
}

func runlevelLinks() (links []string) {
	for _, level := range "0123456" {
		kind := "S95"
		if strings.ContainsRune("016", level) {
			kind = "K05"
		}
		links = append(links, fmt.Sprintf("/etc/rc%c.d/%s%s", level, kind, serviceName))
	}
	return links
}

func managerNames() (names []string) {
	for _, m := range managers() {
		names = append(names, m.name)
	}
	return names
}

// findManager is the one that was chosen, or that is found; running: it is at work, and not only installed.
func findManager(root, chosen string) (m *manager, running bool, err error) {
	found := service.Platform()
	if root != "" {
		found = ""
	}
	byTree := func(m *manager) bool {
		for _, sign := range m.signs {
			if _, err := os.Stat(filepath.Join(rootFolder(root), sign)); err == nil {
				return true
			}
		}
		return false
	}
	for _, m := range managers() {
		switch {
		case chosen != "":
			if m.name == chosen {
				return m, root == "" && m.atWork(), nil
			}
		case m.platform == found && found != "unix-systemv": // which it says of whatever it does not know
			return m, m.atWork(), nil
		}
	}
	if chosen != "" {
		return nil, false, fmt.Errorf("unknown service manager %q (%s)", chosen, strings.TrimSpace(config.Suggestion(chosen, managerNames())+" it is one of "+strings.Join(managerNames(), ", ")))
	}
	for _, m := range managers() {
		if byTree(m) {
			return m, root == "" && m.atWork(), nil
		}
	}
	where := "on this host"
	if root != "" {
		where = "in " + root
	}
	return nil, false, fmt.Errorf("no service manager was found %s (name one with --manager, or run the agent by yourself: nephoscope run)", where)
}

// atWork tells whether the manager has booted this system: in a chroot it is only there.
func (m *manager) atWork() bool {
	sign := map[string]string{"systemd": "/run/systemd/system", "openrc": "/run/openrc"}[m.name]
	if sign == "" {
		return true
	}
	_, err := os.Stat(sign)
	return err == nil
}

// library is the service as the library knows it, for managers without commands here.
func (s *hostService) library() (service.Service, error) {
	if service.Platform() != s.manager.platform {
		return nil, fmt.Errorf("%s is not this host's service manager", s.manager.title)
	}
	return service.New(nil, &service.Config{
		Name: s.manager.service, DisplayName: "Nephoscope", Description: serviceDescription, Executable: s.program,
		Arguments: []string{"run", "--log-file", (install.Layout{}).Log()},
		Option:    service.KeyValue{"OnFailure": "restart", "OnFailureDelayDuration": "10s", "OnFailureResetPeriod": 600, "DelayedAutoStart": true},
	})
}

func rootFolder(root string) string {
	if root == "" {
		return "/"
	}
	whole, err := filepath.Abs(root)
	if err != nil {
		return root
	}
	return whole
}

// modeOf is a service's file's: a script is run.
func (m *manager) modeOf() fs.FileMode {
	if m.script {
		return 0o755
	}
	return 0o644
}
