package awsapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// store is a Parameter Store that takes nothing else than the two requests.
type store struct {
	*testing.T
	values map[string]string
	asked  int
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked++
	if h := r.Header.Get("Authorization"); !strings.Contains(h, "/eu-west-1/ssm/aws4_request") {
		s.Errorf("Authorization %q", h)
	}
	if h := r.Header.Get("Content-Type"); h != "application/x-amz-json-1.1" {
		s.Errorf("Content-Type %q", h)
	}
	if h := r.Header.Get("User-Agent"); h != "Nephoscope/1.2" {
		s.Errorf("User-Agent %q", h)
	}
	var in struct {
		Name, Value, Description, Type, Tier string
		WithDecryption, Overwrite            bool
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		s.Error(err)
	}
	switch target := r.Header.Get("X-Amz-Target"); target {
	case "AmazonSSM.GetParameter":
		value, known := s.values[in.Name]
		if !in.WithDecryption {
			value = "AQICAHg="
		}
		if !known {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"ParameterNotFound"}`)
			return
		}
		text, _ := json.Marshal(value)
		fmt.Fprintf(w, `{"Parameter":{"Name":"x","Type":"SecureString","Value":%s,"Version":3}}`, text)
	case "AmazonSSM.PutParameter":
		if in.Type != "String" || in.Tier != "Intelligent-Tiering" || !in.Overwrite || in.Description != "from here" {
			s.Errorf("put %+v", in)
		}
		s.values[in.Name] = in.Value
		fmt.Fprint(w, `{"Version":1,"Tier":"Standard"}`)
	default:
		s.Errorf("target %q", target)
	}
}

func TestParameterComesBackAsItWasPut(t *testing.T) {
	s := &store{T: t, values: map[string]string{}}
	p := account(t, s.ServeHTTP).Parameters()
	for name, value := range map[string]string{"AmazonCloudWatch-linux": "{\n\t\"agent\": {}\n}\n", "/a/b": "ü < > & \u2028 \"\\", "long": strings.Repeat("é", MaxParameter)} {
		if err := p.Put(t.Context(), name, value, "from here"); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Get(t.Context(), name); err != nil || got != value {
			t.Errorf("got %.50q %v, want %.50q", got, err, value)
		}
	}
}

func TestParameterThatIsTooLargeIsRefusedBeforeItIsSent(t *testing.T) {
	s := &store{T: t, values: map[string]string{}}
	err := account(t, s.ServeHTTP).Parameters().Put(t.Context(), "n", strings.Repeat("é", MaxParameter+1), "")
	if cloudwatch.ClassOf(err) != cloudwatch.Invalid || !strings.Contains(fmt.Sprint(err), "8193 characters") || s.asked > 0 {
		t.Errorf("%v, asked %d times", err, s.asked)
	}
}

func TestRefusalsOfParameterStoreSayWhatToDo(t *testing.T) {
	const denied = `{"__type":"AccessDeniedException","Message":"User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: %s on resource: arn:aws:%s because no identity-based policy allows it"}`
	f := func(status int, body string, class cloudwatch.Class, says ...string) {
		t.Helper()
		p := account(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}).Parameters()
		value, err := p.Get(t.Context(), "/cw/config")
		if cloudwatch.ClassOf(err) != class || err == nil || value != "" {
			t.Errorf("%d %s: got %q, class %v: %v", status, body, value, cloudwatch.ClassOf(err), err)
			return
		}
		for _, part := range append(says, `get parameter "/cw/config" in eu-west-1: `) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
	f(400, `{"__type":"ParameterNotFound"}`, cloudwatch.NotFound, "ParameterNotFound", "case-sensitive")
	f(400, `{"__type":"com.amazonaws.ssm#ParameterVersionNotFound","message":"m"}`, cloudwatch.NotFound, "ParameterVersionNotFound: m", "newest")
	f(400, fmt.Sprintf(denied, "ssm:GetParameter", "ssm:eu-west-1:1:parameter/cw/config"), cloudwatch.Denied, "allow ssm:GetParameter")
	f(400, fmt.Sprintf(denied, "kms:Decrypt", "kms:eu-west-1:1:key/k"), cloudwatch.Denied, "allow kms:Decrypt")
	f(400, `{"__type":"AccessDeniedException","message":"The ciphertext refers to a customer master key that does not exist"}`, cloudwatch.Denied, "allow kms:Decrypt")
	f(400, `{"__type":"InvalidKeyId","message":"k"}`, cloudwatch.Invalid, "KMS key")
	f(400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`, cloudwatch.Throttled, "Rate exceeded", "again in a moment")
	f(400, `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`, cloudwatch.Denied, "have expired")
	f(400, `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`, cloudwatch.Denied, "access key")
	f(400, `{"__type":"InvalidSignatureException","message":"Signature expired"}`, cloudwatch.Denied, "clock")
	f(400, `{"__type":"ValidationException","message":"Parameter name must be a fully qualified name."}`, cloudwatch.Invalid, "fully qualified name (a name with a / in it begins with one)")
	f(500, `{"__type":"InternalServerError"}`, cloudwatch.Unavailable, "InternalServerError")
	f(403, `<html>proxy</html>`, cloudwatch.Denied, "HTTP 403")
	f(200, `<html>log in first</html>`, cloudwatch.Unavailable, "unreadable answer")
	f(200, `{"Parameter":{}}`, cloudwatch.Unavailable, "no parameter in the answer")
}

func TestParameterWithoutARegionOrCredentials(t *testing.T) {
	alone(t)
	a, err := Open(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Parameters().Get(t.Context(), "n"); cloudwatch.ClassOf(err) != cloudwatch.Invalid || !strings.Contains(fmt.Sprint(err), "no region is known: set AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if a, err = Open(t.Context(), Options{Region: "eu-west-1"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Parameters().Put(t.Context(), "n", "v", ""); cloudwatch.ClassOf(err) != cloudwatch.Denied || !strings.Contains(fmt.Sprint(err), "no credentials: ") {
		t.Errorf("without credentials: %v", err)
	}
}

func FuzzParameterAnswer(f *testing.F) {
	f.Add(200, "", []byte(`{"Parameter":{"Value":"v"}}`))
	f.Add(400, "ParameterNotFound:http://internal", []byte(`{"__type":"com.amazonaws.ssm#X","Message":"m"}`))
	f.Fuzz(func(t *testing.T, status int, kind string, raw []byte) {
		var got gotParameter
		err := readJSON(answer{status, http.Header{"X-Amzn-Errortype": {kind}}, raw}, "ssm:GetParameter", &got)
		if (err == nil) != (status == http.StatusOK && json.Valid(raw)) && err == nil {
			t.Errorf("no error for status %d and %q", status, raw)
		}
	})
}
