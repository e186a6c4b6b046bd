package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// Policy is an IAM policy document.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement is one permission of a policy.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// Permission is what one identity has to be allowed. There is more than one when the configuration names roles.
type Permission struct {
	Role   string   `json:"role,omitempty"` // "": the credentials that the agent finds on the host
	Policy Policy   `json:"policy"`
	Why    []Reason `json:"why"`
}

// Reason says what an action is for.
type Reason struct {
	Action string `json:"action"`
	For    string `json:"for"`
}

// maxPolicyCharacters: "The size of each managed policy cannot exceed 6,144 characters", white space not counted
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxPolicyCharacters = 6144

// grants gathers permissions by who needs them.
type grants struct {
	region, account string
	byRole          map[string]*Permission
}

func newGrants(region, account string) *grants {
	return &grants{cmp.Or(region, "*"), account, map[string]*Permission{"": {}}}
}

// to finds the identity that a role stands for. Whoever is to become a role has to be allowed to.
func (g *grants) to(role string) *Permission {
	if p := g.byRole[role]; p != nil {
		return p
	}
	p := &Permission{Role: role}
	g.byRole[role] = p
	g.byRole[""].allow("AssumeRole", "credentials.role_arn", []string{role}, nil, "sts:AssumeRole")
	return p
}

// arn names a resource in the account that an identity speaks to.
func (g *grants) arn(p *Permission, service, resource string) string {
	account := g.account
	if parts := strings.Split(p.Role, ":"); len(parts) > 4 && parts[4] != "" {
		account = parts[4] // the role's own
	}
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", cloudwatch.Partition(g.region), service, g.region, cmp.Or(account, "*"), resource)
}

// allow adds a statement, or its resources to that of the same name.
func (p *Permission) allow(sid, why string, resources []string, condition map[string]map[string]string, actions ...string) {
	i := slices.IndexFunc(p.Policy.Statement, func(s Statement) bool { return s.Sid == sid })
	if i < 0 {
		p.Policy.Statement = append(p.Policy.Statement, Statement{Sid: sid, Effect: "Allow", Action: actions, Condition: condition})
		i = len(p.Policy.Statement) - 1
		for _, a := range actions {
			p.Why = append(p.Why, Reason{a, why})
		}
	}
	s := &p.Policy.Statement[i]
	s.Resource = append(s.Resource, resources...)
}

// permissions of a configuration: the calls that publish and the agent's identity make, and no others.
func permissions(c *config.Config, plan *agent.Plan, account, parameter string) []Permission {
	g := newGrants(plan.Region, account)
	if m := c.Metrics; m != nil && len(m.Plugins) > 0 {
		send := func(sid, why, namespace string) {
			g.to(m.RoleARN).allow(sid, why, []string{"*"}, map[string]map[string]string{"StringEquals": {"cloudwatch:namespace": namespace}}, "cloudwatch:PutMetricData")
		}
		if slices.ContainsFunc(m.Plugins, func(p config.Plugin) bool { return p.Namespace == "" || p.Namespace == m.Namespace }) {
			send("SendMetrics", "sending metrics; it knows no narrower resource than the namespace", m.Namespace)
		}
		for _, p := range m.Plugins {
			if p.Namespace != "" && p.Namespace != m.Namespace {
				send("SendOwnMetrics", "nephoscope.self_metrics", p.Namespace)
			}
		}
		if agent.WantsAutoScalingGroup(c) {
			g.to(c.Agent.RoleARN).allow("FindAutoScalingGroup", "the dimension AutoScalingGroupName; not needed where instance tags are enabled in the metadata service",
				[]string{"*"}, nil, "ec2:DescribeTags")
		}
		if plan.Volumes {
			g.to(c.Agent.RoleARN).allow("FindVolumes", "the dimension VolumeId: disks of this host do not say themselves which EBS volume they are",
				[]string{"*"}, nil, "ec2:DescribeVolumes")
		}
	}
	if c.Logs != nil && len(plan.Files) > 0 {
		g.logs(c.Logs, plan.Files)
	}
	if c.Logs != nil && c.Logs.EMF != nil { // whoever sends names the group
		g.logs(c.Logs, []agent.PlannedFile{{File: config.File{RetentionDays: -1}, Group: "*"}})
	}
	if scraped := scrapedOf(c); scraped != nil {
		g.logs(c.Logs, []agent.PlannedFile{{File: config.File{RetentionDays: -1}, Group: scraped.LogGroup}})
	}
	if parameter != "" {
		own := g.byRole[""]
		own.allow("ReadConfiguration", "fetch-config from Parameter Store", []string{g.arn(own, "ssm", "parameter/"+strings.TrimPrefix(parameter, "/"))}, nil, "ssm:GetParameter")
	}
	return g.all()
}

// logs needs groups and streams. Of a group's actions the resource is the group with :* behind it, of a stream's the stream
// (docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html). DescribeLogGroups is judged by the
// group of no name, whatever prefix is asked for.
func (g *grants) logs(l *config.Logs, files []agent.PlannedFile) {
	p := g.to(l.RoleARN)
	for _, f := range files {
		group := g.arn(p, "logs", "log-group:"+f.Group)
		streams := []string{group + ":log-stream:*"} // also the one that nobody has made, of which nephoscope doctor asks
		p.allow("SendLogEvents", "sending log events", streams, nil, "logs:PutLogEvents")
		p.allow("MakeLogGroups", "groups and streams that are missing", []string{group + ":*"}, nil, "logs:CreateLogGroup", "logs:CreateLogStream")
		if f.File.RetentionDays > 0 {
			p.allow("SetRetention", "retention_in_days", []string{group + ":*"}, nil, "logs:PutRetentionPolicy")
			p.allow("SeeRetention", "retention_in_days: a group that keeps its events as long as it should is left alone", []string{g.arn(p, "logs", "log-group:*")}, nil, "logs:DescribeLogGroups")
		}
		if l.ReadBack {
			p.allow("ReadBack", "read_back", streams, nil, "logs:GetLogEvents")
		}
	}
}

// all are the permissions, the host's own first, each resource once and none that another covers.
func (g *grants) all() (all []Permission) {
	for _, role := range slices.Sorted(maps.Keys(g.byRole)) {
		p := g.byRole[role]
		for i := range p.Policy.Statement {
			s := &p.Policy.Statement[i]
			s.Resource = narrowest(s.Resource)
		}
		p.Policy.Version = "2012-10-17"
		if len(p.Policy.Statement) > 0 {
			all = append(all, *p)
		}
	}
	return all
}

// narrowest leaves out what is there twice, or within what another stands for: a* covers ab. In the order of what stands before
// the last asterisk, what one covers follows it.
func narrowest(resources []string) (narrow []string) {
	slices.SortFunc(resources, func(a, b string) int {
		x, y := strings.TrimSuffix(a, "*"), strings.TrimSuffix(b, "*")
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(len(b), len(a)))
	})
	covered, wild := "", false
	for _, r := range resources {
		if wild && strings.HasPrefix(r, covered) || len(narrow) > 0 && r == narrow[len(narrow)-1] {
			continue
		}
		narrow = append(narrow, r)
		covered, wild = strings.CutSuffix(r, "*")
	}
	return narrow
}

// characters is the size that counts.
func (p Policy) characters() int {
	raw, _ := json.Marshal(p)
	return len(raw)
}
