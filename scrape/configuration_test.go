package scrape

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// problemsOf is what is said of a configuration, without its path.
func problemsOf(t *testing.T, text string) (*Configuration, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "prometheus.yaml")
	write(t, file, text)
	c, problems, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c, strings.ReplaceAll(problems.Error(), filepath.Dir(file)+"/", "")
}

func TestConfigurationOfEachOption(t *testing.T) {
	t.Parallel()
	c, problems := problemsOf(t, `
global: &g
  scrape_interval: 30s
  scrape_timeout: 5s
  body_size_limit: 10MB
  sample_limit: 100
scrape_configs:
  - job_name: all
    scrape_interval: 1m30s
    metrics_path: /m
    scheme: https
    params: {match: [a, b]}
    honor_labels: true
    honor_timestamps: false
    enable_compression: false
    label_limit: 10
    label_name_length_limit: 20
    label_value_length_limit: 30
    target_limit: 5
    body_size_limit: 1024
    basic_auth: {username: me, password: hunter2}
    tls_config: {insecure_skip_verify: true, min_version: TLS12, server_name: x}
    follow_redirects: false
    proxy_url: http://proxy:3128
    http_headers: {X-Tenant: {values: [a]}}
    static_configs: [{targets: ["a:1", "b:2"], labels: {env: x}}]
    file_sd_configs: [{files: [targets/*.JSON, more.yml], refresh_interval: 1m}]
  - job_name: defaults
    static_configs: [{targets: [a]}]
`)
	if problems != "" || len(c.Jobs) != 2 {
		t.Fatalf("%s %v", problems, c.Jobs)
	}
	j, d := c.Jobs[0], c.Jobs[1]
	switch {
	case j.Interval != 90*time.Second, j.Timeout != 5*time.Second, j.MetricsPath != "/m", j.Scheme != "https", !j.honorLabels, j.honorTimestamps, j.compression,
		j.labelLimit != 10, j.labelNameLength != 20, j.labelValueLimit != 30, j.targetLimit != 5, j.bodyLimit != 1024, j.sampleLimit != 100,
		j.client.basic.password != "hunter2", !j.client.tls.insecure, j.client.redirects, j.client.proxy.Host != "proxy:3128", len(j.static[0].Targets) != 2,
		j.files[0].refresh != time.Minute, !filepath.IsAbs(j.files[0].patterns[1].glob):
		t.Errorf("%+v", j)
	case d.Interval != 30*time.Second, d.bodyLimit != 10<<20, !d.honorTimestamps, !d.compression, !d.client.redirects, d.MetricsPath != "/metrics":
		t.Errorf("%+v", d)
	}
}

