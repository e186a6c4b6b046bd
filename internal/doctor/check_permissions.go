package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/nephoscope/nephoscope/tailer"
)

const (
	// probedGroups bounds the log groups that are asked about; a policy mostly is about all of them.
	probedGroups = 25
	// probesAtOnce keeps well below the quotas of the operations that are asked for.
	probesAtOnce = 5
)

// The actions that are probed.
const (
	PutLogEvents       = "logs:PutLogEvents"
	CreateLogStream    = "logs:CreateLogStream"
	PutRetentionPolicy = "logs:PutRetentionPolicy"
	DescribeLogGroups  = "logs:DescribeLogGroups"
	GetLogEvents       = "logs:GetLogEvents"
	PutMetricData      = "cloudwatch:PutMetricData"
	DescribeTags       = "ec2:DescribeTags"
	DescribeVolumes    = "ec2:DescribeVolumes"
)

// lookAtPermissions asks for each action that the configuration needs, by requests that can change nothing.
func lookAtPermissions(ctx context.Context, w *World, r *Result) {
	if w.Config == nil {
		r.skip("there is no configuration that would say what is needed")
		return
	}
	region, err := w.region(ctx)
	if err != nil || region == "" {
		r.fail("set agent.region in the configuration, or AWS_REGION", "no region is known, so that nobody can be asked")
		return
	}
	asks, left := w.asks(region)
	if len(asks) == 0 {
		r.skip("the configuration sends nothing")
		return
	}
	answers := make([]Answer, len(asks))
	var wg sync.WaitGroup
	lanes := make(chan struct{}, probesAtOnce)
	for i, ask := range asks {
		wg.Go(func() {
			lanes <- struct{}{}
			defer func() { <-lanes }()
			answers[i] = w.AWS.Probe(ctx, ask)
		})
	}
	wg.Wait()
	judgePermissions(region, asks, answers, r)
	if left > 0 {
		r.note("%s more were not asked about", output.Count(left, "log group"))
	}
}

// asksForVolumes tells whether the agent asks EC2 which EBS volumes are attached.
func (w *World) asksForVolumes() bool {
	return w.Config != nil && agent.WantsVolumes(w.Config) && w.Mode != agent.OnPremise && (w.Mode == agent.EC2 || agent.LooksLikeEC2(w.Host.ReadFile))
}

// asks are the questions for a configuration, and how many log groups are left out.
func (w *World) asks(region string) (asks []Ask, left int) {
	if to, ok := w.toMetrics(region); ok {
		asks = append(asks, Ask{PutMetricData, w.Config.Metrics.Namespace, to})
	}
	if agent.WantsAutoScalingGroup(w.Config) {
		asks = append(asks, Ask{DescribeTags, "", w.toHost(region)})
	}
	if w.asksForVolumes() {
		asks = append(asks, Ask{DescribeVolumes, "", w.toHost(region)})
	}
	to, ok := w.toLogs(region)
	if !ok {
		return asks, 0
	}
	groups, retention := w.groups(region)
	if n := len(groups) - probedGroups; n > 0 {
		groups, left = groups[:probedGroups], n
	}
	for _, g := range groups {
		asks = append(asks, Ask{PutLogEvents, g, to}, Ask{CreateLogStream, g, to})
		if w.Config.Logs.ReadBack {
			asks = append(asks, Ask{GetLogEvents, g, to})
		}
		if retention[g] {
			asks = append(asks, Ask{PutRetentionPolicy, g, to}, Ask{DescribeLogGroups, g, to})
		}
	}
	return asks, left
}

// groups are the log groups of the configuration, by name, and which of them get a retention. The agent that runs knows best
// what they are called.
func (w *World) groups(region string) (names []string, retention map[string]bool) {
	retention = map[string]bool{}
	if w.isAgents() {
		for _, s := range w.Status.Streams {
			names = append(names, s.Group)
		}
	}
	for _, f := range w.Config.Logs.Files {
		for _, g := range w.groupsOf(f, region) {
			if !strings.Contains(g, unknownName) {
				retention[g] = retention[g] || f.RetentionDays > 0
			}
			if !w.isAgents() || !strings.Contains(g, unknownName) {
				names = append(names, g)
			}
		}
	}
	if p := w.Config.Logs.Prometheus; p != nil {
		names = append(names, p.LogGroup)
	}
	slices.Sort(names)
	return slices.Compact(names), retention
}

