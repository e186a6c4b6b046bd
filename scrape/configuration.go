package scrape

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"
)

// Configuration is a file of Prometheus, as far as it says what to scrape.
type Configuration struct {
	Jobs []*Job
	// files are those that it was read from, as they were just before; patterns may match others by now.
	files    map[string]signature
	patterns []string
}

// changed tells whether it would be another one if it were read now.
func (c *Configuration) changed() bool {
	for name, was := range c.files {
		if signatureOf(name) != was {
			return true
		}
	}
	for _, pattern := range c.patterns {
		names, _ := filepath.Glob(pattern) // a bad one was a problem when it was read
		for _, name := range names {
			if _, known := c.files[name]; !known {
				return true
			}
		}
	}
	return false
}

// Job is one element of scrape_configs, with its defaults.
type Job struct {
	Name        string
	Interval    time.Duration
	Timeout     time.Duration
	MetricsPath string
	Scheme      string
	Params      url.Values

	honorLabels     bool
	honorTimestamps bool
	compression     bool

	sampleLimit, targetLimit                     int
	labelLimit, labelNameLength, labelValueLimit int
	bodyLimit                                    int64 // 0: defaultBody

	static  []group
	files   []fileDiscovery
	relabel []*relabel.Config
	metric  []*relabel.Config // metric_relabel_configs
	client  clientSettings

	text string // all that it was made of: one with the same is the same job; "": it is like no other
}

// keep takes over the jobs of an earlier configuration that are as they were.
func (c *Configuration) keep(earlier *Configuration) {
	for i, j := range c.Jobs {
		for _, was := range earlier.Jobs {
			if j.text != "" && j.text == was.text {
				c.Jobs[i] = was
			}
		}
	}
}

// fileDiscovery is one element of file_sd_configs.
type fileDiscovery struct {
	patterns []filePattern
	refresh  time.Duration
}

type filePattern struct {
	glob string
	at   config.Place
}

// Why parts of a configuration have no effect. They are read by Prometheus for what is not scraping, or find their targets
// by asking an API.
const (
	notScraping = "it is not about scraping: nothing is stored, evaluated or forwarded here; it may stay"
	notHere     = "it is a matter of Prometheus's own storage; it may stay"
	noDiscovery = "targets are found by static_configs and file_sd_configs alone: let a program write them into a file for file_sd_configs"
)

// Load reads a configuration of Prometheus. The problems are all that is wrong with it or has no effect here, in the order of the file;
// a job with a mistake in it is left out of the configuration, the others are in it. The error says that it could not be read at all.
func Load(file string) (*Configuration, config.Problems, error) {
	r := &reader{file: file}
	c := &Configuration{files: map[string]signature{file: signatureOf(file)}}
	root, err := r.open()
	if err != nil {
		return nil, nil, err
	}
	if root == nil {
		if len(r.problems) == 0 {
			r.wrong(config.Place{File: file, Line: 1, Column: 1}, "the file is empty", "name what to scrape in scrape_configs")
		}
		return c, r.problems, nil
	}
	c.read(r, root.Content[0])
	if len(c.Jobs) == 0 && r.mistakes() == 0 {
		r.warn(config.Place{File: file, Line: 1, Column: 1}, "there is nothing to scrape", "name it in scrape_configs")
	}
	slices.SortStableFunc(r.problems, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return c, r.problems, nil
}

// read takes the whole file: global first, wherever it stands.
func (c *Configuration) read(r *reader, root *yaml.Node) {
	global := Job{Interval: defaultInterval, MetricsPath: defaultMetricsPath, Scheme: "http", honorTimestamps: true, compression: true,
		client: clientSettings{redirects: true}}
	later := func(*yaml.Node, string) {}
	named := map[string]config.Place{}
	jobs := func(n *yaml.Node, path string) {
		r.list(n, path, func(n *yaml.Node, path string) { c.job(r, n, path, global, named) })
	}
	r.mapping(root, "", keys{
		"global":              func(n *yaml.Node, path string) { global.global(r, n, path) },
		"scrape_configs":      later,
		"scrape_config_files": later,
	}, unrelated)
	for _, key := range []string{"scrape_configs", "scrape_config_files"} {
		n := valueOf(root, key)
		switch {
		case n == nil:
		case key == "scrape_configs":
			jobs(n, key)
		default:
			c.further(r, n, key, global, named)
		}
	}
}

// unrelated are the parts of a configuration that are not about scraping.
var unrelated = map[string]string{
	"rule_files": notScraping, "alerting": notScraping, "remote_write": notScraping, "remote_read": notScraping, "storage": notHere,
	"tracing": notScraping, "runtime": notHere, "otlp": notScraping,
}

// further reads scrape_config_files: files that hold scrape_configs alone.
func (c *Configuration) further(r *reader, n *yaml.Node, path string, global Job, named map[string]config.Place) {
	r.list(n, path, func(n *yaml.Node, path string) {
		var pattern string
		r.path(&pattern)(n, path)
		c.patterns = append(c.patterns, pattern)
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			r.warn(r.at(n, path), "no file matches", "the path is relative to this file")
		}
		for _, name := range found {
			c.files[name] = signatureOf(name)
			of := &reader{file: name}
			root, err := of.open()
			switch {
			case err != nil:
				r.wrong(r.at(n, path), err.Error(), "")
			case root != nil:
				of.mapping(root.Content[0], "", keys{"scrape_configs": func(n *yaml.Node, path string) {
					of.list(n, path, func(n *yaml.Node, path string) { c.job(of, n, path, global, named) })
				}}, nil)
			}
			r.problems = append(r.problems, of.problems...)
		}
	})
}

