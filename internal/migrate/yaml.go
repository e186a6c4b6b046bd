package migrate

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"go.yaml.in/yaml/v3"
)

// yamlLine is how the YAML reader says where it stopped.
var yamlLine = regexp.MustCompile(`line ([0-9]+)`)

// readYAML reads one document. nil: it is empty, or cannot be read, which is noted as a mistake.
func (m *importing) readYAML(d document) *yaml.Node {
	if !m.isText(d) {
		return nil
	}
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(d.body()), &root); err != nil {
		line := 1
		if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
			line, _ = strconv.Atoi(found[1])
			line = min(line, strings.Count(d.body(), "\n")+1) // it counts other line ends too
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
		m.wrong(d.at(line, 1, ""), "not YAML: "+strings.TrimPrefix(text, "line "+strconv.Itoa(line)+": "), "")
		return nil
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) == 0 {
		return nil
	}
	return resolved(root.Content[0])
}

// resolved is what an alias stands for. Nobody here walks down further than three steps, so an alias within itself does no harm.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// yamlPair is a key and its value.
type yamlPair struct {
	key   string
	at    config.Place // of the key
	value *yaml.Node
}

// pairs are those of a mapping, each key once. Anything else has none.
func (d document) pairs(n *yaml.Node, path string) (all []yamlPair) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		below := key.Value
		if path != "" {
			below = path + "." + below
		}
		all = append(all, yamlPair{key.Value, d.at(key.Line, key.Column, below), resolved(n.Content[i+1])})
	}
	return all
}

// items are those of a sequence.
func items(n *yaml.Node) (all []*yaml.Node) {
	if n != nil && n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			all = append(all, resolved(item))
		}
	}
	return all
}

// yamlKind is what a value is, in the words of a message.
func yamlKind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!int", n.Tag == "!!float":
		return "a number"
	case n.Tag == "!!bool":
		return "true or false"
	case n.Tag == "!!null":
		return "nothing"
	}
	return "a string"
}
