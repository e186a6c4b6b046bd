package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
)

// online gives a world the network: one endpoint for everything.
func online(w *World, endpoint string) {
	w.Net = Net{Resolve: func(_ context.Context, host string) ([]string, error) { return []string{"127.0.0.1"}, nil }, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}
	w.AWS.Region = func(context.Context) (string, error) { return "eu-west-1", nil }
	w.AWS.Endpoint = func(context.Context, string, agent.Destination) (url.URL, error) {
		u, err := url.Parse(endpoint)
		return *u, err
	}
}

// serve is an endpoint; tls nil: without.
func serve(t *testing.T, certificate *tls.Certificate, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	if certificate == nil {
		s.Start()
	} else {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		s.StartTLS()
	}
	return s.URL
}

func answers(http.ResponseWriter, *http.Request) {}

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Snooping Proxy CA", Organization: []string{"Example Corp"}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	if a.certificate, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.certificate)
	return a
}

func (a *authority) issue(t *testing.T, from, to time.Time, names []string, ips ...net.IP) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "endpoint"}, NotBefore: from, NotAfter: to, DNSNames: names, IPAddresses: ips, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

func TestEndpointThatAnswersIsFine(t *testing.T) {
	w := world(t, oneLog)
	online(w, serve(t, nil, answers))
	expect(t, examine(t, w, "endpoints"), Fine, "answers in")
}

func TestCertificatesAreNamed(t *testing.T) {
	a := newAuthority(t)
	here := net.IPv4(127, 0, 0, 1)
	now := time.Now()
	f := func(c *tls.Certificate, trust bool, want Outcome, words ...string) {
		t.Helper()
		w := world(t, oneLog)
		online(w, serve(t, c, answers))
		w.Net.Roots = x509.NewCertPool()
		if trust {
			w.Net.Roots = a.pool
		}
		expect(t, examine(t, w, "endpoints"), want, words...)
	}
	hour := time.Hour
	good := a.issue(t, now.Add(-hour), now.Add(hour), nil, here)
	f(good, true, Fine)
	f(good, false, Failed, "issued by Snooping Proxy CA (Example Corp), whom nobody here trusts", "ca_bundle_path")
	f(a.issue(t, now.Add(-2*hour), now.Add(-hour), nil, here), true, Failed, "has expired at", "set-ntp")
	f(a.issue(t, now.Add(hour), now.Add(2*hour), nil, here), true, Failed, "is valid from", "is the clock right?")
	f(a.issue(t, now.Add(-hour), now.Add(hour), []string{"other.example"}), true, Failed, "is not for 127.0.0.1 but for other.example")
}

// A proxy that puts its own certificate in the place of AWS's is named as what it is.
func TestInterceptedConnectionNamesTheIssuer(t *testing.T) {
	a := newAuthority(t)
	c := a.issue(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), []string{"logs.eu-west-1.amazonaws.com"})
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	w := world(t, oneLog)
	what, cure := w.certificateTrouble(url.URL{Scheme: "https", Host: "logs.eu-west-1.amazonaws.com"}, &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{leaf}, Err: x509.UnknownAuthorityError{Cert: leaf}})
	if !strings.Contains(what, "something on the way") || !strings.Contains(what, "Snooping Proxy CA") || !strings.Contains(cure, "ca_bundle_path") {
		t.Errorf("got %s, %s", what, cure)
	}
	w.Net.Bundle = "/etc/ca.pem"
	if _, cure := w.certificateTrouble(url.URL{Host: "x"}, &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{leaf}, Err: x509.UnknownAuthorityError{Cert: leaf}}); !strings.Contains(cure, "/etc/ca.pem") {
		t.Errorf("got %s", cure)
	}
}

