package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/awsapi"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/migrate"
	"github.com/nephoscope/nephoscope/wizard"
)

// metadataPatience is how long the wizard waits for the instance metadata service, which hosts outside of EC2 do not have.
const metadataPatience = 2 * time.Second

// wizardHost is this machine and its way to AWS, as the wizard asks them.
func wizardHost(layout install.Layout) (wizard.Host, error) {
	beside, err := readFilesBeside(layout, "", "")
	if err != nil {
		return wizard.Host{}, err
	}
	name, _ := os.Hostname()
	aws := wizardCloud{beside.common}
	h := wizard.Host{
		OS: runtime.GOOS, Hostname: name,
		Region: aws.instanceRegion, ProfileRegion: aws.profileRegion, Credentials: aws.credentials, Store: aws.store, Denied: awsapi.Denied,
		XRayDaemons: xrayDaemons,
		Check: func(name string, content []byte) ([]config.Problem, error) {
			return problemsOf(config.Parse(name, content))
		},
		Preview:    previewOf,
		Control:    control(layout),
		Exists:     func(path string) bool { _, err := os.Stat(path); return err == nil },
		UserExists: func(name string) bool { _, err := accountOf(name); return err == nil },
		Now:        time.Now,
		AwsLogs:    migrate.AwsLogs, XRay: migrate.XRay,
	}
	if layout.Root == "" { // an image under a root folder is not this host
		h.Start = startAgent
	}
	return h, nil
}

// control is the control command as it is called on this host, where the package may not be installed.
func control(layout install.Layout) string {
	const name = "amazon-cloudwatch-agent-ctl"
	for _, command := range []string{name, filepath.Join(filepath.Dir(layout.WizardConfig()), name)} {
		if _, err := exec.LookPath(command); err == nil {
			return command
		}
	}
	return install.ShellWord(thisProgram()) + " ctl"
}

// wizardCloud is the wizard's way to AWS.
type wizardCloud struct{ common config.CommonConfig }

func (c wizardCloud) instanceRegion(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, metadataPatience)
	defer cancel()
	i, err := cloud{common: c.common}.Instance(ctx)
	if err != nil {
		return "" // it is no instance, as far as anybody can tell
	}
	return i.Region
}

func (c wizardCloud) profileRegion(ctx context.Context) string {
	account, err := cloud{c.common, agent.OnPremise}.open(ctx, agent.Destination{})
	if err != nil {
		return ""
	}
	return account.Region()
}

// credentials finds what the SDK finds, and the profile of on-premises hosts.
func (c wizardCloud) credentials(ctx context.Context) (all []wizard.Credential) {
	ctx, cancel := context.WithTimeout(ctx, 2*metadataPatience)
	defer cancel()
	for _, profile := range []string{c.common.SharedCredentialProfile, onPremiseProfile} {
		account, err := awsapi.Open(ctx, c.options("", wizard.Credential{Profile: profile}))
		if err != nil {
			continue // there is no such profile
		}
		source, key, err := account.Credentials(ctx)
		if err != nil {
			continue
		}
		label := key + " (" + source + ")"
		if profile != "" {
			label = key + " (profile " + profile + ")"
		}
		if len(all) == 0 || all[0].Label != label {
			all = append(all, wizard.Credential{Label: label, Profile: profile})
		}
	}
	return all
}

func (c wizardCloud) options(region string, who wizard.Credential) awsapi.Options {
	return awsapi.Options{
		Region: region, Profile: who.Profile, KeyID: who.KeyID, Secret: who.Secret,
		CredentialsFile: c.common.SharedCredentialFile, CABundle: c.common.CABundlePath, UserAgent: "Nephoscope/" + version,
	}
}

func (c wizardCloud) store(ctx context.Context, p wizard.Parameter) error {
	account, err := awsapi.Open(ctx, c.options(p.Region, p.Credential))
	if err != nil {
		return err
	}
	return account.Parameters().Put(ctx, p.Name, string(p.Value), p.Description)
}

// startAgent does what the command that the wizard prints does.
func startAgent(ctx context.Context, mode, path string) (string, error) {
	ctl := exec.CommandContext(ctx, thisProgram(), "ctl", "-a", "fetch-config", "-m", mode, "-c", "file:"+path, "-s")
	ctl.Args[0] = "nephoscope" // whatever this process was called by
	out, err := ctl.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
