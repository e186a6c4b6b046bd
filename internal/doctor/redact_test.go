package doctor

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

const (
	// The example of AWS's own documentation, and a token made up.
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	exampleToken  = "IQoJb3JpZ2luX2VjEHoaCXVzLWVhc3QtMSJHMEUCIQDexampleexampleEXAMPLEexample0123456789/+ABCdefGHIjklMNOpqrSTUvwxYZ=="
)

func TestSecretsAreBlottedOut(t *testing.T) {
	r := NewRedactor("hunter2!", "a b/c\"d")
	f := func(text string, gone ...string) {
		t.Helper()
		out, n := r.Redact([]byte(text))
		if n == 0 {
			t.Errorf("nothing was taken out of %s", text)
		}
		for _, secret := range gone {
			if strings.Contains(string(out), secret) {
				t.Errorf("%q is still in %s", secret, out)
			}
		}
	}
	f("aws_secret_access_key = "+exampleSecret+"\n", exampleSecret)
	f(`{"key": "`+exampleSecret+`"}`, exampleSecret)
	f(`{"key": "wJalrXUtnFEMI\/K7MDENG\/bPxRfiCYEXAMPLEKEY"}`, "K7MDENG")
	f("x-"+exampleSecret+"-y", exampleSecret)
	f("AWS_SESSION_TOKEN="+exampleToken, exampleToken)
	f("token "+exampleToken+" refused", exampleToken)
	f("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE")
	f("https_proxy = \"http://user:p@ss/w0rd@proxy:3128\"", "p@ss", "w0rd", "user")
	f("http_proxy=user:topsecret@proxy:3128", "topsecret")
	f(`{"p\u0061ssword": "open sesame"}`, "sesame")
	f(`{"password": "open \" sesame"}`, "open", "sesame")
	f(`{"line": "{\"password\":\"sesame\"}"}`, "sesame")
	f("password='open sesame'", "sesame")
	f("db_pass=sesame", "sesame")
	f("pass: sesame", "sesame")
	f("<Password>sesame</Password>", "sesame")
	f(`"client_secret" => "open sesame"`, "sesame")
	f("https://store/x?se=2026&sig=sesame", "sesame")
	f(`{"passwords": ["open sesame", "sesame 2"]}`, "sesame")
	f("cloned with ghp_abcdefghijklmnopqrstuvwxyz0123", "ghp_abc")
	f("glpat-abcdefghij_1234567890 xoxb-1234567890-abcdef", "abcdef")
	f("nephoscope --api-token sesame run", "sesame")
	f("Authorization: AWS4-HMAC-SHA256 Credential=AKID/2026/eu/logs/aws4_request, SignedHeaders=host, Signature=fe5f80", "fe5f80")
	f("authorization: Bearer abc.def-ghi", "abc.def")
	f("https://s3/x?X-Amz-Signature=fe5f80&x=1", "fe5f80")
	f("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\n", "MIIE", "abc")
	f("-----BEGIN PRIVATE KEY-----\nMIIE", "MIIE")
	f("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def-1", "eyJzdWIi", "abc_def")
	f("it is hunter2! as ever", "hunter2!")
	f("http://u:hunter2%21@p", "hunter2")
	f(`{"x": "a b/c\"d"}`, `c\"d`)
	f("a+b%2Fc%22d", "a+b%2Fc%22d")
}

func TestWhatIsNoSecretStays(t *testing.T) {
	r := NewRedactor("")
	for _, text := range []string{
		`{"agent": {"credentials": {"role_arn": "arn:aws:iam::111122223333:role/logs"}, "region": "eu-west-1"}}`,
		"shared_credential_profile = \"prod\"\nshared_credential_file = \"/root/.aws/credentials\"\n",
		"/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/file_config.json",
		"/var/log/application/production/somewhere/deep/inside/the/tree/access.log",
		"sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		`"log_group_name": "/aws/production/web", "retention_in_days": 7`,
		"https://logs.eu-west-1.amazonaws.com/",
		"2026-11-20T16:31:20Z INFO sent 12 events",
		"bypass=true passed: 12, compass: north, signal=9, design: flat",
		`"tokens": [], "secrets": [`,
	} {
		if out, n := r.Redact([]byte(text)); n != 0 || string(out) != text {
			t.Errorf("%d taken out of %s: %s", n, text, out)
		}
	}
}

func TestRedactedJSONIsStillJSON(t *testing.T) {
	r := NewRedactor("hunter2!")
	out, n := r.Redact([]byte(`{"password": "x", "list": ["hunter2!", {"secret_key": "y\"z", "n": 7}], "url": "http://u:p@h/", "token": "", "passwords": [ "x", "y" ]}`))
	var v any
	if err := json.Unmarshal(out, &v); err != nil || n != 5 {
		t.Errorf("%d, %v: %s", n, err, out)
	}
}

