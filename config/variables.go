package config

import (
	"fmt"
	"regexp"
)

// variable is ${NAME}, the one form that is filled in. ${aws:…} is not one.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// fillIn replaces the environment variables in all strings that are values. One that is not set stays as it is.
func (r *reading) fillIn(n *node) {
	for _, item := range n.items {
		r.fillIn(item)
	}
	for _, m := range n.members {
		r.fillIn(m.value)
	}
	if n.kind != text {
		return
	}
	told := false
	n.text = variable.ReplaceAllStringFunc(n.text, func(written string) string {
		name := variable.FindStringSubmatch(written)[1]
		if r.options.lookup != nil {
			if value, ok := r.options.lookup(name); ok {
				return value
			}
		}
		if !told {
			told = true
			r.warn(n.at, fmt.Sprintf("the environment variable %s is not set: %s stays as it is", name, written), "set it where the agent is started, or write the value")
		}
		return written
	})
}
