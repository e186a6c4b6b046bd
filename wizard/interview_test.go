package wizard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Wherever the answers stop, the interview ends by itself, with a file that the agent accepts, and sends nothing anywhere.
func TestInputThatEndsAtAnyQuestionGivesAValidConfiguration(t *testing.T) {
	for _, name := range []string{"walkthrough", "log-files", "journal", "windows", "windows-own-metrics", "own-metrics", "traces-edited", "import", "statsd-and-collectd", "user-of-ones-own", "back"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := readDialogue(t, "testdata/"+name+".txt")
			answers := strings.SplitAfter(d.answers, "\n")
			for n := range answers { // the last one is empty
				got := hold(t, d.host, strings.NewReader(strings.Join(answers[:n], "")), nil)
				if got.err != nil {
					t.Fatalf("after %d answers: %v", n, got.err)
				}
				accepted(t, got.config)
				if len(got.host.stored)+len(got.host.started) > 0 {
					t.Errorf("after %d answers: stored %v, started %v", n, got.host.stored, got.host.started)
				}
			}
		})
	}
}

func TestTypedPipedAndAnsweredByIDGiveTheSameFile(t *testing.T) {
	want, err := os.ReadFile("testdata/expected-standard.json")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := ParseAnswers([]byte(`{"os": "linux", "host": "EC2", "user": "root", "statsd": false, "collectd": 2, "metrics": true,
		"per-core": "no", "dimensions": "yes", "aggregate": "no", "resolution": "60s", "plan": "Standard", "satisfied": "yes",
		"import": "no", "logs": "no", "journald": "no", "traces": "no", "ssm": "no"}`))
	if err != nil {
		t.Fatal(err)
	}
	got := hold(t, "", nil, func(o *Options) { o.Answers = answers })
	if got.err != nil || string(got.config) != string(want) {
		t.Errorf("got %v\n%s", got.err, got.config)
	}
}

func TestAnswersThatDoNotFitAreNamed(t *testing.T) {
	f := func(id, answer, want string) {
		t.Helper()
		got := hold(t, "", nil, func(o *Options) { o.Answers = map[string]string{"logs": yes, id: answer} })
		wrong, ok := errors.AsType[*AnswerError](got.err)
		if !ok || !strings.Contains(wrong.Error(), want) {
			t.Errorf("%s=%s: got error %v, want one with %q", id, answer, got.err, want)
		}
		if got.config != nil {
			t.Errorf("%s=%s: a file was written", id, answer)
		}
	}
	f("plan", "Everything", `read answers: plan: "Everything" is not among the choices`)
	f("perCore", "yes", `there is no such question (did you mean "per-core"?)`)
	f("log.one.path", "/a", `did you mean "log.1.path"?`)
	f("log.0.path", "/a", "there is no such question")
	f("statsd.port", "99999", "a number from 1 to 65535")
	f("log.1.path", "/var/log/[abc", "bad pattern")
	f("colour", "blue", "there is no such question")
	f("satisfied", "no", "nobody is there to answer plan again")
}

func TestAnswersThatAreNoObjectOfAnswersAreRefused(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		if _, err := ParseAnswers([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", raw, err, want)
		}
	}
	f(`{"os": ["linux"]}`, "read answers: line 1: os: an answer is a string")
	f(`["linux"]`, "it is no JSON object")
	f("{\n\"os\": linux}", "read answers: line 2: invalid character 'l'")
	f("{\"os\": \"linux\",\n\"os\": \"windows\"}", "read answers: line 2: os: it is answered twice")
	f(`{"os": "linux"} {"plan": "Basic"}`, "something stands behind the answers")
	f(`{"os": "linux"`, "unexpected EOF")
	f("", "unexpected EOF")
}

// Where nobody is there to answer again, one that does not fit would shift all others.
func TestLinesOfAFileHaveToFit(t *testing.T) {
	f := func(lines, want string) {
		t.Helper()
		got := hold(t, "region eu-west-1", strings.NewReader(lines), func(o *Options) { o.Exact = true })
		wrong, ok := errors.AsType[*AnswerError](got.err)
		if !ok || !strings.Contains(wrong.Error(), want) || got.config != nil || len(got.files(t, "bin")) > 0 {
			t.Errorf("%q: got error %v, %v in bin, want an error with %q", lines, got.err, got.files(t, "bin"), want)
		}
	}
	f("1\n7\n2\n", `read answers: line 2: host: "7" is not among the choices`)
	f("# mine\n1\n", `read answers: line 1: os: "# mine" is not among`)
	f("1\r1\r2\r", "line 1: os: this holds characters")
}

func TestAnswerToAQuestionThatIsNotAskedIsMentioned(t *testing.T) {
	got := hold(t, "", nil, func(o *Options) { o.Answers = map[string]string{"statsd": no, "statsd.port": "8126"} })
	if !strings.Contains(got.transcript, "The answer statsd.port was not needed") {
		t.Errorf("got transcript\n%s", got.transcript)
	}
}