func TestVariablesAreBlottedOutButForHarmlessOnes(t *testing.T) {
	r := NewRedactor()
	out, n := r.RedactEnvironment([]byte(`{"AWS_REGION": "eu-west-1", "MY_THING": "sesame", "HTTPS_PROXY": "http://p:3128", "CWAGENT_LOG_LEVEL": "AKIAIOSFODNN7EXAMPLE"}`))
	text := string(out)
	if n != 3 || strings.Contains(text, "sesame") || strings.Contains(text, "p:3128") || strings.Contains(text, "AKIA") || !strings.Contains(text, "eu-west-1") || !strings.Contains(text, "MY_THING") {
		t.Errorf("%d: %s", n, text)
	}
	if out, n := r.RedactEnvironment([]byte(`{"A": "sesame"`)); n == 0 || strings.Contains(string(out), "sesame") {
		t.Errorf("%d: %s", n, out)
	}
	if out, _ := r.RedactEnvironment([]byte(`{"A": {"b": "sesame"}}`)); strings.Contains(string(out), "sesame") {
		t.Errorf("%s", out)
	}
}

func TestSecretsOfTheHostAreKnownByHeart(t *testing.T) {
	got := strings.Join(Secrets([]string{"AWS_SECRET_ACCESS_KEY=one", "PATH=/bin", "HTTPS_PROXY=http://u:two@h", "AWS_SHARED_CREDENTIALS_FILE=/f", "PWD=/folder"},
		[]byte(`{"THING": "three-3-three", "http_proxy": "u:f%40ur@h", "AWS_REGION": "eu-west-1"}`), "http://u:five@h"), " ")
	for _, want := range []string{"one", "two", "three-3-three", "f%40ur", "f@ur", "five"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	for _, not := range []string{"/bin", "/f", "/folder", "eu-west-1"} {
		if strings.Contains(got, not) {
			t.Errorf("%s in %s", not, got)
		}
	}
}

// A text of any kind is looked through in about the time that any other takes: nothing of it is looked at again and again.
func TestTextsThatRepeatThemselvesEnd(t *testing.T) {
	r := NewRedactor("hunter2!")
	for _, unit := range []string{"token=", "token ", "authorization:", "bearer ", "AKIA", "eyJ", "a@", "u:p@", "https://u:p@", `"token": "`, `\\"`, "%2F", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "hunter2!", "{", "'token':'"} {
		text := strings.Repeat(unit, 1<<16/len(unit))
		if out, _ := r.Redact([]byte(text)); len(out) == 0 {
			t.Errorf("%s: nothing is left", unit)
		}
	}
}

// FuzzRedact plants secrets anywhere in any text: none survives.
func FuzzRedact(f *testing.F) {
	f.Add([]byte("before "), []byte(" after"), []byte("seed"), uint8(0))
	f.Add([]byte(`{"x": "`), []byte(`"}`), []byte("1"), uint8(1))
	f.Add([]byte("AKIAIOSFODNN7"), []byte("ABCDEFGHIJKLMNOP"), []byte("2"), uint8(2))
	f.Add([]byte("http://a@b:"), []byte("@c"), []byte("3"), uint8(3))
	f.Add([]byte(`\`), []byte(`\`), []byte("4"), uint8(4))
	f.Add([]byte(`"password": "`), []byte(`x`), []byte("5"), uint8(5))
	f.Add([]byte("password=\""), []byte("\n\\u0061"), []byte("6"), uint8(6))
	f.Fuzz(func(t *testing.T, before, after, seed []byte, kind uint8) {
		sum := sha512.Sum512(seed)
		long := base64.StdEncoding.EncodeToString(append(sum[:], sum[:]...))
		// Forty characters, as a secret key has; both cases, as all but one in a milliard have.
		secret := "aB" + long[:38]
		text, known := "", []string{}
		switch kind % 7 {
		case 0:
			text = secret
		case 1:
			secret = long // a session token
			text = secret
		case 2:
			secret = "AKIA" + strings.Map(func(r rune) rune { return 'A' + r%26 }, long[:16])
			text = secret
		case 3:
			secret = strings.NewReplacer("/", "-", "+", "_", "=", "").Replace(long[:12])
			text = "https://user:" + secret + "@proxy.example:3128/"
		case 4:
			secret = "pass " + long[:10] // known by heart, whatever it looks like
			text, known = secret, []string{secret}
		case 5:
			secret = strings.NewReplacer("/", "-", "+", "_", "=", "").Replace(long[:14])
			text = `{"db_password": "` + secret + `"}`
		case 6:
			secret = strings.NewReplacer("/", "-", "+", "_", "=", "").Replace(long[:14])
			text = "\nsecret_key = " + secret + "\n"
		}
		if strings.Contains(string(before)+string(after), secret) {
			return
		}
		out, n := NewRedactor(known...).Redact([]byte(string(before) + text + string(after)))
		if strings.Contains(string(out), secret) {
			t.Errorf("%q survived in %q", secret, out)
		}
		if n == 0 {
			t.Errorf("nothing was counted in %q", out)
		}
	})
}
