package wizard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/internal/install"
)

// onPremisesProfile is the profile that the agent uses where there is no instance role, as the original does.
const onPremisesProfile = "AmazonCloudWatchAgent"

// otherCredential is the choice of typing a key pair.
const otherCredential = "Other"

// findings are what the host was asked once.
type findings struct {
	region      *string
	daemons     []Daemon
	credentials []Credential
	asked       bool // for credentials
}

func (v view) region() string {
	if v.found.region == nil {
		region := ""
		if v.Host.Region != nil {
			region = v.Host.Region(v.ctx)
		}
		v.found.region = &region
	}
	return *v.found.region
}

func (v view) credentials() []Credential {
	if !v.found.asked && v.Host.Credentials != nil {
		v.found.asked, v.found.credentials = true, v.Host.Credentials(v.ctx)
	}
	return v.found.credentials
}

func finishSteps() []step {
	here := func(v view) bool { return v.get("os") == v.Host.OS }
	start := yesNo("start", "Shall the agent be started with this configuration now?", "yes runs the command above.")
	start.preset = no
	return slices.Concat([]step{
		{act: &action{"written", view.write}},
		{when: func(v view) bool { return v.Host.Preview != nil && here(v) }, act: &action{"preview", view.preview}},
	}, storeSteps(), []step{
		{act: &action{"command", view.command}},
		{when: func(v view) bool { return v.Host.Start != nil && here(v) && v.result.Valid() }, ask: start},
		{when: func(v view) bool { return v.yes("start") }, act: &action{"started", view.start}},
	})
}

// storeSteps are about Parameter Store.
func storeSteps() []step {
	store := yesNo("ssm", "Shall the configuration be stored in Parameter Store (SSM) as well?",
		"Other hosts can then fetch it by its name. Nothing is sent unless this is answered; that the input ends is no answer.")
	store.closes = func(v view) string {
		if v.StoreWanted {
			return yes
		}
		return no
	}
	name := ask("ssm.name", "What is the name of the parameter?",
		"The policies that AWS manages for the agent permit names that begin with AmazonCloudWatch-.", "")
	name.offers = func(v view) string { return orElse(v.StoreName, "AmazonCloudWatch-"+v.get("os")) }
	region := ask("ssm.region", "In which region?", "The region whose Parameter Store holds it.", "")
	region.offers = func(v view) string { return orElse(v.StoreRegion, orElse(v.ownRegion(), "us-east-1")) }
	return []step{
		{when: func(v view) bool { return v.Host.Store != nil }, ask: store},
		{when: func(v view) bool { return v.yes("ssm") }, ask: name},
		{when: func(v view) bool { return v.yes("ssm") }, ask: region},
		{when: func(v view) bool { return v.yes("ssm") }, loop: &loop{"ssm", credentialSteps(), func(v view) bool {
			return v.own("stored") == denied && v.round() < 2
		}}},
	}
}

// ownRegion is the host's, if that is known.
func (v view) ownRegion() string {
	if v.onPremises() && v.Host.ProfileRegion != nil {
		return v.Host.ProfileRegion(v.ctx)
	}
	return v.region()
}

// What came of an attempt to store.
const (
	stored = "stored"
	denied = "denied"
	failed = "failed"
)

func credentialSteps() []step {
	which := pick("credential", "With which credentials?", "They need the permission ssm:PutParameter.", "")
	which.lists = func(v view) (labels []string) {
		for _, c := range v.credentials() {
			labels = append(labels, c.Label)
		}
		return append(labels, otherCredential)
	}
	which.offers = func(v view) string { return which.lists(v)[0] }
	typed := func(v view) bool { return len(v.credentials()) == 0 || v.own("credential") == otherCredential }
	key := ask("key", "AWS access key id:", "Of a key pair that may store parameters.", "")
	key.check = needs("the id of an access key")
	pass := &question{id: "secret", kind: secret, text: "AWS secret access key:", help: "It is used for this one request and kept nowhere."}
	pass.check = needs("the secret of the key")
	return []step{
		{when: func(v view) bool { return len(v.credentials()) > 0 }, ask: which},
		{when: typed, ask: key},
		{when: typed, ask: pass},
		{act: &action{"stored", view.store}},
	}
}