func TestMistakesInConfigurationsAreNamedWithTheirPlace(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		if _, got := problemsOf(t, text); !strings.Contains(got, want) {
			t.Errorf("of\n%s\ngot  %s\nwant %s", text, got, want)
		}
	}
	job := func(text string) string {
		return "scrape_configs:\n- job_name: a\n  static_configs: [{targets: [x]}]\n  " + text
	}
	f("", `prometheus.yaml:1:1: the file is empty (name what to scrape in scrape_configs)`)
	f("global: {}", `there is nothing to scrape`)
	f("a: [", `not YAML: `)
	f("- a", `prometheus.yaml:1:1: here should be a mapping (key: value), not a list`)
	f("scrape_config: []", `prometheus.yaml:1:1: scrape_config: unknown key (did you mean "scrape_configs"?)`)
	f("remote_write: [{url: x}]\nscrape_configs: []", `remote_write: has no effect here (it is not about scraping`)
	f("scrape_configs: {}", `here should be a list, not a mapping (begin each element with -)`)
	f("scrape_configs:\n- static_configs: []", `job_name: the job has no name`)
	f("scrape_configs:\n- job_name: a", `prometheus.yaml:2:3: scrape_configs[0]: the job has no targets`)
	f(job("scrape_intervall: 5s"), `prometheus.yaml:4:3: scrape_configs[0].scrape_intervall: unknown key (did you mean "scrape_interval"?)`)
	f(job("scrape_interval: 15"), `scrape_interval: here should be a duration, not a number (with its unit: 15s)`)
	f(job("scrape_interval: 0s"), `the interval is zero`)
	f(job("scrape_timeout: 2m"), `the timeout is longer than the interval of 1m`)
	f(job("scrape_timeout: 5s\n  scrape_timeout: 6s"), `the key is there twice: first in line 4`)
	f(job("honor_labels: yess"), `here should be true or false, not a string`)
	f(job("sample_limit: -1"), `here should be a whole number of at least 0`)
	f(job("body_size_limit: big"), `here should be a size, not a string (such as 10MB`)
	f(job("body_size_limit: 1e300GB"), `here should be a size`)
	f(job("body_size_limit: 1GB"), `larger than what all bodies together may take: 48 MiB`)
	f(job("metrics_path: metrics"), `the path does not begin with /`)
	f(job("scheme: ftp"), `unknown scheme "ftp" (http or https)`)
	f(job("- b"), `not YAML`)
	f(job("kubernetes_sd_configs: [{role: pod}]"), `scrape_configs[0].kubernetes_sd_configs: has no effect here (targets are found by static_configs and file_sd_configs alone`)
	f(job("oauth2: {}"), `scrape_configs[0].oauth2: this is not supported (let a program that has a token write it to a file`)
	f(job("file_sd_configs: [{files: [a.txt]}]"), `the name does not end in .json, .yml or .yaml`)
	f(job("file_sd_configs: [{files: ['*/a.yml']}]"), `there is a wildcard in a folder's name`)
	f(job("file_sd_configs: [{}]"), `no files are named`)
	f(job("basic_auth: {username: a, password: b, password_file: c}"), `the same is said in the configuration and in a file`)
	f(job("basic_auth: {username: a}\n  bearer_token: b"), `there is more than one way to log in`)
	f(job("authorization: {type: Basic}"), `the type is basic (use basic_auth)`)
	f(job("tls_config: {cert_file: a}"), `there is a certificate without its key`)
	f(job("tls_config: {min_version: SSL3}"), `unknown version of TLS "SSL3"`)
	f(job("bearer_token_file: nowhere"), "authorization.credentials_file: read nowhere: no such file or directory (scrapes fail until it can be read by the agent's user)")
	f(job("basic_auth: {username: a, password_file: nowhere}"), "basic_auth.password_file: read nowhere: no such file or directory (scrapes fail until it can be read by the agent's user)")
	f(job("proxy_url: http://x:1\n  proxy_from_environment: true"), `there are proxy_url and proxy_from_environment (leave one of them)`)
	f(job("http_headers: {Authorization: {values: [x]}}"), `the header Authorization cannot be set`)
	f(job("proxy_url: nonsense"), `not an URL`)
	f(job("relabel_configs: [{action: replce}]"), `unknown action "replce" (did you mean "replace"?)`)
	f(job("relabel_configs: [{regex: '('}]"), "relabel_configs[0].regex: not a regular expression: missing closing ): `(`")
	f(job("relabel_configs: [{action: hashmod, target_label: a}]"), `requires non-zero modulus`)
	f(job("relabel_configs: [{source_label: [a]}]"), `did you mean "source_labels"?`)
	f("scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['http://x:1/metrics']}]", `the target "http://x:1/metrics" is an URL (a target is HOST:PORT`)
	f("scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['::1']}]", `the target "::1" is an IPv6 address without brackets (a target is HOST:PORT`)
	f("scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['fe80::1:9100']}]", `the target "fe80::1:9100" is an IPv6 address without brackets`)
	f("scrape_configs:\n- job_name: a\n  static_configs: [{targets: [x], labels: {a-b: c}}]", `"a-b" is no name of a label`)
	f(job("")+"\n- job_name: a\n  static_configs: [{targets: [x]}]", `another job has the name "a"`)
	f("scrape_config_files: [none*.yml]", `no file matches`)
	f("scrape_configs:\n- job_name: a\n  static_configs: [{targets: [x], labels: {b: c, b: d}}]", `labels.b: the key is there twice: first in line 3`)
	f(job("params: {b: [c], b: [d]}"), `params.b: the key is there twice`)
	f(job("http_headers: {b: {values: [c]}, b: {}}"), `http_headers.b: the key is there twice`)
	f("scrape_configs:\n- &a\n  job_name: a\n  <<: *a", `<< leads in a circle`)
	f(job("<<: [a]"), `<< takes a mapping, or a list of them`)
	f(job("")+"\n---\nscrape_configs: []\n", `prometheus.yaml:5:1: another document begins: only the first is read`)
}