func TestEndpointsThatAreNotReached(t *testing.T) {
	w := world(t, oneLog)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	online(w, "http://"+address)
	expect(t, examine(t, w, "endpoints"), Failed, "is not reached", "refused", "firewall")

	online(w, strings.Replace(serve(t, nil, answers), "http:", "https:", 1))
	expect(t, examine(t, w, "endpoints"), Failed, "does not speak TLS")

	greets, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer greets.Close()
	go func() {
		for c, err := greets.Accept(); err == nil; c, err = greets.Accept() {
			_, _ = c.Write([]byte("SSH-2.0-x\r\n"))
			_ = c.Close()
		}
	}()
	online(w, "https://"+greets.Addr().String())
	expect(t, examine(t, w, "endpoints"), Failed, "does not speak TLS")

	online(w, "ftp://127.0.0.1/")
	expect(t, examine(t, w, "endpoints"), Failed, "no URL", "ftp://127.0.0.1/")

	online(w, "https://logs.eu-wst-1.amazonaws.com")
	w.Net.Resolve = func(_ context.Context, host string) ([]string, error) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	expect(t, examine(t, w, "endpoints"), Failed, "logs.eu-wst-1.amazonaws.com has no address", "VPC endpoint")
	w.Net.Resolve = func(_ context.Context, host string) ([]string, error) {
		return nil, &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true}
	}
	expect(t, examine(t, w, "endpoints"), Failed, "name server")

	online(w, "127.0.0.1:80")
	w.AWS.Endpoint = func(context.Context, string, agent.Destination) (url.URL, error) { return url.URL{Path: "x"}, nil }
	expect(t, examine(t, w, "endpoints"), Failed, "no URL")
	w.AWS.Endpoint = func(context.Context, string, agent.Destination) (url.URL, error) {
		return url.URL{}, errors.New("no such region")
	}
	expect(t, examine(t, w, "endpoints"), Failed, "no such region", "is the region eu-west-1 spelt correctly?")
	w.Config.Agent.Region = ""
	w.AWS.Region = func(context.Context) (string, error) { return "", nil }
	expect(t, examine(t, w, "endpoints"), Failed, "no region is known", "AWS_REGION")
}

func TestProxiesAreToldWithoutTheirPasswords(t *testing.T) {
	const secret = "s3cret-of-the-proxy"
	f := func(h http.HandlerFunc, endpoint string, want Outcome, words ...string) {
		t.Helper()
		w := world(t, oneLog)
		online(w, endpoint)
		proxy, err := url.Parse(strings.Replace(serve(t, nil, h), "http://", "http://user:"+secret+"@", 1))
		if err != nil {
			t.Fatal(err)
		}
		w.Net.Proxy = func(*http.Request) (*url.URL, error) { return proxy, nil }
		r := examine(t, w, "endpoints")
		expect(t, r, want, words...)
		if text := fmt.Sprint(r); strings.Contains(text, secret) {
			t.Errorf("the proxy's password is told: %s", text)
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	f(answers, "http://logs.example", Fine, "through the proxy http://user:xxxxx@127.0.0.1")
	f(status(407), "http://logs.example", Failed, "HTTP 407")
	f(status(407), "https://logs.example", Failed, "wants a user and a password")
	f(status(403), "https://logs.example", Failed, "is not reached through the proxy")
	f(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") }, "http://logs.eu-west-1.amazonaws.com", Warning, "a page of HTML comes instead")
}

func TestClockIsComparedWithTheServices(t *testing.T) {
	f := func(off time.Duration, want Outcome, words ...string) {
		t.Helper()
		w := world(t, oneLog)
		online(w, serve(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-off).UTC().Format(http.TimeFormat))
		}))
		expect(t, examine(t, w, "endpoints"), want, words...)
	}
	f(0, Fine)
	f(30*time.Second, Fine)
	f(2*time.Minute, Warning, "ahead of the service's")
	f(-2*time.Minute, Warning, "behind the service's")
	f(10*time.Minute, Failed, "signatures are refused", "more than two hours ahead are rejected", "set-ntp true")
	f(-10*time.Minute, Failed, "behind")
}

// imds is a metadata service: version 2, unless its parts are replaced.
type imds struct{ token, document http.HandlerFunc }

