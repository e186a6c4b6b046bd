package wizard

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/nephoscope/nephoscope/internal/migrate"
)

// daemonSource is where the configuration of a running daemon is kept among the imported ones.
const daemonSource = "xray daemon"

// importXRay reads the X-Ray daemon's configuration, once.
func (v view) importXRay(file string) error {
	if file == "" {
		return errors.New("give the path of a file")
	}
	key := "xray " + file
	if _, done := v.imported[key]; done {
		return nil
	}
	read, err := v.Host.XRay(file)
	if err != nil {
		return err
	}
	v.imported[key] = read
	return nil
}

func (v view) daemons() []Daemon {
	if v.found.daemons == nil && v.Host.XRayDaemons != nil {
		v.found.daemons = append([]Daemon{}, v.Host.XRayDaemons()...)
	}
	return v.found.daemons
}

// daemonLines are the command lines of the daemons, told apart by a number where they are equal.
func (v view) daemonLines() (lines []string) {
	times := map[string]int{}
	for _, d := range v.daemons() {
		line := d.line()
		if times[line]++; times[line] > 1 {
			line += fmt.Sprintf(" (%d)", times[line])
		}
		lines = append(lines, line)
	}
	return lines
}

// line is its command line as it may be printed: anybody may run a process of that name.
func (d Daemon) line() string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(strings.Join(d.Args, " "), "?"))
}

// takeOverDaemon takes the configuration of the running daemon over: its file, and then its flags, which count more.
func (v view) takeOverDaemon() (outcome string, err error) {
	chosen := 0
	for i, line := range v.daemonLines() {
		if line == v.get("xray.daemon") {
			chosen = i
		}
	}
	d := v.daemons()[chosen]
	read, err := v.readDaemon(d)
	if err == nil {
		v.imported[daemonSource] = read
		err = v.refused() // now, for later answers could do nothing about it
	}
	if err != nil {
		delete(v.imported, daemonSource)
		v.say("The configuration of the running X-Ray daemon could not be taken over: " + err.Error() + "\n\n")
		return no, nil
	}
	v.say("An X-Ray daemon is running (" + d.line() + "): its configuration is taken over.\n" + notes(read.Notes) + "\n")
	return yes, nil
}

func (v view) readDaemon(d Daemon) (migrate.Imported, error) {
	flags, file, err := readFlags(d.Args)
	if err != nil {
		return migrate.Imported{}, err
	}
	read := migrate.Imported{Config: map[string]any{"traces": tracesOfDaemon()}}
	if file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(d.Folder, file)
		}
		if v.Host.XRay == nil {
			return migrate.Imported{}, errors.New("its file cannot be read here")
		}
		if read, err = v.Host.XRay(file); err != nil {
			return migrate.Imported{}, err
		}
	}
	section, _ := read.Config["traces"].(map[string]any)
	section = copied(section)
	for _, f := range flags {
		set(section, f.path, f.typed(f.value))
	}
	read.Config = map[string]any{"traces": section}
	return read, nil
}

// tracesOfDaemon is what a daemon without a file does.
func tracesOfDaemon() map[string]any {
	return map[string]any{
		"traces_collected": map[string]any{"xray": map[string]any{
			"bind_address": "127.0.0.1:2000", "tcp_proxy": map[string]any{"bind_address": "127.0.0.1:2000"},
		}},
		"concurrency": 8, "buffer_size_mb": 3,
	}
}

// flag is one of the daemon's, as it was given.
type flag struct {
	field
	value string
}

// readFlags reads a command line of the daemon, whose flags are documented at
// docs.aws.amazon.com/xray/latest/devguide/xray-daemon-configuration.html. Those that say nothing about traces are passed over.
func readFlags(args []string) (flags []flag, file string, err error) {
	all := fields()
	known := map[string]field{
		"a": all[5], "resource-arn": all[5], "o": all[6], "local-mode": all[6], "m": all[4], "buffer-memory": all[4],
		"n": all[10], "region": all[10], "b": all[1], "bind": all[1], "t": all[2], "bind-tcp": all[2],
		"r": all[8], "role-arn": all[8], "p": all[11], "proxy-address": all[11],
	}
	for i := 1; i < len(args); i++ {
		name, value, given := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		f, understood := known[name]
		if !strings.HasPrefix(args[i], "-") || !understood && !takesValue(name) {
			continue
		}
		switch {
		case f.kind == "flag" && !given:
			value = "true"
		case !given && i+1 >= len(args):
			return nil, "", fmt.Errorf("read its command line: %s has no value", args[i])
		case !given:
			i++
			value = args[i]
		}
		if name == "c" || name == "config" {
			file = value
		}
		if f.kind == "number" {
			if n, err := strconv.Atoi(value); err != nil || n < f.min {
				return nil, "", fmt.Errorf("read its command line: %s is no number of at least %d", value, f.min)
			}
		}
		if notText(value) {
			return nil, "", fmt.Errorf("read its command line: the value of %q holds characters that no configuration may hold", name)
		}
		if understood {
			flags = append(flags, flag{f, value})
		}
	}
	return flags, file, nil
}

// takesValue is whether a flag that says nothing about traces is followed by a value.
func takesValue(name string) bool {
	switch name {
	case "c", "config", "f", "log-file", "l", "log-level":
		return true
	}
	return false
}
