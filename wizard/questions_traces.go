package wizard

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/internal/migrate"
)

func traceSteps() []step {
	own := func(v view) bool { return v.yes("traces") && v.get("xray.file") == no && v.withoutDaemon() }
	which := pick("xray.daemon", "Several X-Ray daemons are running. Whose configuration shall be taken over?", "These are their command lines.", "")
	which.lists = func(v view) []string { return v.daemonLines() }
	which.offers = func(v view) string { return v.daemonLines()[0] }
	file := yesNo("xray.file", "Do you have a configuration file of the X-Ray daemon to take over?", "A YAML file, usually /etc/amazon/xray/cfg.yaml. no asks for ports and limits.")
	file.atEnd = no
	where := ask("xray.path", "In which file is it?", "The file is only read.", "")
	where.check = func(v view, answer string) (string, error) { return answer, v.importXRay(answer) }
	where.after = func(v view) string { return notes(v.imported["xray "+v.get("xray.path")].Notes) }
	udp := ask("xray.udp", "On which UDP port shall the agent listen for X-Ray segments?", "On 127.0.0.1; the X-Ray SDK sends to 2000 unless it is told otherwise.", "2000")
	tcp := ask("xray.tcp", "On which TCP port shall the agent answer for the X-Ray service?", "On 127.0.0.1; the X-Ray SDK asks there for sampling rules.", "2000")
	udp.check, tcp.check = portNumber, portNumber
	buffer := ask("xray.buffer", "How many MB may segments take while they wait? (at least 3)", "A whole number.", "3")
	buffer.check = wholeNumber(3)
	calls := ask("xray.concurrency", "How many calls to the X-Ray service may run at a time?", "A whole number.", "8")
	calls.check = wholeNumber(1)
	return []step{
		{ask: yesNo("traces", "Shall the agent take traces for X-Ray?", "It takes the place of the X-Ray daemon: programs with the X-Ray SDK send their segments to it.")},
		{when: func(v view) bool { return v.yes("traces") && len(v.daemons()) > 1 }, ask: which},
		{when: func(v view) bool { return v.yes("traces") && len(v.daemons()) > 0 }, act: &action{"xray.taken", view.takeOverDaemon}},
		{when: func(v view) bool { return v.yes("traces") && v.withoutDaemon() && v.Host.XRay != nil }, ask: file},
		{when: func(v view) bool { return v.yes("xray.file") && v.withoutDaemon() }, ask: where},
		{when: own, ask: udp},
		{when: own, ask: tcp},
		{when: own, ask: buffer},
		{when: own, ask: calls},
		{when: own, ask: ask("xray.region", "To which region shall traces be sent? (empty: the agent's)", "Such as eu-west-1.", "")},
		{when: func(v view) bool { return v.yes("traces") && !v.XRayUnchanged }, loop: &loop{"xray.edit", editSteps(), func(v view) bool { return v.editing() }}},
	}
}

// withoutDaemon is whether no running daemon's configuration was taken over.
func (v view) withoutDaemon() bool { return len(v.daemons()) == 0 || v.get("xray.taken") == no }

// wholeNumber checks for a number of at least some size.
func wholeNumber(least int) func(view, string) (string, error) {
	return func(_ view, answer string) (string, error) {
		if n, err := strconv.Atoi(answer); err != nil || n < least || n > 1<<20 {
			return "", fmt.Errorf("give a whole number of at least %d", least)
		}
		return answer, nil
	}
}

// field is a value of the traces section that may be changed at the end.
type field struct {
	name string
	path []string // of keys, below traces
	kind string   // text, number or flag
	min  int
}

// fields have the numbers of the original's menu; 0 ends it.
func fields() []field {
	return []field{
		{name: "done"},
		{name: "UDP address", path: []string{"traces_collected", "xray", "bind_address"}, kind: "text"},
		{name: "TCP address", path: []string{"traces_collected", "xray", "tcp_proxy", "bind_address"}, kind: "text"},
		{name: "concurrency", path: []string{"concurrency"}, kind: "number", min: 1},
		{name: "buffer_size_mb", path: []string{"buffer_size_mb"}, kind: "number", min: 3},
		{name: "resource_arn", path: []string{"resource_arn"}, kind: "text"},
		{name: "local_mode", path: []string{"local_mode"}, kind: "flag"},
		{name: "insecure", path: []string{"insecure"}, kind: "flag"},
		{name: "role_arn", path: []string{"credentials", "role_arn"}, kind: "text"},
		{name: "endpoint_override", path: []string{"endpoint_override"}, kind: "text"},
		{name: "region_override", path: []string{"region_override"}, kind: "text"},
		{name: "proxy_override", path: []string{"proxy_override"}, kind: "text"},
	}
}