func (m imds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPut && m.token != nil:
		m.token(w, r)
	case r.Method == http.MethodPut:
		_, _ = io.WriteString(w, "token")
	case m.document != nil:
		m.document(w, r)
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
		w.WriteHeader(http.StatusUnauthorized)
	default:
		_, _ = io.WriteString(w, `{"instanceId": "i-1", "instanceType": "t3.small", "region": "eu-central-1"}`)
	}
}

const dimensions = `{"agent": {"region": "eu-west-1"}, "metrics": {"append_dimensions": {"InstanceId": "${aws:InstanceId}"}, "metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`

func TestMetadataService(t *testing.T) {
	f := func(m imds, want Outcome, words ...string) {
		t.Helper()
		w := world(t, dimensions)
		base := serve(t, nil, m.ServeHTTP)
		online(w, base)
		w.Env = func(name string) string {
			return map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": base + "/"}[name]
		}
		expect(t, examine(t, w, "imds"), want, words...)
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	gone := func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = c.Close()
		}
	}
	f(imds{}, Fine, "IMDSv2 answers: i-1, t3.small, eu-central-1", "this instance is in eu-central-1, and the configuration sends to eu-west-1")
	f(imds{token: status(403)}, Failed, "disabled for this instance", "--http-endpoint enabled")
	f(imds{token: status(405), document: status(200)}, Failed, "IMDSv1")
	f(imds{token: status(404), document: status(404)}, Failed, "HTTP 404")
	f(imds{token: gone}, Failed, "hop limit", "--http-put-response-hop-limit 2")
	f(imds{token: gone, document: gone}, Warning, "does not look like EC2", "--mode onPremise")
	f(imds{document: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }}, Failed, "no identity document")
}

func TestMetadataServiceIsAskedOnlyWhenItIsNeeded(t *testing.T) {
	f := func(text string, env map[string]string, mode agent.Mode, want Outcome, words ...string) {
		t.Helper()
		w := world(t, text)
		w.Env, w.Mode = func(name string) string { return env[name] }, mode
		expect(t, examine(t, w, "imds"), want, words...)
	}
	f(oneMetric, nil, agent.Auto, Skipped, "needs nothing of it")
	f(dimensions, nil, agent.OnPremise, Skipped, "onPremise")
	f(dimensions, map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}, agent.OnPremise, Skipped, "onPremise")
	f(dimensions, map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}, agent.Auto, Warning, "AWS_EC2_METADATA_DISABLED")
	f(strings.Replace(oneLog, `"g"`, `"{account_id}"`, 1), map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}, agent.Auto, Warning, "named after it")
	f(strings.Replace(oneMetric, `"region": "eu-west-1"`, "", 1), map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}, agent.Auto, Warning, "no region")
	f(strings.Replace(oneMetric, `"region": "eu-west-1"`, "", 1), map[string]string{"AWS_REGION": "x"}, agent.Auto, Skipped)
}

func TestMetadataServiceBehindAProxyIsAWarning(t *testing.T) {
	w := world(t, dimensions)
	base := serve(t, nil, imds{}.ServeHTTP)
	online(w, base)
	w.Env = func(name string) string {
		return map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": base}[name]
	}
	w.Net.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://u:topsecret@proxy:3128") }
	r := examine(t, w, "imds")
	expect(t, r, Warning, "go to the proxy", "NO_PROXY")
	if strings.Contains(fmt.Sprint(r), "topsecret") {
		t.Error("the proxy's password is told")
	}
}