func TestDefaultsAloneReadNothing(t *testing.T) {
	got := hold(t, "region eu-west-1\nstart", unread{t}, func(o *Options) { o.Yes = true })
	if got.err != nil {
		t.Fatal(got.err)
	}
	accepted(t, got.config)
	if len(got.host.stored)+len(got.host.started) > 0 {
		t.Errorf("stored %v, started %v", got.host.stored, got.host.started)
	}
}

func TestParameterIsStoredWithoutAQuestionOnlyIfThatWasAskedFor(t *testing.T) {
	got := hold(t, "region eu-west-1\ncredential AKIA1", nil, func(o *Options) { o.Yes, o.StoreWanted, o.StoreName = true, true, "AmazonCloudWatch-web" })
	if len(got.host.stored) != 1 {
		t.Fatalf("stored %v", got.host.stored)
	}
	p := got.host.stored[0]
	if p.Name != "AmazonCloudWatch-web" || p.Region != "eu-west-1" || p.Credential.Label != "AKIA1" || string(p.Value) != string(got.config) {
		t.Errorf("stored %+v", p)
	}
	if want := "Configuration of the CloudWatch agent, made on web-1 at Sun, 01 Mar 2026 12:00:00 UTC"; p.Description != want {
		t.Errorf("got description %q, want %q", p.Description, want)
	}
}

// unread fails when somebody reads.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the input was read")
	return 0, io.EOF
}

