package config

// document is one configuration file, as it was read.
type document struct {
	name string
	src  []byte
}

// Parse reads one document; name stands in the places of its problems. When something is wrong the error is Problems:
// every mistake at once, in file order. The Config is never nil; with an error it holds what could be read, good for
// finding further mistakes in and for nothing else.
func Parse(name string, src []byte) (*Config, error) {
	return build([]document{{name, src}})
}

// build makes one configuration of documents: scan each, merge the trees, read the values.
func build(documents []document) (*Config, error) {
	r := &reading{}
	var root *node
	names := make([]string, len(documents))
	for i, d := range documents {
		names[i] = d.name
		tree, problems, complete := scan(d.name, d.src)
		r.problems = append(r.problems, problems...)
		r.partial = r.partial || !complete
		if !complete || !r.is(tree, object) {
			continue
		}
		if root == nil {
			root = &node{kind: object, at: tree.at}
		}
		r.merge(root, tree, "")
	}
	c := &Config{}
	if root != nil {
		c = r.config(root)
		c.places = map[string]Place{}
		root.index("", c.places)
	}
	inFileOrder(r.problems, names)
	var mistakes Problems
	if mistakes, c.Warnings = split(r.problems); len(mistakes) > 0 {
		return c, mistakes
	}
	return c, nil
}

// config reads the root of a configuration.
func (r *reading) config(root *node) *Config {
	s := &section{reading: r, node: root}
	c := &Config{Agent: r.agent(s.get("agent"))}
	metrics, logs := s.get("metrics"), s.get("logs")
	c.Metrics = r.metrics(metrics, c.Agent)
	c.Logs = r.logs(logs, c.Agent)
	s.later("traces", "opentelemetry", "csm", "profiles")
	if metrics == nil && logs == nil && !r.partial {
		r.warn(root.at, "there is neither a metrics nor a logs section: nothing is collected", "")
	}
	s.open()
	return c
}

// split parts mistakes from warnings; both keep their order.
func split(problems []Problem) (mistakes Problems, warnings []Problem) {
	for _, p := range problems {
		if p.Warning {
			warnings = append(warnings, p)
		} else {
			mistakes = append(mistakes, p)
		}
	}
	return mistakes, warnings
}