// limits are keys of global as well as of a job.
func (j *Job) limits(r *reader) keys {
	return keys{
		"scrape_interval": r.duration(&j.Interval), "scrape_timeout": r.duration(&j.Timeout),
		"sample_limit": r.count(&j.sampleLimit), "target_limit": r.count(&j.targetLimit), "label_limit": r.count(&j.labelLimit),
		"label_name_length_limit": r.count(&j.labelNameLength), "label_value_length_limit": r.count(&j.labelValueLimit),
		"body_size_limit": r.size(&j.bodyLimit),
	}
}

// neither are keys of global and of jobs that change nothing of what is sent.
var neither = map[string]string{
	"scrape_protocols":                   "text formats are asked for in Prometheus's order, and read as what they are",
	"scrape_failure_log_file":            "failures are in the agent's log and status",
	"keep_dropped_targets":               "targets that relabelling drops are not kept",
	"metric_name_validation_scheme":      "all names are taken",
	"metric_name_escaping_scheme":        "all names are taken",
	"convert_classic_histograms_to_nhcb": "histograms are not sent, as with the original",
	"always_scrape_classic_histograms":   "histograms are not sent, as with the original",
	"scrape_native_histograms":           "histograms are not sent, as with the original",
}

func (j *Job) global(r *reader, n *yaml.Node, path string) {
	also := maps.Clone(neither)
	also["evaluation_interval"], also["rule_query_offset"], also["query_log_file"] = notScraping, notScraping, notScraping
	also["external_labels"] = "Prometheus adds them to what it forwards, not to what it scrapes; for a label on every sample, write labels below static_configs or a relabel_configs entry"
	r.mapping(n, path, j.limits(r), also)
	j.times(r, n, path)
	var ok bool
	if j.text, ok = flat(n, 0); !ok {
		j.text = fmt.Sprintf("%p", n) // like no other
	}
}

// times settles the timeout, which is at most the interval.
func (j *Job) times(r *reader, n *yaml.Node, path string) {
	switch {
	case j.Interval <= 0:
		r.wrong(r.at(n, path+".scrape_interval"), "the interval is zero", "such as 1m")
		j.Interval = defaultInterval
	case j.Timeout > j.Interval && valueOf(n, "scrape_timeout") != nil:
		r.wrong(r.at(n, path+".scrape_timeout"), fmt.Sprintf("the timeout is longer than the interval of %v", model.Duration(j.Interval)), "make it shorter")
	}
	j.Timeout = min(cmp.Or(j.Timeout, defaultTimeout), j.Interval)
}

