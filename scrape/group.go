package scrape

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// group is targets with labels in common.
type group struct {
	Targets []string
	Labels  map[string]string
}

// readGroup reads targets with their labels, of a configuration or of a file that file_sd_configs names.
func readGroup(r *reader, n *yaml.Node, path string) (g group) {
	r.mapping(n, path, keys{
		"targets": func(n *yaml.Node, path string) {
			r.list(n, path, func(n *yaml.Node, path string) {
				var address string
				r.text(&address)(n, path)
				if why := badAddress(address); why != "" {
					r.wrong(r.at(n, path), fmt.Sprintf("the target %q %s", address, why), "a target is HOST:PORT; its scheme and its path are the job's scheme and metrics_path")
					return
				}
				g.Targets = append(g.Targets, address)
			})
		},
		"labels": func(n *yaml.Node, path string) { g.Labels = readLabels(r, n, path) },
	}, nil)
	return g
}

// badAddress says what is wrong with a target; "" for nothing (prometheus config/config.go, CheckTargetAddress).
func badAddress(address string) string {
	switch {
	case address == "":
		return "is empty"
	case strings.Contains(address, "://"):
		return "is an URL"
	case strings.ContainsAny(address, "/ \t\r\n@?#"):
		return "is not a host and a port"
	case strings.Count(address, ":") > 1 && address[0] != '[':
		return "is an IPv6 address without brackets"
	}
	return ""
}

func readLabels(r *reader, n *yaml.Node, path string) map[string]string {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(r.at(n, path), "here should be a mapping of labels, not "+kind(n), "")
		return nil
	}
	all := map[string]string{}
	for _, m := range r.members(n, path) {
		key := m.key
		var value string
		r.text(&value)(m.value, m.path)
		if !model.LabelName(key.Value).IsValidLegacy() {
			r.wrong(r.at(key, path), fmt.Sprintf("%q is no name of a label", key.Value), "letters, digits and _")
			continue
		}
		all[key.Value] = value
	}
	return all
}
