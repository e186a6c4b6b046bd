package config

// document is one configuration file, as it was read.
type document struct {
	name string
	src  []byte
}

// Option tells what of the host a configuration is read with.
type Option func(*options)

type options struct {
	lookup func(name string) (string, bool) // nil: there are no environment variables
	exists func(path string) bool           // nil: it is not looked
	system string                           // "": any
}

// getenv is the value of an environment variable; "": it has none.
func (o options) getenv(name string) string {
	if o.lookup == nil {
		return ""
	}
	value, _ := o.lookup(name)
	return value
}

// Environment has the ${NAME} in values filled in from lookup, such as os.LookupEnv. Load does so by itself.
func Environment(lookup func(name string) (string, bool)) Option {
	return func(o *options) { o.lookup = lookup }
}

// lookingAt has the files that the configuration names looked for.
func lookingAt(exists func(path string) bool) Option {
	return func(o *options) { o.exists = exists }
}

// Parse reads one document; name stands in the places of its problems. When something is wrong the error is Problems:
// every mistake at once, in file order. The Config is never nil; with an error it holds what could be read, good for
// finding further mistakes in and for nothing else.
func Parse(name string, src []byte, with ...Option) (*Config, error) {
	return build([]document{{name, src}}, with...)
}

// build makes one configuration of documents: scan each, merge the trees, fill in variables, check, and read the values.
func build(documents []document, with ...Option) (*Config, error) {
	r := &reading{root: configShape()}
	for _, option := range with {
		option(&r.options)
	}
	var root *node
	names := make([]string, len(documents))
	for i, d := range documents {
		names[i] = d.name
		tree, problems, complete := scan(d.name, d.src)
		r.problems = append(r.problems, problems...)
		r.partial = r.partial || !complete
		if !complete {
			continue
		}
		if tree.kind != object {
			r.check(tree, r.root)
			continue
		}
		if root == nil {
			root = &node{kind: object, at: tree.at}
		}
		r.merge(root, tree, r.root)
	}
	c := &Config{}
	if root != nil {
		c.places = map[string]Place{}
		root.index("", c.places)
		r.fillIn(root)
		r.check(root, r.root)
		r.nothingAtAll(root)
		c.read(section{root, r.root}, r.options.getenv)
		if with := r.options.getenv; InContainer(with) {
			c.settleInContainer(section{root, r.root}.section("agent"), with)
		}
	}
	inFileOrder(r.problems, names)
	var mistakes Problems
	if mistakes, c.Warnings = split(r.problems); len(mistakes) > 0 {
		return c, mistakes
	}
	return c, nil
}

// read takes the values out of a configuration that was checked.
func (c *Config) read(root section, with func(name string) string) {
	ours := root.section("nephoscope")
	c.Agent = readAgent(root.section("agent"), ours)
	if s := root.section("metrics"); s.there() || ours.section("self_metrics").there() {
		c.Metrics = readMetrics(s, ours, c.Agent)
	}
	if s := root.section("logs"); s.there() {
		c.Logs = readLogs(s, ours, c.Agent, with)
	}
}

func (r *reading) nothingAtAll(root *node) {
	if root.child("metrics") == nil && root.child("logs") == nil && !selfMetrics(root) && !r.partial {
		r.warn(root.at, "there is neither a metrics nor a logs section: nothing is collected", "")
	}
}

// selfMetrics tells whether the agent is to send metrics about itself.
func selfMetrics(root *node) bool {
	ours := root.child("nephoscope")
	return ours != nil && ours.child("self_metrics") != nil
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