func TestCredentials(t *testing.T) {
	now := time.Now()
	f := func(id Identity, err error, want Outcome, words ...string) {
		t.Helper()
		w := world(t, oneLog)
		online(w, "")
		w.AWS.Credentials = func(context.Context, agent.Destination) (Identity, error) { return id, err }
		expect(t, examine(t, w, "credentials"), want, words...)
	}
	const arn = "arn:aws:sts::1:assumed-role/r/i-1"
	f(Identity{Source: "EC2RoleProvider", ARN: arn, Expires: now.Add(time.Hour)}, nil, Fine, arn+", from the instance's role (IMDS)")
	f(Identity{Source: "SharedConfigCredentials: /root/.aws/credentials", ARN: arn}, nil, Fine, "the file /root/.aws/credentials")
	f(Identity{Source: "EnvConfigCredentials", ARN: arn, Expires: now.Add(-time.Minute)}, nil, Failed, "have expired")
	f(Identity{Source: "EnvConfigCredentials", ARN: arn, Expires: now.Add(time.Minute)}, nil, Warning, "expire in")
	f(Identity{Source: "EnvConfigCredentials", KeyID: "AKIDEXAMPLE", Refused: true, NoARN: errors.New("InvalidClientTokenId")}, nil, Failed, "not accepted", "InvalidClientTokenId", "get-caller-identity")
	f(Identity{Source: "EnvConfigCredentials", KeyID: "AKIDEXAMPLE", NoARN: errors.New("no such host")}, nil, Warning, "the environment (key AKIDEXAMPLE)", "no such host", "the agent does without")
	f(Identity{Source: "EnvConfigCredentials", ARN: "arn:aws:iam::1:root"}, nil, Warning, "root user")
	f(Identity{}, errors.New("none found"), Failed, "none found", "aws configure --profile AmazonCloudWatchAgent")
}

func TestCredentialsOfAnotherEnvironmentAreNotCalledTheAgents(t *testing.T) {
	w := world(t, oneLog)
	w.AWS.Credentials = func(context.Context, agent.Destination) (Identity, error) {
		return Identity{ARN: "arn:aws:iam::1:user/u"}, nil
	}
	w.NoEnvironment = fmt.Errorf("read environment of process 7: %w", fs.ErrPermission)
	expect(t, examine(t, w, "credentials"), Warning, "this shell's environment and not the agent's", "sudo nephoscope doctor", "user/u")
	w.NoEnvironment = ErrElsewhere
	expect(t, examine(t, w, "credentials"), Fine, "as this shell sees it", "user/u")
}

func TestCredentialFiles(t *testing.T) {
	w := world(t, oneLog)
	online(w, "")
	w.AWS.Credentials = func(context.Context, agent.Destination) (Identity, error) { return Identity{ARN: "a"}, nil }
	d := disk{"/": folder(0, 0, 0o755), "/home": folder(0, 0, 0o755), "/home/.aws": folder(990, 990, 0o700), "/home/.aws/credentials": file(990, 990, 0o600)}
	w.Host.Node, w.Home = d.node, "/home"
	w.Host.ReadFile = files(map[string]string{"/home/.aws/credentials": "[default]\n[ AmazonCloudWatchAgent ]\n", "/c": "[default]\n"})
	w.Mode = agent.OnPremise
	expect(t, examine(t, w, "credentials"), Fine)
	d["/home/.aws/credentials"] = file(990, 990, 0o644)
	expect(t, examine(t, w, "credentials"), Warning, "open to everybody", "chmod o= /home/.aws/credentials")
	d["/home/.aws/credentials"] = file(0, 0, 0o600)
	expect(t, examine(t, w, "credentials"), Failed, "cannot be read by cwagent", "setfacl -m u:cwagent:r /home/.aws/credentials")
	w.Common.SharedCredentialFile = "/c"
	expect(t, examine(t, w, "credentials"), Failed, "/c")
	d["/c"] = file(990, 0, 0o600)
	expect(t, examine(t, w, "credentials"), Warning, "has no profile AmazonCloudWatchAgent", "aws configure --profile")
	w.Common.SharedCredentialProfile = "prod"
	expect(t, examine(t, w, "credentials"), Failed, "no profile prod, which common-config.toml names")
	w.Common.SharedCredentialProfile = "default"
	w.CommonFile, w.Common.HTTPSProxy = "/common", "http://u:p@proxy"
	d["/common"] = file(0, 0, 0o644)
	expect(t, examine(t, w, "credentials"), Warning, "proxy's password", "chmod o= /common")
}