// job reads one element of scrape_configs; it is taken if there is no mistake in it.
func (c *Configuration) job(r *reader, n *yaml.Node, path string, global Job, named map[string]config.Place) {
	before := r.mistakes()
	j := global
	known := j.limits(r)
	maps.Copy(known, j.client.keys(r))
	maps.Copy(known, keys{
		"job_name": r.text(&j.Name), "metrics_path": r.text(&j.MetricsPath), "scheme": r.text(&j.Scheme),
		"honor_labels": r.yes(&j.honorLabels), "honor_timestamps": r.yes(&j.honorTimestamps), "enable_compression": r.yes(&j.compression),
		"params": func(n *yaml.Node, path string) { j.params(r, n, path) },
		"static_configs": func(n *yaml.Node, path string) {
			r.list(n, path, func(n *yaml.Node, path string) { j.static = append(j.static, readGroup(r, n, path)) })
		},
		"file_sd_configs":        func(n *yaml.Node, path string) { j.discovery(r, n, path) },
		"relabel_configs":        func(n *yaml.Node, path string) { j.relabel = readRelabel(r, n, path) },
		"metric_relabel_configs": func(n *yaml.Node, path string) { j.metric = readRelabel(r, n, path) },
	})
	also := maps.Clone(neither)
	also["fallback_scrape_protocol"] = "what says nothing of its format is read as text"
	also["track_timestamps_staleness"], also["native_histogram_bucket_limit"], also["native_histogram_min_bucket_factor"] = notHere, notHere, notHere
	also["enable_http2"] = "scrapes are made by HTTP/1.1"
	for _, by := range []string{"azure", "consul", "digitalocean", "docker", "dockerswarm", "dns", "ec2", "eureka", "gce", "hetzner", "http", "ionos", "kubernetes",
		"kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack", "ovhcloud", "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr"} {
		also[by+"_sd_configs"] = noDiscovery
	}
	r.mapping(n, path, known, also)
	if j.Name == "" {
		r.wrong(r.at(n, path+".job_name"), "the job has no name", "add job_name: it is the label job, and the log stream")
	} else if first, twice := named[j.Name]; twice {
		r.wrong(r.at(n, path+".job_name"), fmt.Sprintf("another job has the name %q: %s:%d", j.Name, first.File, first.Line), "names of jobs are unique")
	}
	named[j.Name] = r.at(n, path)
	j.times(r, n, path)
	j.client.settle(r, n, path)
	if !strings.HasPrefix(j.MetricsPath, "/") {
		r.wrong(r.at(n, path+".metrics_path"), "the path does not begin with /", "such as /metrics")
	}
	if j.Scheme != "http" && j.Scheme != "https" {
		r.wrong(r.at(n, path+".scheme"), fmt.Sprintf("unknown scheme %q", j.Scheme), "http or https")
	}
	if j.bodyLimit > allBodies {
		r.warn(r.at(n, path+".body_size_limit"), fmt.Sprintf("the limit is larger than what all bodies together may take: %d MiB", allBodies>>20), "bodies beyond that are refused all the same")
	}
	if len(j.static) == 0 && len(j.files) == 0 && r.mistakes() == before {
		r.warn(r.at(n, path), "the job has no targets", "name them in static_configs or file_sd_configs")
	}
	if r.mistakes() > before {
		return
	}
	if ca := j.client.tls.caFile; ca != "" {
		c.files[ca] = signatureOf(ca)
		j.text += fmt.Sprint(c.files[ca])
	}
	if text, ok := flat(n, 0); ok {
		j.text += text
	} else {
		j.text = ""
	}
	c.Jobs = append(c.Jobs, &j)
}

// flat is a value with everything in it, aliases too; not ok if that is much.
func flat(n *yaml.Node, depth int) (text string, ok bool) {
	n = resolved(n)
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %q", n.Kind, n.Tag, n.Value)
	for _, inner := range n.Content {
		text, ok := flat(inner, depth+1)
		if b.WriteString("(" + text + ")"); !ok || b.Len() > 1<<20 || depth > 20 {
			return "", false
		}
	}
	return b.String(), true
}

func (j *Job) params(r *reader, n *yaml.Node, path string) {
	j.Params = url.Values{}
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(r.at(n, path), "here should be a mapping of lists, not "+kind(n), "")
		return
	}
	for _, m := range r.members(n, path) {
		var values []string
		r.texts(&values)(m.value, m.path)
		j.Params[m.key.Value] = values
	}
}

// discovery reads file_sd_configs.
func (j *Job) discovery(r *reader, n *yaml.Node, path string) {
	r.list(n, path, func(n *yaml.Node, path string) {
		before := r.mistakes()
		d := fileDiscovery{refresh: defaultRefresh}
		r.mapping(n, path, keys{"refresh_interval": r.duration(&d.refresh), "files": func(n *yaml.Node, path string) {
			r.list(n, path, func(n *yaml.Node, path string) {
				var pattern string
				r.path(&pattern)(n, path)
				switch ext := strings.ToLower(filepath.Ext(pattern)); {
				case ext != ".json" && ext != ".yml" && ext != ".yaml":
					r.wrong(r.at(n, path), "the name does not end in .json, .yml or .yaml", "the end tells the format")
				case strings.ContainsAny(filepath.Dir(pattern), "*?["):
					r.wrong(r.at(n, path), "there is a wildcard in a folder's name", "* may stand in the name of the file alone")
				default:
					d.patterns = append(d.patterns, filePattern{pattern, r.at(n, path)})
				}
			})
		}}, nil)
		if len(d.patterns) == 0 && r.mistakes() == before {
			r.wrong(r.at(n, path), "no files are named", "add files")
		}
		j.files = append(j.files, d)
	})
}

// valueOf is what a mapping has for a key; nil for nothing.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n = resolved(n); n.Kind != yaml.MappingNode {
		return nil
	}
	for _, m := range new(reader).members(n, "") {
		if m.key.Value == key {
			return m.value
		}
	}
	return nil
}
