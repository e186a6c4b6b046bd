package local_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/local"
)

func callSSM(t testing.TB, url, operation, body string) answer {
	t.Helper()
	return post(t, url, body, "X-Amz-Target", "AmazonSSM."+operation, "Content-Type", "application/x-amz-json-1.1")
}

// put writes the body of PutParameter; more are members and their values in JSON.
func put(name, value string, more ...string) string {
	body := map[string]json.RawMessage{"Type": json.RawMessage(`"String"`)}
	body["Name"], _ = json.Marshal(name) // strings always marshal
	body["Value"], _ = json.Marshal(value)
	for i := 0; i+1 < len(more); i += 2 {
		if body[more[i]] = json.RawMessage(more[i+1]); more[i+1] == "" {
			delete(body, more[i])
		}
	}
	raw, _ := json.Marshal(body)
	return string(raw)
}

func TestParametersAreRefusedAsTheServiceDoes(t *testing.T) {
	t.Parallel()
	url := serve(t, atNoon())
	callSSM(t, url, "PutParameter", put("there", "v"))
	callSSM(t, url, "PutParameter", put("large", "v", "Tier", `"Advanced"`))
	f := func(operation, body, code, says string) {
		t.Helper()
		got := callSSM(t, url, operation, body)
		var e struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(got.body), &e); err != nil || got.status != 400 || e.Type != code || !strings.Contains(e.Message, says) {
			t.Errorf("%s %.100s: got %d %s, want %s %q", operation, body, got.status, got.body, code, says)
		}
	}
	const invalid, unlike = "ValidationException", "failed to satisfy constraint"
	f("PutParameter", `{}`, invalid, "'name' "+unlike)
	f("PutParameter", `{"Name":"n"}`, invalid, "'value' "+unlike)
	f("PutParameter", `{"name":"n"}`, "SerializationException", "")
	f("PutParameter", `{"Name":"n","Value":"v"}`, invalid, "type is required")
	f("PutParameter", put("n", ""), invalid, "'value' "+unlike)
	f("PutParameter", put("n", "v", "Type", `"Text"`), invalid, "'type' "+unlike)
	f("PutParameter", put("n", "v", "Tier", `"Cheap"`), invalid, "'tier' "+unlike)
	f("PutParameter", put("", "v"), invalid, "'name' "+unlike)
	f("PutParameter", put("a b", "v"), invalid, "sub-paths divided by slash")
	f("PutParameter", put("a/b", "v"), invalid, "fully qualified name")
	f("PutParameter", put("/a//b", "v"), invalid, "sub-paths")
	f("PutParameter", put("there:1", "v"), invalid, "sub-paths")
	f("PutParameter", put("arn:aws:ssm:eu-west-1:000000000000:parameter/n", "v"), invalid, "sub-paths")
	f("PutParameter", put("AWSconfig", "v"), invalid, `can't be prefixed with "aws"`)
	f("PutParameter", put("ssm-config", "v"), invalid, `can't be prefixed with "ssm"`)
	f("PutParameter", put("/aws/config", "v"), "AccessDeniedException", "reserved")
	f("PutParameter", put(strings.Repeat("/a", 16), "v"), "HierarchyLevelLimitExceededException", "15 levels")
	f("PutParameter", put(strings.Repeat("a", 1011), "v"), invalid, "1011")
	f("PutParameter", put("n", "v", "Description", `"`+strings.Repeat("d", 1025)+`"`), invalid, "'description' "+unlike)
	f("PutParameter", put("n", strings.Repeat("x", 4097)), invalid, "4096 characters")
	f("PutParameter", put("n", strings.Repeat("x", 4097), "Tier", `"Standard"`), invalid, "4096 characters")
	f("PutParameter", put("n", strings.Repeat("x", 8193), "Tier", `"Advanced"`), invalid, "8192 characters")
	f("PutParameter", put("n", strings.Repeat("x", 8193), "Tier", `"Intelligent-Tiering"`), invalid, "8192 characters")
	f("PutParameter", put("n", "a {{ssm:other}} b"), invalid, "nest")
	f("PutParameter", put("n", "v", "KeyId", `"alias/aws/ssm"`), invalid, "SecureString")
	f("PutParameter", put("n", "v", "Type", `"SecureString"`, "KeyId", `"alias/mine"`), "InvalidKeyId", "")
	f("PutParameter", put("n", "v", "DataType", `"json"`), invalid, "data type")
	f("PutParameter", put("n", "v", "Policies", `"[{}]"`), invalid, "policies")
	f("PutParameter", put("n", "v", "AllowedPattern", `"("`), "InvalidAllowedPatternException", "")
	f("PutParameter", put("n", "v1", "AllowedPattern", `"v"`), "ParameterPatternMismatchException", "")
	f("PutParameter", put("n", "v", "Overwrite", "true", "Tags", `[{"Key":"k","Value":"v"}]`), invalid, "tags and overwrite")
	f("PutParameter", put("there", "v"), "ParameterAlreadyExists", "overwrite option")
	f("PutParameter", put("there", "v", "Overwrite", "true", "Type", `"SecureString"`), "HierarchyTypeMismatchException", "type")
	f("PutParameter", put("large", "v", "Overwrite", "true", "Tier", `"Standard"`), invalid, "downgrade")
	f("GetParameter", `{"Name":"missing"}`, "ParameterNotFound", "")
	f("GetParameter", `{"Name":"There"}`, "ParameterNotFound", "")
	f("GetParameter", `{"Name":"{there}"}`, invalid, "sub-paths")
	f("GetParameter", `{"Name":"there:2"}`, "ParameterVersionNotFound", "version 2 of there")
	f("GetParameter", `{"Name":"there:label"}`, "ParameterVersionNotFound", "label")
	f("GetParameter", `{"Name":"missing:2"}`, "ParameterNotFound", "")
	f("GetParameter", `{"Name":"/aws/service/x"}`, "ParameterNotFound", "")
	f("GetParameters", `{"Names":[]}`, invalid, "'names' "+unlike)
	f("GetParameters", `{"Names":["a","a"]}`, invalid, "duplicate")
	f("GetParametersByPath", `{"Path":"a"}`, invalid, "forward slash")
	f("GetParametersByPath", `{"Path":"/","MaxResults":11}`, invalid, "'maxResults' "+unlike)
	f("GetParametersByPath", `{"Path":"/","NextToken":"?"}`, "InvalidNextToken", "")
	f("GetParametersByPath", `{"Path":"/","ParameterFilters":[{"Key":"Label","Values":["x"]}]}`, "InvalidFilterKey", "")
	f("DescribeParameters", `{"ParameterFilters":[{"Key":"tag:x","Values":["y"]}]}`, "InvalidFilterKey", "")
	f("DescribeParameters", `{"ParameterFilters":[{"Key":"Name","Option":"Like","Values":["y"]}]}`, "InvalidFilterOption", "")
	f("DescribeParameters", `{"ParameterFilters":[{"Key":"Name"}]}`, "InvalidFilterValue", "")
	f("DeleteParameter", `{"Name":"missing"}`, "ParameterNotFound", "")
	f("LabelParameterVersion", `{"Name":"there"}`, "UnknownOperationException", "")
}