// Anchors and << are how people write ten jobs that are alike.
func TestMergedMappings(t *testing.T) {
	t.Parallel()
	c, problems := problemsOf(t, `
scrape_configs:
- &base
  job_name: a
  scrape_interval: 30s
  static_configs: [{targets: [x], labels: &l {env: e, team: t}}]
- <<: *base
  job_name: b
- <<: [{metrics_path: /m}, *base]
  job_name: c
  static_configs: [{targets: [y], labels: {<<: *l, env: f}}]
`)
	if problems != "" || len(c.Jobs) != 3 {
		t.Fatal(problems)
	}
	b, last := c.Jobs[1], c.Jobs[2]
	if b.Name != "b" || b.Interval != 30*time.Second || len(b.static) != 1 || last.MetricsPath != "/m" || last.static[0].Labels["env"] != "f" || last.static[0].Labels["team"] != "t" {
		t.Errorf("%+v %+v", b, last)
	}
}

// What is wrong with a file a million times is said some times.
func TestMistakesAreBounded(t *testing.T) {
	t.Parallel()
	r := &reader{file: "x.yaml"}
	root := r.parse([]byte("[" + strings.Repeat("a/b,", 5000) + "]"))
	r.list(root.Content[0], "", func(n *yaml.Node, path string) { r.wrong(r.at(n, path), "wrong", "") })
	if len(r.problems) != maxProblems || r.mistakes() != 5000 || !strings.Contains(r.problems[maxProblems-1].Error(), "there are more mistakes from here on") {
		t.Errorf("%d %v", len(r.problems), r.problems[len(r.problems)-1])
	}
}

func TestSecretsAreInNoMessage(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, text := range []string{
		"basic_auth: {password: [hunter2]}", "basic_auth: hunter2", "bearer_token: {a: hunter2}", "authorization: [hunter2]", "authorization: {credentials: hunter2, type: basic}",
		"http_headers: {X-Key: hunter2}", "proxy_url: 'http://me:hunter2@%zz'", "tls_config: {key: hunter2}", "sample_limit: hunter2", "scrape_interval: hunter2",
	} {
		_, got := problemsOf(t, "scrape_configs:\n- job_name: a\n  static_configs: [{targets: [x]}]\n  "+text)
		if got == "" || strings.Contains(got, secret) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// The jobs without mistakes are there, and those of other files.
func TestOneJobWithAMistakeLeavesTheOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "more.yml"), "scrape_configs:\n- job_name: c\n  static_configs: [{targets: [x]}]\n- job_name: a\n  static_configs: [{targets: [x]}]\n")
	file := filepath.Join(dir, "prometheus.yaml")
	write(t, file, "scrape_config_files: ['more*.yml']\nscrape_configs:\n- job_name: a\n  static_configs: [{targets: [x]}]\n- job_name: b\n  scheme: x\n")
	c, problems, err := Load(file)
	if err != nil || len(c.Jobs) != 2 || c.Jobs[0].Name != "a" || c.Jobs[1].Name != "c" || len(problems) != 2 {
		t.Errorf("%v %v %v", c, problems, err)
	}
	if len(c.files) != 2 {
		t.Error(c.files)
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	write(t, large, "")
	if err := os.Truncate(large, maxFile+1); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{dir: "it is no regular file", large: "more than 16 MiB", filepath.Join(dir, "none"): "no such file"} {
		if _, _, err := Load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A small file cannot be made large by aliases of aliases.
func TestAliasesOfAliases(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("x: &a [" + strings.Repeat("q,", 2000) + "q]\n")
	b.WriteString("y: &b [" + strings.Repeat("{targets: *a},", 2000) + "]\n")
	b.WriteString("scrape_configs: [" + strings.Repeat("{job_name: j, static_configs: *b},", 1000) + "]\n")
	if _, got := problemsOf(t, b.String()); !strings.Contains(got, "more than 3000000 elements") {
		t.Errorf("%.300s", got)
	}
}

// Jobs that are as before are the same, so that their targets go on.
func TestJobsThatAreAsBeforeAreKept(t *testing.T) {
	t.Parallel()
	load := func(text string) *Configuration {
		c, problems := problemsOf(t, text)
		if problems != "" {
			t.Fatal(problems)
		}
		return c
	}
	const a, b = "- &x {job_name: a, static_configs: [{targets: [x]}]}\n", "- {job_name: b, static_configs: [{targets: [x]}]}\n"
	first := load("scrape_configs:\n" + a + b)
	second := load("scrape_configs:\n" + strings.Replace(b, "[x]", "[y]", 1) + a)
	second.keep(first)
	if second.Jobs[1] != first.Jobs[0] || second.Jobs[0] == first.Jobs[1] {
		t.Error("the job that is as before is another, or the other is not")
	}
	third := load("global: {scrape_interval: 20s}\nscrape_configs:\n" + a)
	third.keep(first)
	if third.Jobs[0] == first.Jobs[0] {
		t.Error("a job with another interval is as before")
	}
}