// unknownName stands for what only the agent knows.
const unknownName = "unknown-to-nephoscope-doctor"

// groupsOf makes the names as a run does; what is known only there is left open.
func (w *World) groupsOf(f config.File, region string) (groups []string) {
	entry, err := tailer.New(f, tailer.Options{})
	if err != nil {
		return nil // the configuration's mistake, which has been told
	}
	naming := entry.Naming("", func(name string) string {
		name = strings.ReplaceAll(name, "{aws_region}", region)
		for _, p := range []string{"{instance_id}", "{hostname}", "{local_hostname}", "{ip_address}", "{account_id}", "{date}"} {
			name = strings.ReplaceAll(name, p, unknownName)
		}
		return name
	})
	paths := []string{f.Path}
	if p, err := w.Host.Present(f); err == nil && len(p.Files) > 0 {
		paths = p.Files
	}
	for _, path := range paths {
		if g := naming(path).Group; !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

// judgePermissions tells what is missing, and the smallest policy that gives it.
func judgePermissions(region string, asks []Ask, answers []Answer, r *Result) {
	missing := map[string][]string{} // what on, by action
	permitted, absent := 0, 0
	unclear := map[string]string{} // actions by what was said
	for i, a := range answers {
		ask := asks[i]
		switch {
		case a.Permitted:
			permitted++
			if ask.Action == PutLogEvents && a.NoGroup {
				absent++
			}
		case a.Forbidden:
			missing[ask.Action] = append(missing[ask.Action], ask.On)
		default:
			text := fmt.Sprint(innermost(a.Err))
			if unclear[text] == "" || !strings.Contains(unclear[text], ask.Action) {
				unclear[text] = strings.TrimPrefix(unclear[text]+", "+ask.Action, ", ")
			}
		}
	}
	for _, action := range sortedKeys(missing) {
		on := missing[action]
		cure := "allow " + statement(action, on, region)
		where := ""
		if on[0] != "" {
			where = fmt.Sprintf(" on %s%s", on[0], more(len(on)))
		}
		switch action {
		case CreateLogStream, PutRetentionPolicy:
			r.warn(cure, "%s is denied on names that begin like %s%s (it cannot be asked about the log group itself without writing; a policy for exactly that name may allow it)", action, on[0], more(len(on)))
		case DescribeLogGroups:
			r.warn(cure, "%s is denied%s: the retention is set at each start instead of once", action, where)
		case GetLogEvents:
			r.warn(cure, "%s is denied%s: read_back cannot tell whether a batch has arrived", action, where)
		default:
			r.fail(cure, "%s is denied%s", action, where)
		}
	}
	for _, text := range sortedKeys(unclear) {
		r.warn("see the checks of credentials and endpoints", "it is not clear whether these are permitted: %s: %s", unclear[text], text)
	}
	if absent > 0 {
		r.note("%s not there yet; whether logs:CreateLogGroup is permitted cannot be asked without making one", output.Count(absent, "log group is", "log groups are"))
	}
	if permitted > 0 {
		r.note("%s permitted", output.Count(permitted, "request is", "requests are"))
	}
}

// statement is the smallest IAM statement for an action.
func statement(action string, on []string, region string) string {
	s := struct {
		Effect    string
		Action    string
		Resource  []string
		Condition map[string]map[string][]string `json:",omitempty"`
	}{Effect: "Allow", Action: action}
	switch action {
	case PutMetricData:
		s.Resource = []string{"*"}
		s.Condition = map[string]map[string][]string{"StringEquals": {"cloudwatch:namespace": on}}
	case DescribeTags, DescribeVolumes, DescribeLogGroups:
		s.Resource = []string{"*"}
	default:
		for _, group := range on {
			s.Resource = append(s.Resource, fmt.Sprintf("arn:%s:logs:%s:*:log-group:%s:*", cloudwatch.Partition(region), cmp.Or(region, "*"), strings.ReplaceAll(group, unknownName, "*")))
		}
	}
	raw, _ := json.Marshal(s) // there is nothing in it that could fail
	return string(raw)
}
