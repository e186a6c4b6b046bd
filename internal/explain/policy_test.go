package explain

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

func parsed(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("c.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// permitted lists a configuration's permissions: role, action, resource.
func permitted(t *testing.T, text, account, parameter string) (all []string) {
	t.Helper()
	c := parsed(t, text)
	plan, err := agent.MakePlan(t.Context(), c, agent.Env{Mode: agent.EC2})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range permissions(c, plan, account, parameter) {
		for _, s := range p.Policy.Statement {
			for _, a := range s.Action {
				for _, r := range s.Resource {
					line := strings.TrimSpace(fmt.Sprint(p.Role, " ", a, " ", r))
					for op, by := range s.Condition {
						line += fmt.Sprint(" ", op, by)
					}
					all = append(all, line)
				}
			}
		}
	}
	return all
}

func TestPolicyHasDescribeVolumesWhereDisksDoNotSayTheirVolume(t *testing.T) {
	const text = `{"metrics": {"append_dimensions": {}, "metrics_collected": {"disk": {"measurement": ["used"], "resources": ["/"], "append_dimensions": {"VolumeId": "${aws:VolumeId}"}}}}}`
	f := func(disk string, want bool) {
		t.Helper()
		sys := t.TempDir()
		if err := os.MkdirAll(filepath.Join(sys, "block", disk), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("HOST_SYS", sys)
		if got := permitted(t, text, "", ""); slices.Contains(got, "ec2:DescribeVolumes *") != want {
			t.Errorf("%s: got %q", disk, got)
		}
	}
	f("xvda", true)
	f("sdb", true)
	f("nvme0n1", false)
	f("loop1", false)
}

func TestPolicyNamesNoMoreThanIsNeeded(t *testing.T) {
	t.Parallel()
	f := func(text, account, parameter string, want ...string) {
		t.Helper()
		if got := permitted(t, text, account, parameter); !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", text, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	mem := `"metrics_collected": {"mem": {"measurement": ["used"]}}`
	files := func(entries string) string {
		return `"logs_collected": {"files": {"collect_list": [` + entries + `]}}`
	}
	f(`{"metrics": {"namespace": "N", `+mem+`}}`, "", "", "cloudwatch:PutMetricData * StringEqualsmap[cloudwatch:namespace:N]")
	own := "cloudwatch:PutMetricData * StringEqualsmap[cloudwatch:namespace:Own]"
	f(`{"nephoscope": {"self_metrics": {"namespace": "Own"}}, "metrics": {"namespace": "N", `+mem+`}}`, "", "", "cloudwatch:PutMetricData * StringEqualsmap[cloudwatch:namespace:N]", own)
	f(`{"nephoscope": {"self_metrics": {"namespace": "Own"}}, "metrics": {"namespace": "Own", `+mem+`}}`, "", "", own)
	f(`{"nephoscope": {"self_metrics": {"namespace": "Own"}}}`, "", "", own)
	f(`{"metrics": {"append_dimensions": {"InstanceId": "${aws:InstanceId}"}, `+mem+`}}`, "", "", "cloudwatch:PutMetricData * StringEqualsmap[cloudwatch:namespace:CWAgent]")
	f(`{"metrics": {"metrics_collected": {"mem": {"measurement": ["used"], "append_dimensions": {"group": "${aws:AutoScalingGroupName}"}}}}}`, "", "",
		"cloudwatch:PutMetricData * StringEqualsmap[cloudwatch:namespace:CWAgent]", "ec2:DescribeTags *")
	f(`{"agent": {"region": "eu-west-1"}, "logs": {`+files(`{"file_path": "/nowhere/a", "log_group_name": "g", "log_stream_name": "{instance_id}"}`)+`}}`, "111122223333", "",
		"logs:PutLogEvents arn:aws:logs:eu-west-1:111122223333:log-group:g:log-stream:*",
		"logs:CreateLogGroup arn:aws:logs:eu-west-1:111122223333:log-group:g:*",
		"logs:CreateLogStream arn:aws:logs:eu-west-1:111122223333:log-group:g:*")
	f(`{"agent": {"region": "cn-north-1"}, "nephoscope": {"read_back": true}, "logs": {`+files(`{"file_path": "/nowhere/a", "log_group_name": "g", "log_stream_name": "s", "retention_in_days": 7}`)+`}}`, "", "x",
		"logs:PutLogEvents arn:aws-cn:logs:cn-north-1:*:log-group:g:log-stream:*",
		"logs:CreateLogGroup arn:aws-cn:logs:cn-north-1:*:log-group:g:*",
		"logs:CreateLogStream arn:aws-cn:logs:cn-north-1:*:log-group:g:*",
		"logs:PutRetentionPolicy arn:aws-cn:logs:cn-north-1:*:log-group:g:*",
		"logs:DescribeLogGroups arn:aws-cn:logs:cn-north-1:*:log-group:*",
		"logs:GetLogEvents arn:aws-cn:logs:cn-north-1:*:log-group:g:log-stream:*",
		"ssm:GetParameter arn:aws-cn:ssm:cn-north-1:*:parameter/x")
	f(`{"agent": {"region": "eu-west-1"}, "logs": {"metrics_collected": {"emf": {}}}}`, "111122223333", "",
		"logs:PutLogEvents arn:aws:logs:eu-west-1:111122223333:log-group:*:log-stream:*",
		"logs:CreateLogGroup arn:aws:logs:eu-west-1:111122223333:log-group:*:*",
		"logs:CreateLogStream arn:aws:logs:eu-west-1:111122223333:log-group:*:*")
	role := "arn:aws:iam::444455556666:role/logs"
	f(`{"agent": {"region": "eu-west-1"}, "metrics": {`+mem+`}, "logs": {"credentials": {"role_arn": "`+role+`"}, `+files(`{"file_path": "/nowhere/a", "log_group_name": "g", "log_stream_name": "s"}`)+`}}`, "111122223333", "",
		"cloudwatch:PutMetricData * StringEqualsmap[cloudwatch:namespace:CWAgent]",
		"sts:AssumeRole "+role,
		role+" logs:PutLogEvents arn:aws:logs:eu-west-1:444455556666:log-group:g:log-stream:*",
		role+" logs:CreateLogGroup arn:aws:logs:eu-west-1:444455556666:log-group:g:*",
		role+" logs:CreateLogStream arn:aws:logs:eu-west-1:444455556666:log-group:g:*")
}

func TestResourcesAreNamedOnce(t *testing.T) {
	t.Parallel()
	f := func(given, want string) {
		t.Helper()
		if got := strings.Join(narrowest(strings.Fields(given)), " "); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
	f("b a b a", "a b")
	f("ab a* ac abc* b", "a* b")
	f("a#b a*", "a*")
	f("g:log-stream:a g:log-stream:*", "g:log-stream:*")
	f("* a b:*", "*")
	f("a*-x a*-y", "a*-x a*-y")
}