func TestParametersKeepTheirVersions(t *testing.T) {
	t.Parallel()
	s := atNoon()
	url := serve(t, s)
	f := func(operation, body, want string) {
		t.Helper()
		if got := callSSM(t, url, operation, body); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s %.100s: got %d %.300s, want %s", operation, body, got.status, got.body, want)
		}
	}
	f("PutParameter", put(" p ", strings.Repeat("x", 4096)), `{"Version":1,"Tier":"Standard"}`)
	f("PutParameter", put("p", strings.Repeat("x", 4097), "Overwrite", "true", "Tier", `"Intelligent-Tiering"`), `{"Version":2,"Tier":"Advanced"}`)
	f("PutParameter", put("p", "small", "Overwrite", "true", "Type", ""), `{"Version":3,"Tier":"Advanced"}`)
	f("GetParameter", `{"Name":"p"}`, `{"Parameter":{"Name":"p","Type":"String","Value":"small","Version":3,"LastModifiedDate":1795176000,"ARN":"arn:aws:ssm:eu-west-1:000000000000:parameter/p","DataType":"text"}}`)
	f("GetParameter", `{"Name":"arn:aws:ssm:eu-west-1:000000000000:parameter/p:2"}`, `"Version":2,"Selector":":2"`)
	for i := 4; i <= 101; i++ {
		f("PutParameter", put("p", fmt.Sprint(i), "Overwrite", "true"), fmt.Sprintf(`"Version":%d`, i))
	}
	f("GetParameter", `{"Name":"p:2"}`, `"Version":2`)
	if got := callSSM(t, url, "GetParameter", `{"Name":"p:1"}`); !strings.Contains(got.body, "ParameterVersionNotFound") {
		t.Errorf("the 101st version from the end is there: %s", got.body)
	}
	f("PutParameter", put("/a/b", "1"), "Version")
	f("PutParameter", put("/a/b/c", "2"), "Version")
	f("PutParameter", put("/ab", "3"), "Version")
	f("GetParametersByPath", `{"Path":"/a"}`, `{"Parameters":[{"Name":"/a/b",`)
	f("GetParametersByPath", `{"Path":"/a/","Recursive":true,"MaxResults":1}`, `"NextToken":"L2EvYg"`)
	f("GetParametersByPath", `{"Path":"/a","Recursive":true,"NextToken":"L2EvYg"}`, `{"Parameters":[{"Name":"/a/b/c",`)
	f("GetParameter", `{"Name":"arn:aws:ssm:eu-west-1:000000000000:parameter/a/b"}`, `"Name":"/a/b"`)
	f("DescribeParameters", `{"Filters":[{"Key":"Tier","Values":["Advanced"]}]}`, `{"Parameters":[{"Name":"p",`)
	f("PutParameter", put("secret", "s", "Type", `"SecureString"`), `"Version":1`)
	f("GetParameter", `{"Name":"secret"}`, `"Type":"SecureString","Value":"AQICAH`)
	f("GetParameter", `{"Name":"secret","WithDecryption":true}`, `"Value":"s"`)
	f("DeleteParameter", `{"Name":"p"}`, "")
	f("PutParameter", put("p", "anew"), `{"Version":1,"Tier":"Standard"}`)
	if n := s.Requests()["GetParametersByPath"]; n != 3 {
		t.Errorf("%d requests were counted", n)
	}
}

func TestParametersSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := &local.Server{Dir: dir}
	web := httptest.NewServer(first)
	callSSM(t, web.URL, "PutParameter", put("p", "kept", "Type", `"SecureString"`))
	web.Close()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got := callSSM(t, serve(t, &local.Server{Dir: dir}), "GetParameter", `{"Name":"p","WithDecryption":true}`); !strings.Contains(got.body, `"Value":"kept"`) {
		t.Errorf("after a restart: %s", got.body)
	}
}

func TestFaultsStrikeParameters(t *testing.T) {
	t.Parallel()
	s := new(local.Server)
	url := serve(t, s)
	if err := s.SetFaults(local.Fault{Operation: "GetParameter", Do: local.FaultError, Code: "AccessDeniedException", Times: 1},
		local.Fault{Operation: "AssumeRole", Do: local.FaultError, Code: "AccessDeniedException"}); err != nil {
		t.Fatal(err)
	}
	if got := callSSM(t, url, "GetParameter", `{"Name":"p"}`); !strings.Contains(got.body, `"__type":"AccessDeniedException"`) {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := callSSM(t, url, "GetParameter", `{"Name":"p"}`); !strings.Contains(got.body, "ParameterNotFound") {
		t.Errorf("the second time: %d %s", got.status, got.body)
	}
	if got := callQuery(t, url, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/reader&RoleSessionName=s1"); !strings.Contains(got.body, "<Code>AccessDenied</Code>") {
		t.Errorf("AssumeRole: %d %s", got.status, got.body)
	}
}

func TestSessionsOfRoles(t *testing.T) {
	t.Parallel()
	url := serve(t, atNoon())
	f := func(form, want string, headers ...string) {
		t.Helper()
		if got := callQuery(t, url, form+"&Version=2011-06-15", headers...); !strings.Contains(got.body, want) {
			t.Errorf("%s: got %d %s, want %s", form, got.status, got.body, want)
		}
	}
	const role = "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/reader"
	f(role+"&RoleSessionName=s1", "<Arn>arn:aws:sts::123456789012:assumed-role/reader/s1</Arn>")
	f(role+"&RoleSessionName=s1", "<Expiration>2026-11-20T13:00:00Z</Expiration>")
	f(role+"&RoleSessionName=s1&DurationSeconds=900", "<Expiration>2026-11-20T12:15:00Z</Expiration>")
	f(role+"&RoleSessionName=s1&DurationSeconds=899", "durationSeconds")
	f(role, "roleSessionName")
	f(role+"&RoleSessionName=s", "roleSessionName")
	f(role+"&RoleSessionName=a%20b", "roleSessionName")
	f("Action=AssumeRole&RoleSessionName=s1", "roleArn")
	f("Action=AssumeRole&RoleSessionName=s1&RoleArn=arn:aws:iam::1", "roleArn")
	f("Action=AssumeRole&RoleSessionName=s1&RoleArn=arn:aws:iam::123456789012:role/", "is invalid")
	f("Action=AssumeRole&RoleSessionName=s1&RoleArn=arn:aws:s3:::bucket/role/reader", "is invalid")
	f("Action=GetCallerIdentity", "<Arn>arn:aws:iam::000000000000:user/local</Arn>", "X-Amz-Security-Token", "of another")
}