// store sends to Parameter Store what was written.
func (v view) store() (string, error) {
	p := Parameter{Name: v.get("ssm.name"), Region: v.get("ssm.region"), Value: v.written, Credential: Credential{KeyID: v.own("key"), Secret: v.own("secret")}}
	p.Description = fmt.Sprintf("Configuration of the CloudWatch agent, made on %s at %s", v.Host.Hostname, v.Host.Now().Format(time.RFC1123))
	if i := slices.IndexFunc(v.credentials(), func(c Credential) bool { return c.Label == v.own("credential") }); i >= 0 {
		p.Credential = v.credentials()[i]
	} else if p.Credential.KeyID == "" || p.Credential.Secret == "" {
		return v.failedTo("store the configuration", errors.New("there are no credentials"))
	}
	err := v.Host.Store(v.ctx, p)
	if err == nil {
		v.result.Parameter = p.Name
		v.say("Successfully put config to parameter store " + p.Name + ".\n\n")
		return stored, nil
	}
	if v.Host.Denied != nil && v.Host.Denied(err) && v.round() < 2 {
		v.say("These credentials may not store it: " + err.Error() + "\nGive them the permission ssm:PutParameter, or use others.\n\n")
		return denied, nil
	}
	return v.failedTo("store the configuration in "+p.Name, err)
}

func (v view) failedTo(what string, err error) (string, error) {
	text := what + ": " + err.Error()
	v.result.Failures = append(v.result.Failures, text)
	v.say("Failed to " + text + "\nThe file " + v.Output + " is there all the same.\n\n")
	return failed, nil
}

// previewPatience is how long the wizard looks for what the configuration would send: a pattern may match half a disk.
const previewPatience = 10 * time.Second

// preview says what the configuration would send, and what that costs.
func (v view) preview() (string, error) {
	ctx, cancel := context.WithTimeout(v.ctx, previewPatience)
	defer cancel()
	seen, mode := make(chan string, 1), v.mode()
	go func() {
		text, err := v.Host.Preview(ctx, mode, v.written)
		if err != nil {
			text = "What this would send and cost could not be found out: " + err.Error()
		}
		seen <- text
	}()
	text := fmt.Sprintf("What this would send and cost takes longer than %s to find out: nephoscope explain %s", previewPatience, install.ShellWord(v.Output))
	select {
	case text = <-seen:
	case <-ctx.Done():
	}
	v.say(strings.TrimRight(text, "\n") + "\n\n")
	return yes, nil
}

func (v view) mode() string {
	switch v.get("host") {
	case ec2:
		return "ec2"
	case onPremises:
		return "onPremise"
	}
	return "auto" // nobody was asked
}

func (v view) command() (string, error) {
	v.result.Mode = v.mode()
	what := " -a fetch-config -m " + v.mode() + " -c file:" + install.ShellWord(v.Output) + " -s"
	switch {
	case v.windows():
		v.result.Command = `& "C:\Program Files\Amazon\AmazonCloudWatchAgent\amazon-cloudwatch-agent-ctl.ps1" -a fetch-config -m ` + v.mode() + " -c file:config.json -s"
	case v.Layout.Root != "":
		v.result.Command = "sudo nephoscope ctl --root " + install.ShellWord(v.Layout.Root) + what
	case v.get("os") == v.Host.OS:
		v.result.Command = "sudo " + orElse(v.Host.Control, "amazon-cloudwatch-agent-ctl") + what
	default:
		v.result.Command = "sudo amazon-cloudwatch-agent-ctl" + what
	}
	v.say("Start the agent with it:\n  " + v.result.Command + "\n\n")
	return v.result.Command, nil
}

func (v view) start() (string, error) {
	output, err := v.Host.Start(v.ctx, v.mode(), v.Output)
	if output != "" {
		v.say(strings.TrimRight(output, "\n") + "\n")
	}
	if err != nil {
		return v.failedTo("start the agent", err)
	}
	v.result.Started = true
	v.say("The agent is running with it.\n\n")
	return yes, nil
}