func TestPermissionsAreAskedForWhatIsConfigured(t *testing.T) {
	w := world(t, `{"agent": {"region": "cn-north-1"}, "metrics": {"namespace": "ns", "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"}, "metrics_collected": {"mem": {"measurement": ["used_percent"]}}},
		"nephoscope": {"read_back": true}, "logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/a/b.log", "log_group_name": "kept", "retention_in_days": 7}, {"file_path": "/a/c d.log"}]}}}}`)
	online(w, "")
	verdict := Answer{Permitted: true}
	asked := map[string]bool{}
	w.AWS.Probe = func(_ context.Context, a Ask) Answer { return verdict }
	expect(t, examine(t, w, "permissions"), Fine, "requests are permitted")
	asks, _ := w.asks("cn-north-1")
	for _, a := range asks {
		asked[a.Action+" "+a.On] = true
	}
	for _, want := range []string{
		"cloudwatch:PutMetricData ns", "ec2:DescribeTags ", "logs:PutLogEvents kept", "logs:PutLogEvents /a/c_d", "logs:CreateLogStream kept",
		"logs:GetLogEvents kept", "logs:PutRetentionPolicy kept", "logs:DescribeLogGroups kept",
	} {
		if !asked[want] {
			t.Errorf("did not ask for %s; asked for %v", want, asked)
		}
	}
	if asked["logs:PutRetentionPolicy /a/c_d"] {
		t.Error("asked for a retention that is not configured")
	}
	verdict = Answer{Forbidden: true, Err: errors.New("no")}
	expect(t, examine(t, w, "permissions"), Failed, "logs:PutLogEvents is denied on ", `"Action":"logs:PutLogEvents","Resource":["arn:aws-cn:logs:cn-north-1:*:log-group:/a/c_d:*","arn:aws-cn:logs:cn-north-1:*:log-group:kept:*"]`,
		`"Condition":{"StringEquals":{"cloudwatch:namespace":["ns"]}}`, `{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":["*"]}`, "warning: logs:CreateLogStream")
	verdict = Answer{Err: errors.New("ExpiredToken")}
	expect(t, examine(t, w, "permissions"), Warning, "not clear", "ExpiredToken", "credentials")
	verdict = Answer{Permitted: true, NoGroup: true}
	expect(t, examine(t, w, "permissions"), Fine, "2 log groups are not there yet", "CreateLogGroup")
}

func TestNamesThatOnlyTheAgentKnowsComeFromIt(t *testing.T) {
	w := world(t, strings.Replace(oneLog, `"g"`, `"{instance_id}/x"`, 1))
	names, _ := w.groups("eu-west-1")
	if len(names) != 1 || names[0] != unknownName+"/x" {
		t.Errorf("got %v", names)
	}
	w.Status = &agent.Status{Streams: []agent.StreamLedger{{Group: "i-1/x"}}}
	if names, _ = w.groups("eu-west-1"); len(names) != 1 || names[0] != "i-1/x" {
		t.Errorf("got %v", names)
	}
	if s := statement(PutLogEvents, []string{unknownName + "/x"}, "eu-west-1"); !strings.Contains(s, "log-group:*/x:*") {
		t.Errorf("got %s", s)
	}
}

func TestQuestionsGoWhereTheAgentGoes(t *testing.T) {
	w := world(t, `{"agent": {"region": "eu-west-1", "use_dualstack_endpoint": true, "credentials": {"role_arn": "arn:aws:iam::111122223333:role/r"}},
		"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"], "append_dimensions": {"group": "${aws:AutoScalingGroupName}"}}}}}`)
	asks, _ := w.asks("eu-west-1")
	if len(asks) != 2 || asks[0].Action != PutMetricData || asks[1].Action != DescribeTags {
		t.Fatalf("got %+v", asks)
	}
	for _, ask := range asks {
		if ask.To.RoleARN != "arn:aws:iam::111122223333:role/r" || !ask.To.DualStack {
			t.Errorf("%s of %+v", ask.Action, ask.To)
		}
	}
}

func TestProxyWithAUserAloneHasNoPassword(t *testing.T) {
	for url, want := range map[string]bool{"": false, "http://proxy:3128": false, "http://user@proxy:3128": false, "http://user:x@proxy:3128": true, "user:x@proxy": true} {
		if got := hasPassword(url); got != want {
			t.Errorf("%s: %t", url, got)
		}
	}
}