func (v view) editing() bool {
	number := v.own("field")
	return number != "" && number != "0"
}

// edited is the field of this round.
func (v view) edited() field {
	n, _ := strconv.Atoi(v.own("field"))
	return fields()[n]
}

func editSteps() []step {
	var menu strings.Builder
	menu.WriteString("Which of these shall be changed? (0: none)")
	for i, f := range fields() {
		fmt.Fprintf(&menu, "\n%d: %s", i, f.name)
	}
	number := ask("field", menu.String(), "The number of a field; its new value is asked next.", "0")
	number.atEnd = "0"
	number.before = func(v view) string {
		return "Current traces section:\n" + string(migrate.JSON(map[string]any{"traces": v.traces()}))
	}
	number.offers = func(view) string { return "0" }
	number.check = func(_ view, answer string) (string, error) {
		if n, err := strconv.Atoi(answer); err != nil || n < 0 || n >= len(fields()) {
			return "", fmt.Errorf("give a number from 0 to %d", len(fields())-1)
		}
		return answer, nil
	}
	value := ask("value", "What is the new value? (empty: none, the key is removed)", "Numbers and true or false where the field takes such.", "")
	value.check = func(v view, answer string) (string, error) {
		if answer == "" {
			return "", nil
		}
		switch f := v.edited(); f.kind {
		case "number":
			return wholeNumber(f.min)(v, answer)
		case "flag":
			if answer != "true" && answer != "false" {
				return "", errors.New("give true or false")
			}
		}
		return answer, nil
	}
	return []step{{ask: number}, {when: view.editing, ask: value}}
}

// traces is the section as the answers make it.
func (v view) traces() map[string]any {
	if !v.yes("traces") {
		return nil
	}
	t := v.tracesAtFirst()
	for n := 1; ; n++ {
		round := view{v.interview, fmt.Sprintf("xray.edit.%d.", n)}
		value, there := v.answers[round.prefix+"value"]
		if !there {
			return t
		}
		f := round.edited()
		set(t, f.path, f.typed(value))
	}
}

// tracesAtFirst is the section before anything in it is changed.
func (v view) tracesAtFirst() map[string]any {
	source := "xray " + v.get("xray.path")
	if !v.withoutDaemon() {
		source = daemonSource
	}
	if section, ok := v.imported[source].Config["traces"].(map[string]any); ok {
		return copied(section)
	}
	t := map[string]any{
		"traces_collected": map[string]any{"xray": map[string]any{
			"bind_address": "127.0.0.1:" + orElse(v.get("xray.udp"), "2000"),
			"tcp_proxy":    map[string]any{"bind_address": "127.0.0.1:" + orElse(v.get("xray.tcp"), "2000")},
		}},
		"concurrency":    number(v.get("xray.concurrency"), 8),
		"buffer_size_mb": number(v.get("xray.buffer"), 3),
	}
	write(t, "region_override", v.get("xray.region"))
	return t
}

func number(answer string, other int) int {
	if n, err := strconv.Atoi(answer); err == nil {
		return n
	}
	return other
}

// typed is a value as the key takes it; nil: none.
func (f field) typed(value string) any {
	switch {
	case value == "":
		return nil
	case f.kind == "number":
		return number(value, f.min)
	case f.kind == "flag":
		return value == "true"
	}
	return value
}

// set gives a key below section a value, or removes it, and what is empty without it.
func set(section map[string]any, path []string, value any) {
	if len(path) == 1 {
		if section[path[0]] = value; value == nil {
			delete(section, path[0])
		}
		return
	}
	below, _ := section[path[0]].(map[string]any)
	if below == nil {
		below = map[string]any{}
	}
	set(below, path[1:], value)
	section[path[0]] = below
	if removable := !slices.Contains([]string{"traces_collected", "xray"}, path[0]); len(below) == 0 && removable {
		delete(section, path[0])
	}
}

// copied is a section that may be changed.
func copied(section map[string]any) map[string]any {
	c := map[string]any{}
	for key, value := range section {
		if below, ok := value.(map[string]any); ok {
			value = copied(below)
		}
		c[key] = value
	}
	return c
}
