package config

import (
	"fmt"
	"slices"
	"strings"
)

// LogLevelVariable is the variable of env-config.json that sets the agent's log level.
const LogLevelVariable = "CWAGENT_LOG_LEVEL"

// LogLevels are the values of LogLevelVariable, in any case.
func LogLevels() []string { return []string{"INFO", "DEBUG", "WARN", "ERROR", "OFF"} }

// IsLogLevel tells whether a text is one of LogLevels.
func IsLogLevel(text string) bool {
	return slices.ContainsFunc(LogLevels(), func(l string) bool { return strings.EqualFold(l, text) })
}

// ParseEnvironment reads env-config.json: one object of environment variables, all of them strings. name stands in the
// places of its problems. The error is Problems, every mistake at once. An empty file says nothing.
func ParseEnvironment(name string, src []byte) (map[string]string, []Problem, error) {
	variables := map[string]string{}
	if len(strings.TrimSpace(string(src))) == 0 {
		return variables, nil, nil
	}
	r := &reading{}
	root, problems, whole := scan(name, src)
	r.problems = problems
	if whole && r.is(root, object) {
		for _, m := range root.members {
			r.variable(m, variables)
		}
	}
	inFileOrder(r.problems, []string{name})
	mistakes, warnings := split(r.problems)
	if len(mistakes) > 0 {
		return nil, warnings, mistakes
	}
	return variables, warnings, nil
}

// variable reads one member of env-config.json into variables.
func (r *reading) variable(m member, variables map[string]string) {
	at := m.at
	at.Path = m.key
	switch {
	case m.key == "" || strings.ContainsAny(m.key, "=\x00"):
		r.wrong(at, fmt.Sprintf("%q cannot be the name of an environment variable", m.key), "a name has at least one character, and no =")
	case !r.is(m.value, text):
	case strings.ContainsRune(m.value.text, 0):
		r.wrong(m.value.at, "an environment variable cannot hold a zero byte", "")
	case m.key == LogLevelVariable && m.value.text != "" && !IsLogLevel(m.value.text):
		r.warn(m.value.at, fmt.Sprintf("unknown log level %q is ignored", m.value.text), "one of "+strings.Join(LogLevels(), ", "))
	default:
		variables[m.key] = m.value.text
	}
}
