package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// without removes variables from the agent's environment.
func (b *bed) without(names ...string) {
	b.env = slices.DeleteFunc(b.env, func(v string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(v, n+"=") })
	})
}

// noting passes requests on to the service, and notes something of each.
func (b *bed) noting(note func(*http.Request) string) (noted func() []string) {
	var mu sync.Mutex
	var all []string
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if n := note(r); !slices.Contains(all, n) {
			all = append(all, n)
		}
		mu.Unlock()
		b.service.ServeHTTP(w, r)
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// keyOf is the access key that signed a request.
func keyOf(r *http.Request) string {
	_, after, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(after, "/")
	return key
}

func TestCredentialsOfTheCommonConfiguration(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.without("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
	b.write("credentials", "[default]\naws_access_key_id = WRONG\naws_secret_access_key = x\n[shipper]\naws_access_key_id = RIGHT\naws_secret_access_key = x\n")
	b.write("common-config.toml", "[credentials]\nshared_credential_profile = \"shipper\"\nshared_credential_file = \""+b.path("credentials")+"\"\n")
	keys := b.noting(keyOf)
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	if got := keys(); !slices.Equal(got, []string{"RIGHT"}) {
		t.Errorf("signed with %v", got)
	}
}

func TestOnPremiseUsesTheProfileOfTheOriginal(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.without("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
	b.must(os.Mkdir(b.path(".aws"), 0o700))
	b.write(".aws/credentials", "[AmazonCloudWatchAgent]\naws_access_key_id = RIGHT\naws_secret_access_key = x\n")
	keys := b.noting(keyOf)
	b.write("access.log", "a\nb\n")
	b.start("--mode", "onPremise")
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	if got := keys(); !slices.Equal(got, []string{"RIGHT"}) {
		t.Errorf("signed with %v", got)
	}
}

func TestNoCredentialsAreWaitedFor(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.without("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("a complaint", func() bool { return b.said("denied") && b.said("credentials") })
	b.must(os.Mkdir(b.path(".aws"), 0o700))
	b.write(".aws/credentials", "[default]\naws_access_key_id = LATE\naws_secret_access_key = x\n")
	b.stop()
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
}

func TestAssumedRole(t *testing.T) {
	b := newBed(t)
	b.config(strings.Replace(oneLog, `"region": "eu-west-1"`, `"region": "eu-west-1", "credentials": {"role_arn": "arn:aws:iam::111122223333:role/shipper"}`, 1))
	keys := b.noting(keyOf)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.Form.Get("Action") != "AssumeRole" || r.Form.Get("RoleArn") != "arn:aws:iam::111122223333:role/shipper" || keyOf(r) != "test" {
			t.Errorf("got %v, signed with %s", r.Form, keyOf(r))
		}
		_, _ = w.Write([]byte(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
			<AccessKeyId>ASSUMED</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
			</Credentials></AssumeRoleResult></AssumeRoleResponse>`))
	}))
	defer sts.Close()
	b.env = append(b.env, "AWS_ENDPOINT_URL_STS="+sts.URL)
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	if got := keys(); !slices.Equal(got, []string{"ASSUMED"}) {
		t.Errorf("signed with %v", got)
	}
}

func TestEndpointBehindAPrivateCertificate(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	front := httptest.NewTLSServer(b.service)
	defer front.Close()
	b.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})))
	b.env = append(b.env, "AWS_ENDPOINT_URL="+front.URL, "AWS_CA_BUNDLE="+b.path("ca.pem"))
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	b.stop()
}

func TestProxyIsUsed(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	hosts := b.noting(func(r *http.Request) string {
		host := r.Host
		r.Host = "127.0.0.1"
		return host
	})
	b.write("common-config.toml", "[proxy]\nhttp_proxy = \""+b.url+"\"\n")
	b.env = append(b.env, "AWS_ENDPOINT_URL=http://logs.example.test") // a name that nobody can resolve
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	if got := hosts(); !slices.Equal(got, []string{"logs.example.test"}) {
		t.Errorf("got %v", got)
	}
}

func TestEndpointOverrideOfASection(t *testing.T) {
	b := newBed(t)
	b.config(strings.Replace(oneLog, `"logs": {`, `"logs": {"endpoint_override": "`+b.url+`", `, 1))
	b.env = append(b.env, "AWS_ENDPOINT_URL=http://127.0.0.1:1")
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
}

func TestMetadataServiceIsAskedByVersionTwoAlone(t *testing.T) {
	b := newBed(t)
	b.config(appended)
	var first atomic.Bool
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			first.Store(true) // without a token
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer old.Close()
	b.env = append(b.env, "AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT="+old.URL)
	b.start("--mode", "onPremise")
	b.until("that there is none", func() bool { return b.said("no EC2 metadata service") })
	if first.Load() {
		t.Error("it was asked by version one")
	}
}
