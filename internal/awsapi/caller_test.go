package awsapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

func TestCaller(t *testing.T) {
	f := func(status int, body string, want Caller, class cloudwatch.Class, says string) {
		t.Helper()
		a := account(t, func(w http.ResponseWriter, r *http.Request) {
			if _ = r.ParseForm(); r.Form.Get("Action") != "GetCallerIdentity" {
				t.Errorf("asked %v", r.Form)
			}
			w.Header().Set("Content-Type", "text/xml")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
		t.Setenv("AWS_ENDPOINT_URL_STS", *a.cfg.BaseEndpoint)
		got, err := a.Caller(t.Context())
		if got != want || (err != nil) != (says != "") || err != nil && (cloudwatch.ClassOf(err) != class || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: got %+v %v", body, got, err)
		}
	}
	const refused = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>m</Message></Error></ErrorResponse>`
	f(200, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/r/i-1</Arn><UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
		Caller{Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/r/i-1"}, 0, "")
	f(403, fmt.Sprintf(refused, "ExpiredToken"), Caller{}, cloudwatch.Denied, "get caller identity: ExpiredToken: m (the credentials have expired")
	f(403, fmt.Sprintf(refused, "InvalidClientTokenId"), Caller{}, cloudwatch.Denied, "nobody knows this access key")
	f(403, fmt.Sprintf(refused, "SignatureDoesNotMatch"), Caller{}, cloudwatch.Denied, "clock")
	f(400, fmt.Sprintf(refused, "Throttling"), Caller{}, cloudwatch.Throttled, "again in a moment")
	f(503, "", Caller{}, cloudwatch.Unavailable, "get caller identity: ")
}

func TestTokenServiceThatIsNotThere(t *testing.T) {
	a := account(t, nil)
	a.cfg.BaseEndpoint = aws.String("http://127.0.0.1:1")
	if _, err := a.Caller(t.Context()); cloudwatch.ClassOf(err) != cloudwatch.Unavailable || !strings.HasPrefix(fmt.Sprint(err), `unavailable: get caller identity: Post "http://127.0.0.1:1/": `) {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsThatWereTypedInCountBeforeAllOthers(t *testing.T) {
	f := func(o Options, source, keyID string) {
		t.Helper()
		alone(t)
		a, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		gotSource, gotKey, err := a.Credentials(t.Context())
		if (err != nil) != (keyID == "") || err != nil && cloudwatch.ClassOf(err) != cloudwatch.Denied || gotSource != source || gotKey != keyID {
			t.Errorf("%+v: got %q %q %v", o, gotSource, gotKey, err)
		}
		if strings.Contains(fmt.Sprint(gotSource, gotKey, err), "secret") {
			t.Errorf("it tells the secret: %q %q %v", gotSource, gotKey, err)
		}
	}
	f(Options{}, "EnvConfigCredentials", "AKID")
	f(Options{KeyID: "TYPED", Secret: "secret", Token: "t"}, "StaticCredentials", "TYPED")
	f(Options{KeyID: "TYPED"}, "", "")
}

func TestRoleThatMayNotBeAssumedIsSaidSo(t *testing.T) {
	a := account(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
	})
	t.Setenv("AWS_ENDPOINT_URL_STS", *a.cfg.BaseEndpoint)
	a, err := Open(t.Context(), Options{Region: "eu-west-1", RoleARN: "arn:aws:iam::123456789012:role/r"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Credentials(t.Context()); cloudwatch.ClassOf(err) != cloudwatch.Denied || !strings.Contains(fmt.Sprint(err), "find credentials: get credentials: AccessDenied: not authorized to perform: sts:AssumeRole") {
		t.Errorf("got %v", err)
	}
}