// cutOff fails at the point where a terminal would have been closed, or somebody pressed Ctrl-C.
func cutOff(answers string) io.Reader {
	return io.MultiReader(strings.NewReader(answers), brokenReader{})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestInterviewThatIsCutOffGoesOnWhereItStopped(t *testing.T) {
	want, err := os.ReadFile("testdata/expected-standard.json")
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(walkthroughAnswers + " 2 2")
	root := ""
	for n := range answers {
		first := hold(t, "region eu-west-1\nstart", cutOff(strings.Join(answers[:n], "\n")+"\n"), nil)
		if n > 0 && first.err == nil {
			t.Fatalf("after %d answers: no error", n)
		}
		root = first.root
		if n == 0 {
			continue // a first line that is empty is an answer
		}
		rest := strings.Join(answers[n:], "\n") + "\n"
		again := hold(t, "region eu-west-1\nstart", strings.NewReader(rest), func(o *Options) { o.Layout.Root, o.Resume = root, true })
		if again.err != nil {
			t.Fatalf("after %d answers: %v", n, again.err)
		}
		if string(again.config) != string(want) {
			t.Errorf("after %d answers: got\n%s", n, again.config)
		}
		if _, err := os.Stat(filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/bin/config.json.answers")); err == nil {
			t.Errorf("after %d answers: they are still there when it has ended", n)
		}
	}
}

// Scripts answer question by question: another one at the beginning would shift their answers.
func TestAnswersOfAnInterviewThatWasCutOffShiftNoQuestion(t *testing.T) {
	first := hold(t, "", cutOff("2\n2\n"), nil)
	got := hold(t, "region eu-west-1", strings.NewReader(strings.ReplaceAll(walkthroughAnswers, " ", "\n")), func(o *Options) { o.Layout.Root = first.root })
	want, _ := os.ReadFile("testdata/expected-standard.json")
	if string(got.config) != string(want) {
		t.Errorf("got\n%s", got.config)
	}
	if !strings.Contains(got.transcript, "--resume") {
		t.Errorf("nothing is said of them:\n%s", got.transcript)
	}
}

func TestDefaultsAloneLeaveTheAnswersOfAnInterviewThatWasCutOff(t *testing.T) {
	first := hold(t, "", cutOff("2\n2\n"), nil)
	hold(t, "", nil, func(o *Options) { o.Layout.Root, o.Yes = first.root, true })
	answers, err := readAnswers(filepath.Join(first.root, "opt/aws/amazon-cloudwatch-agent/bin/config.json.answers"))
	if err != nil || answers["os"] != "windows" || answers["host"] != onPremises {
		t.Errorf("got %v, %v", answers, err)
	}
}

func TestByteOrderMarkBeforeTheFirstAnswerIsNoneOfIt(t *testing.T) {
	got := hold(t, "", strings.NewReader("\ufeff2\r\n"), nil)
	if !strings.Contains(string(got.config), "LogicalDisk") {
		t.Errorf("got\n%s", got.config)
	}
}

func TestResumingWithoutAnswersIsAMistake(t *testing.T) {
	got := hold(t, "", strings.NewReader(""), func(o *Options) { o.Resume = true })
	if got.err == nil || !strings.Contains(got.err.Error(), "holds no answers") {
		t.Errorf("got error %v", got.err)
	}
}

func TestSecretsAreNeitherShownNorKept(t *testing.T) {
	var root string
	got := hold(t, "region eu-west-1\ndenied 1", cutOff("1\n1\n2\n2\n2\n2\n2\n2\n2\n2\n1\n\n\nAKIAEXAMPLE\nnot a secret\n"), func(o *Options) {
		root = o.Layout.Root
	})
	if got.err == nil {
		t.Fatal("the interview was not cut off")
	}
	kept, err := os.ReadFile(filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/bin/config.json.answers"))
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]string
	if err := json.Unmarshal(kept, &answers); err != nil || answers["ssm.1.key"] != "AKIAEXAMPLE" {
		t.Errorf("got %s", kept)
	}
	if all := string(kept) + got.transcript; strings.Contains(all, "not a secret") {
		t.Errorf("the secret is among\n%s", all)
	}
}

func TestSecretIsHiddenBeforeItIsAskedForAndUntilItIsTyped(t *testing.T) {
	var out *bytes.Buffer
	var events []string
	got := hold(t, "region eu-west-1\nstart", strings.NewReader("1\n1\n2\n2\n2\n2\n2\n2\n2\n2\n1\n\n\nAKIAEXAMPLE\nhidden\n\n"), func(o *Options) {
		out = o.Out.(*bytes.Buffer)
		asked := func() bool { return strings.Contains(out.String(), "AWS secret access key") }
		o.Hide = func() func() {
			events = append(events, fmt.Sprint("hide, asked: ", asked()))
			return func() { events = append(events, fmt.Sprint("show, asked: ", asked())) }
		}
	})
	if got.err != nil || len(got.host.stored) != 1 || got.host.stored[0].Credential.Secret != "hidden" {
		t.Errorf("got error %v, stored %+v", got.err, got.host.stored)
	}
	if want := "[hide, asked: false show, asked: true]"; fmt.Sprint(events) != want {
		t.Errorf("got %v, want %s", events, want)
	}
}

func TestEveryQuestionIsExplained(t *testing.T) {
	seen := map[string]bool{}
	var visit func(steps []step, prefix string)
	visit = func(steps []step, prefix string) {
		for _, s := range steps {
			if s.loop != nil {
				visit(s.loop.steps, prefix+s.loop.id+".")
			}
			if q := s.ask; q != nil {
				seen[prefix+q.id] = true
				if q.text == "" || len(q.help) < 15 {
					t.Errorf("%s%s: got text %q, help %q", prefix, q.id, q.text, q.help)
				}
				if q.kind == choice && q.lists == nil && q.offers == nil && !strings.Contains(fmt.Sprint(q.choices), q.preset) {
					t.Errorf("%s%s: its default %q is not among %v", prefix, q.id, q.preset, q.choices)
				}
			}
		}
	}
	visit(script(), "")
	if len(seen) < 60 {
		t.Errorf("got %d questions", len(seen))
	}
	all, err := os.ReadFile("../docs/wizard.md")
	if err != nil {
		t.Fatal(err)
	}
	for id := range seen {
		id = strings.NewReplacer("log.", "log.N.", "event.", "event.N.", "journald.", "journald.N.", "match.", "match.N.", "filter.", "filter.N.", "xray.edit.", "xray.edit.N.").Replace(id)
		for _, of := range []string{"credential", "key", "secret"} {
			if id == "ssm."+of {
				id = "ssm.N." + of
			}
		}
		if !strings.Contains(string(all), "`"+id+"`") {
			t.Errorf("docs/wizard.md does not name the question `%s`", id)
		}
	}
}

func TestCollectDIsAggregatedAsLongAsStatsD(t *testing.T) {
	got := hold(t, "", nil, func(o *Options) { o.Answers = map[string]string{"statsd.aggregation": "Do not aggregate"} })
	if n := strings.Count(string(got.config), `"metrics_aggregation_interval": 0`); n != 2 {
		t.Errorf("got %d intervals of 0 in\n%s", n, got.config)
	}
}

func TestHostIsAskedOnce(t *testing.T) {
	got := hold(t, "region eu-west-1\ncredential AKIA1", strings.NewReader("1\nb\nb\n\n\nb\n\n"), func(o *Options) { o.StoreWanted = true })
	for what, times := range got.host.asked {
		if times != 1 {
			t.Errorf("asked for %s %d times", what, times)
		}
	}
}

type endless string

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }

// yes "" | nephoscope wizard comes to a question that has no default.
func TestAnswersThatNeverFitEndTheInterview(t *testing.T) {
	for answer, want := range map[string]string{"y\n": "os: \"y\" is not among", "\n": "log.1.path: give the path"} {
		got := hold(t, "region eu-west-1", endless(answer), nil)
		if got.err == nil || !strings.Contains(got.err.Error(), want) || got.config != nil {
			t.Errorf("%q: got error %v", answer, got.err)
		}
	}
}
