package scrape

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/nephoscope/nephoscope/config"
)

// relabelActions are Prometheus's (model/relabel).
var relabelActions = []string{"replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"}

// readRelabel reads relabel_configs or metric_relabel_configs.
func readRelabel(r *reader, n *yaml.Node, path string) (all []*relabel.Config) {
	r.list(n, path, func(n *yaml.Node, path string) {
		before := r.mistakes()
		c := relabel.DefaultRelabelConfig
		var source []string
		r.mapping(n, path, keys{
			"source_labels": r.texts(&source), "separator": r.text(&c.Separator), "target_label": r.text(&c.TargetLabel), "replacement": r.text(&c.Replacement),
			"regex": func(n *yaml.Node, path string) {
				var err error
				if c.Regex, err = relabel.NewRegexp(n.Value); err != nil || n.Kind != yaml.ScalarNode {
					r.wrong(r.at(n, path), "not a regular expression: "+why(err), "the syntax is RE2; it is anchored at both ends")
				}
			},
			"modulus": func(n *yaml.Node, path string) {
				var err error
				if c.Modulus, err = strconv.ParseUint(n.Value, 10, 64); err != nil {
					r.wrong(r.at(n, path), "here should be a whole number, not "+kind(n), "")
				}
			},
			"action": func(n *yaml.Node, path string) {
				c.Action = relabel.Action(strings.ToLower(n.Value))
				for _, known := range relabelActions {
					if string(c.Action) == known {
						return
					}
				}
				r.wrong(r.at(n, path), fmt.Sprintf("unknown action %q", n.Value), config.Suggestion(n.Value, relabelActions))
			},
		}, nil)
		for _, name := range source {
			c.SourceLabels = append(c.SourceLabels, model.LabelName(name))
		}
		if r.mistakes() > before {
			return
		}
		if err := c.Validate(); err != nil {
			r.wrong(r.at(n, path), err.Error(), "")
			return
		}
		all = append(all, &c)
	})
	return all
}

// why is the text of a mistake in a regular expression, without the anchors that Prometheus puts around it.
func why(err error) string {
	if err == nil {
		return "no string"
	}
	return strings.NewReplacer("error parsing regexp: ", "", "^(?s:", "", ")$", "").Replace(err.Error())
}
