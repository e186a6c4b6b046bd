package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/install"
)

// soon is how far ahead of their end credentials are worth a word; a role's last an hour at least.
const soon = 5 * time.Minute

// onPremiseProfile is what the original's users keep the credentials of hosts elsewhere in.
const onPremiseProfile = "AmazonCloudWatchAgent"

// lookAtCredentials finds out as whom requests are signed, and whether the service knows them.
func lookAtCredentials(ctx context.Context, w *World, r *Result) {
	switch {
	case w.NoEnvironment == nil:
	case errors.Is(w.NoEnvironment, ErrElsewhere):
		r.note("as this shell sees it: the environment of another process is not known on this system")
	default:
		r.warn(asRoot, "what follows goes by this shell's environment and not the agent's, for that cannot be read: %v", innermost(w.NoEnvironment))
	}
	lookAtCredentialFiles(w, r)
	region, err := w.region(ctx)
	if err != nil || region == "" {
		r.fail("set agent.region in the configuration, or AWS_REGION", "no region is known, so that nobody can be asked")
		return
	}
	asked := map[agent.Destination]bool{}
	for _, section := range []func(string) (agent.Destination, bool){w.toLogs, w.toMetrics} {
		to, used := section(region)
		to.Endpoint = "" // of logs or metrics, not of whoever knows us
		if !used || asked[to] {
			continue
		}
		asked[to] = true
		w.identify(ctx, to, r)
	}
	if len(asked) == 0 {
		w.identify(ctx, w.toHost(region), r)
	}
}

func (w *World) identify(ctx context.Context, to agent.Destination, r *Result) {
	id, err := w.AWS.Credentials(ctx, to)
	role := ""
	if to.RoleARN != "" {
		role = " (by way of role_arn " + to.RoleARN + ")"
	}
	if err != nil {
		r.fail(w.credentialsCure(to), "no credentials%s: %v", role, err)
		return
	}
	source := sourceText(id.Source)
	if left := id.Expires.Sub(w.Now()); !id.Expires.IsZero() {
		switch {
		case left <= 0:
			r.fail("whoever renews them has not; for a session: sign in again", "the credentials from %s%s have expired at %s", source, role, id.Expires.UTC().Format(time.RFC3339))
		case left < soon:
			r.warn("", "the credentials from %s%s expire in %s", source, role, left.Round(time.Second))
		}
	}
	if id.NoARN != nil && !id.Refused {
		r.warn("the checks of endpoints and permissions tell whether the services take them", "nobody says whose the credentials from %s%s (key %s) are, for STS is not reached: %v; the agent does without", source, role, id.KeyID, innermost(id.NoARN))
		return
	}
	if id.NoARN != nil {
		r.fail("are they of this partition, and still active? aws sts get-caller-identity", "the credentials from %s%s (key %s) are not accepted by STS: %v", source, role, id.KeyID, innermost(id.NoARN))
		return
	}
	if strings.HasSuffix(id.ARN, ":root") {
		r.warn("make a role or a user with the policy of nephoscope explain", "the credentials from %s are those of the account's root user", source)
	}
	r.note("%s%s, from %s", id.ARN, role, source)
}

func (w *World) credentialsCure(to agent.Destination) string {
	switch {
	case to.RoleARN != "":
		return "may the host's own identity assume it? aws sts assume-role --role-arn " + install.ShellWord(to.RoleARN) + " --role-session-name test"
	case w.Mode == agent.OnPremise || !agent.LooksLikeEC2(w.Host.ReadFile):
		return "sudo aws configure --profile " + onPremiseProfile + ", or name a profile in common-config.toml"
	}
	return "give the instance a role with the policy that nephoscope explain prints"
}

// sourceText is the SDK's name of a provider, in words.
func sourceText(source string) string {
	for start, text := range map[string]string{
		"EnvConfigCredentials": "the environment", "EC2RoleProvider": "the instance's role (IMDS)", "CredentialsEndpointProvider": "the container's endpoint",
		"WebIdentityCredentials": "a web identity token", "AssumeRoleProvider": "an assumed role", "SSOProvider": "single sign-on", "ProcessProvider": "credential_process",
	} {
		if strings.HasPrefix(source, start) {
			return text
		}
	}
	if file, ok := strings.CutPrefix(source, "SharedConfigCredentials:"); ok {
		return "the file " + strings.TrimSpace(file)
	}
	return cmp.Or(source, "an unnamed source")
}

// lookAtCredentialFiles asks whether the files with secrets are for the agent alone, and whether it may read them.
func lookAtCredentialFiles(w *World, r *Result) {
	if w.NoUser != nil {
		return // lookAtFiles has told
	}
	path, named := cmp.Or(w.Common.SharedCredentialFile, w.Env("AWS_SHARED_CREDENTIALS_FILE")), true
	if path == "" && w.Home != "" {
		path, named = filepath.Join(w.Home, ".aws", "credentials"), false
	}
	if path != "" {
		w.secretFile("credentials file", path, named, r)
		w.profileThere(path, r)
	}
	if w.CommonFile != "" && hasPassword(w.Common.HTTPProxy, w.Common.HTTPSProxy) {
		w.secretFile("common-config.toml, which has a proxy's password,", w.CommonFile, true, r)
	}
}

func (w *World) secretFile(what, path string, required bool, r *Result) {
	node, err := w.Host.Node(path)
	switch {
	case errors.Is(err, ErrElsewhere), errors.Is(err, fs.ErrNotExist) && !required:
		return
	case errors.Is(err, fs.ErrPermission):
		r.fail(asRoot, "the %s %s cannot be looked at: %v", what, path, innermost(err))
		return
	case err != nil:
		r.fail("correct the path, or make the file", "the %s %s: %v", what, path, innermost(err))
		return
	}
	if b := reach(w.Host.Node, w.User, path, mayRead); b != nil && b.err == nil {
		r.fail(fmt.Sprintf("sudo setfacl -m u:%s:%s %s", w.User.Name, letters(b.want), install.ShellWord(b.path)), "the %s %s cannot be read by %s: %s is %s", what, path, w.User.Name, b.path, b.node)
	}
	if node.Mode.IsRegular() && node.Mode.Perm()&0o007 != 0 {
		r.warn("sudo chmod o= "+install.ShellWord(path), "the %s %s is open to everybody (mode %s)", what, path, node)
	}
}

// profileThere looks for the section of the profile that is going to be used.
func (w *World) profileThere(path string, r *Result) {
	want := w.Common.SharedCredentialProfile
	if want == "" && w.Mode == agent.OnPremise {
		want = onPremiseProfile
	}
	raw, err := w.Host.ReadFile(path)
	if want == "" || err != nil {
		return
	}
	for line := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "["); ok && strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), "]")) == want {
			return
		}
	}
	cure := "sudo aws configure --profile " + install.ShellWord(want)
	if w.Common.SharedCredentialProfile != "" {
		r.fail(cure, "%s has no profile %s, which common-config.toml names", path, want)
		return
	}
	r.warn(cure, "%s has no profile %s; the SDK's own order of sources is used", path, want)
}

func hasPassword(urls ...string) bool {
	for _, u := range urls {
		if _, rest, scheme := strings.Cut(u, "://"); scheme {
			u = rest
		}
		if at := strings.LastIndexByte(u, '@'); at >= 0 && strings.Contains(u[:at], ":") {
			return true
		}
	}
	return false
}
