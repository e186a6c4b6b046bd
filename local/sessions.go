package local

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"path"
	"strings"
	"time"
)

type callerIdentity struct {
	Arn     string
	UserID  string `json:"UserId"`
	Account string
}

type assumeRoleInput struct {
	RoleArn         *string
	RoleSessionName *string
	DurationSeconds *int
}

type assumeRoleOutput struct {
	Credentials     sessionCredentials
	AssumedRoleUser assumedRoleUser
}

type sessionCredentials struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      Timestamp
}

type assumedRoleUser struct {
	AssumedRoleID string `json:"AssumedRoleId"`
	Arn           string
}

// localUser is who everybody is whose credentials do not come from AssumeRole.
const localUser = "arn:aws:iam::" + account + ":user/local"

// getCallerIdentity believes the session token, and remembers nothing: a token is the ARN that it is for.
func (s *Server) getCallerIdentity(_ context.Context, c *call, _ *nothing) (*callerIdentity, error) {
	who, known := sessionARN(c.session)
	if !known {
		return &callerIdentity{Arn: localUser, UserID: "LOCAL", Account: account}, nil
	}
	return &callerIdentity{Arn: who, UserID: sessionUser(who), Account: strings.Split(who, ":")[4]}, nil
}

// assumeRole gives credentials for any role to whoever asks: nothing here is protected.
func (s *Server) assumeRole(_ context.Context, _ *call, in *assumeRoleInput) (*assumeRoleOutput, error) {
	if err := checkRole(in); err != nil {
		return nil, err
	}
	seconds := sessionSeconds
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	parts := strings.SplitN(*in.RoleArn, ":", 6)
	_, role := path.Split(parts[5]) // its path is not in the ARN of a session
	who := "arn:" + parts[1] + ":sts::" + parts[4] + ":assumed-role/" + role + "/" + *in.RoleSessionName
	sum := sha256.Sum256([]byte(who))
	key := strings.ToUpper(hex.EncodeToString(sum[:8]))
	return &assumeRoleOutput{
		Credentials: sessionCredentials{AccessKeyID: "ASIA" + key, SecretAccessKey: base64.StdEncoding.EncodeToString(sum[:30]),
			SessionToken: sessionToken + base64.RawURLEncoding.EncodeToString([]byte(who)),
			Expiration:   Timestamp{s.now().Add(time.Duration(seconds) * time.Second)}},
		AssumedRoleUser: assumedRoleUser{AssumedRoleID: sessionUser(who), Arn: who},
	}, nil
}

// sessionToken is what the tokens of this server begin with.
const sessionToken = "local."

func sessionARN(token string) (string, bool) {
	text, ours := strings.CutPrefix(token, sessionToken)
	who, err := base64.RawURLEncoding.DecodeString(text)
	return string(who), ours && err == nil && strings.Count(string(who), ":") == 5
}

// sessionUser is the id of a role and the name of a session.
func sessionUser(who string) string {
	role, session := path.Split(who)
	sum := sha256.Sum256([]byte(role))
	return "AROA" + strings.ToUpper(hex.EncodeToString(sum[:8])) + ":" + session
}

func checkRole(in *assumeRoleInput) error {
	arn, session := text(in.RoleArn), text(in.RoleSessionName)
	parts := strings.SplitN(arn, ":", 6)
	_, role := path.Split(parts[len(parts)-1])
	switch {
	case in.RoleArn == nil || in.RoleSessionName == nil:
		member := "roleArn"
		if in.RoleArn != nil {
			member = "roleSessionName"
		}
		return validationError("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
	case len(arn) < minRoleARN || len(arn) > maxRoleARN:
		return validationError("1 validation error detected: Value '%s' at 'roleArn' failed to satisfy constraint: Member must have length between %d and %d", printable(arn), minRoleARN, maxRoleARN)
	case len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") || role == "" || !isSessionName(role):
		return validationError("%s is invalid", printable(arn))
	case len(session) < minSessionName || len(session) > maxSessionName || !isSessionName(session):
		return validationError("1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must have length between %d and %d "+
			`and satisfy regular expression pattern: [\w+=,.@-]*`, printable(session), minSessionName, maxSessionName)
	case in.DurationSeconds != nil && (*in.DurationSeconds < minSessionSeconds || *in.DurationSeconds > maxSessionHours*3600):
		return validationError("1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value between %d and %d",
			*in.DurationSeconds, minSessionSeconds, maxSessionHours*3600)
	}
	return nil
}

// isSessionName tells if a name has the characters that the names of roles and sessions have.
func isSessionName(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-") == ""
}
