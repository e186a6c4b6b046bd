package awsapi

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

var stream = cloudwatch.LogStream{Group: "/var/log/a \"b\"", Name: "s\\ü", Class: "standard", RetentionDays: 7}

// account is one whose endpoint is a handler, and whose surroundings hold nothing else.
func account(t *testing.T, h http.HandlerFunc) Account {
	t.Helper()
	alone(t)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	a, err := Open(t.Context(), Options{Region: "eu-west-1", Endpoint: server.URL, UserAgent: "Nephoscope/1.2"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func alone(t testing.TB) {
	nothing := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "",
		"AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing, "AWS_ENDPOINT_URL": "", "HTTP_PROXY": "", "NO_PROXY": "*",
	} {
		t.Setenv(name, value)
	}
}

func batch(messages ...string) *cloudwatch.LogBatch {
	b := new(cloudwatch.LogBatch)
	for i, m := range messages {
		b.Add(time.UnixMilli(int64(1000+i)), []byte(m))
	}
	return b
}

// request is the body of PutLogEvents as encoding/json reads it.
type request struct {
	LogGroupName  string     `json:"logGroupName"`
	LogStreamName string     `json:"logStreamName"`
	LogEvents     []logEvent `json:"logEvents"`
}

type logEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

func read(t *testing.T, r *http.Request) (got request) {
	t.Helper()
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return got
		}
		body = z
	}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Error(err)
	}
	return got
}

func TestRequestHoldsWhatTheBatchHolds(t *testing.T) {
	f := func(messages ...string) {
		t.Helper()
		var got request
		var header http.Header
		a := account(t, func(w http.ResponseWriter, r *http.Request) {
			got, header = read(t, r), r.Header
			fmt.Fprint(w, `{}`)
		})
		if _, err := a.Logs().PutLogEvents(t.Context(), stream, batch(messages...)); err != nil {
			t.Fatal(err)
		}
		want := request{LogGroupName: stream.Group, LogStreamName: stream.Name}
		for i, m := range messages {
			want.LogEvents = append(want.LogEvents, logEvent{int64(1000 + i), strings.ToValidUTF8(m, "\ufffd")})
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %.300q, want %.300q", fmt.Sprint(got), fmt.Sprint(want))
		}
		if h := header.Get("User-Agent"); !strings.HasPrefix(h, "Nephoscope/1.2 ") {
			t.Errorf("User-Agent %q", h)
		}
		if h := header.Get("X-Amz-Target"); h != "Logs_20140328.PutLogEvents" {
			t.Errorf("X-Amz-Target %q", h)
		}
		if h := header.Get("Authorization"); !strings.Contains(h, "/eu-west-1/logs/aws4_request") {
			t.Errorf("Authorization %q", h)
		}
		if size := len(strings.Join(messages, "")); (header.Get("Content-Encoding") == "gzip") != (size > compressAbove) {
			t.Errorf("%d bytes travel with encoding %q", size, header.Get("Content-Encoding"))
		}
	}
	f("a")
	f("\x00\x01\b\f\n\r\t\x1f \"\\/<>&\x7f\u2028\u2029€😀", "bad \xff", "")
	f(slices.Repeat([]string{"a long line with \"quotes\" and ümlauts"}, 5000)...)
}

func TestEndpointThatKnowsNoCompressionIsSentPlainText(t *testing.T) {
	var encodings []string
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		encodings = append(encodings, r.Header.Get("Content-Encoding"))
		if r.Header.Get("Content-Encoding") != "" {
			http.Error(w, `{"__type":"SerializationException"}`, http.StatusBadRequest)
			return
		}
		read(t, r)
		fmt.Fprint(w, `{}`)
	})
	logs := a.Logs()
	for range 2 {
		if _, err := logs.PutLogEvents(t.Context(), stream, batch(strings.Repeat("x", 1000))); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(encodings, ","); got != "gzip,," {
		t.Errorf("encodings %q", got)
	}
}

func TestServiceThatTookCompressedRequestsIsSentNoOther(t *testing.T) {
	var encodings []string
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		encodings = append(encodings, r.Header.Get("Content-Encoding"))
		if len(encodings) > 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, `{}`)
	})
	logs := a.Logs()
	for range 2 {
		_, _ = logs.PutLogEvents(t.Context(), stream, batch(strings.Repeat("x", 1000)))
	}
	if got := strings.Join(encodings, ","); got != "gzip,gzip" {
		t.Errorf("encodings %q", got)
	}
}

func TestClassesOfRefusals(t *testing.T) {
	f := func(status int, body string, want cloudwatch.Class) {
		t.Helper()
		a := account(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
		_, err := a.Logs().PutLogEvents(t.Context(), stream, batch("a"))
		if err == nil || cloudwatch.ClassOf(err) != want {
			t.Errorf("%d %s: got class %v of %v, want %v", status, body, cloudwatch.ClassOf(err), err, want)
		}
	}
	code := func(c string) string { return `{"__type":"` + c + `","message":"m"}` }
	f(400, code("ResourceNotFoundException"), cloudwatch.NotFound)
	f(400, code("com.amazonaws.logs#ResourceNotFoundException"), cloudwatch.NotFound)
	f(400, code("InvalidParameterException"), cloudwatch.Invalid)
	f(400, code("ValidationException"), cloudwatch.Invalid)
	f(400, code("ResourceAlreadyExistsException"), cloudwatch.Exists)
	f(400, code("ThrottlingException"), cloudwatch.Throttled)
	f(400, code("LimitExceededException"), cloudwatch.Throttled)
	f(429, "", cloudwatch.Throttled)
	f(400, code("AccessDeniedException"), cloudwatch.Denied)
	f(400, code("UnrecognizedClientException"), cloudwatch.Denied)
	f(400, code("ExpiredTokenException"), cloudwatch.Denied)
	f(400, code("InvalidSignatureException"), cloudwatch.Denied)
	f(403, "<html>who are you</html>", cloudwatch.Denied)
	f(401, "", cloudwatch.Denied)
	f(500, code("InternalFailure"), cloudwatch.Unavailable)
	f(503, code("ServiceUnavailableException"), cloudwatch.Unavailable)
	f(500, "", cloudwatch.Unavailable)
	// What the service did not say itself must not cost an event.
	f(400, "", cloudwatch.Unavailable)
	f(400, "<html>bad request</html>", cloudwatch.Unavailable)
	f(400, code("SomethingNew"), cloudwatch.Unavailable)
	f(400, "{", cloudwatch.Unavailable)
	f(404, "not here", cloudwatch.Unavailable)
	f(413, "", cloudwatch.Unavailable)
	f(200, "<html>log in first</html>", cloudwatch.Unavailable)
	f(302, "", cloudwatch.Unavailable)
}

func TestNoAnswerIsUnavailable(t *testing.T) {
	a := account(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := a.Logs().PutLogEvents(t.Context(), stream, batch("a"))
	if err == nil || cloudwatch.ClassOf(err) != cloudwatch.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestRefusedEventsAreRead(t *testing.T) {
	f := func(answer string, want cloudwatch.Refused) {
		t.Helper()
		a := account(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
		got, err := a.Logs().PutLogEvents(t.Context(), stream, batch("a", "b"))
		if err != nil || got != want {
			t.Errorf("%s: got %+v %v, want %+v", answer, got, err, want)
		}
	}
	f(`{}`, cloudwatch.NothingRefused())
	f(`{"rejectedLogEventsInfo":{}}`, cloudwatch.NothingRefused())
	f(`{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":1}}`, cloudwatch.Refused{TooNewStart: 1, TooOldEnd: -1, ExpiredEnd: -1})
	f(`{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":0,"expiredLogEventEndIndex":2}}`, cloudwatch.Refused{TooNewStart: -1, TooOldEnd: 0, ExpiredEnd: 2})
}

func TestRetentionIsChangedOnlyWhereItDiffers(t *testing.T) {
	f := func(groups string, want ...string) {
		t.Helper()
		var calls []string
		a := account(t, func(w http.ResponseWriter, r *http.Request) {
			_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
			calls = append(calls, call)
			fmt.Fprint(w, groups)
		})
		if err := a.Logs().PutRetention(t.Context(), stream); err != nil || !slices.Equal(calls, want) {
			t.Errorf("got %v %v, want %v", calls, err, want)
		}
	}
	name, _ := json.Marshal(stream.Group)
	f(fmt.Sprintf(`{"logGroups":[{"logGroupName":%s,"retentionInDays":7}]}`, name), "DescribeLogGroups")
	f(fmt.Sprintf(`{"logGroups":[{"logGroupName":%s,"retentionInDays":30}]}`, name), "DescribeLogGroups", "PutRetentionPolicy")
	f(fmt.Sprintf(`{"logGroups":[{"logGroupName":%s}]}`, name), "DescribeLogGroups", "PutRetentionPolicy")
	f(`{}`, "DescribeLogGroups", "PutRetentionPolicy")
}

// keeper is a way to the service that gives up on requests before it has read them, as http.Transport may.
type keeper struct{ bodies []io.Reader }

func (k *keeper) Do(r *http.Request) (*http.Response, error) {
	k.bodies = append(k.bodies, r.Body)
	return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody}, nil
}

func TestRequestThatWasGivenUpSharesNoMemoryWithTheNext(t *testing.T) {
	a, k := account(t, nil), new(keeper)
	a.cfg.HTTPClient = k
	logs := a.Logs()
	for i := range 20 {
		_, _ = logs.PutLogEvents(t.Context(), stream, batch(fmt.Sprint(i)))
	}
	for i, body := range k.bodies {
		raw, _ := io.ReadAll(body) // nothing, or what was to be sent
		var got request
		if err := json.Unmarshal(raw, &got); len(raw) > 0 && (err != nil || got.LogEvents[0].Message != fmt.Sprint(i)) {
			t.Errorf("request %d holds %s", i, raw)
		}
	}
}

func TestConnectionsOfAllLanesAreUsedAgain(t *testing.T) {
	const lanes = 16
	alone(t)
	var opened atomic.Int64
	var mu sync.Mutex
	arrived, all := 0, make(chan struct{}) // each round waits until every lane has sent, so that each has a connection of its own
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		wait := all
		if arrived++; arrived == lanes {
			close(all)
			arrived, all = 0, make(chan struct{})
		}
		mu.Unlock()
		<-wait
		fmt.Fprint(w, `{}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	a, err := Open(t.Context(), Options{Region: "eu-west-1", Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	logs := a.Logs()
	for range 5 {
		var work sync.WaitGroup
		for range lanes {
			work.Go(func() {
				if _, err := logs.PutLogEvents(t.Context(), stream, batch("a")); err != nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
	}
	if n := opened.Load(); n >= 2*lanes { // of ten that are kept it would be 40
		t.Errorf("%d connections for five rounds of %d requests at once", n, lanes)
	}
}

func TestProfileThatIsMissingTwiceIsAnError(t *testing.T) {
	alone(t)
	t.Setenv("AWS_PROFILE", "missing")
	if _, err := Open(t.Context(), Options{Profile: "missing too", ProfileOptional: true}); err == nil {
		t.Error("a missing AWS_PROFILE was passed over")
	}
	t.Setenv("AWS_PROFILE", "")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	account, err := Open(t.Context(), Options{Profile: "missing", ProfileOptional: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := account.Credentials(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no profile missing") {
		t.Errorf("got %v", err)
	}
}

// metadata is an instance metadata service that takes no question without a token.
func metadata(t *testing.T, answers map[string]string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" {
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
			fmt.Fprint(w, "token")
			return
		}
		answer, known := answers[r.URL.Path]
		switch {
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
			w.WriteHeader(http.StatusUnauthorized)
		case !known:
			w.WriteHeader(http.StatusNotFound)
		default:
			fmt.Fprint(w, answer)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.URL)
}

const identityPath, hostnamePath, tagsPath = "/latest/dynamic/instance-identity/document", "/latest/meta-data/hostname", "/latest/meta-data/tags/instance"

var instance = map[string]string{
	identityPath: `{"instanceId":"i-1","instanceType":"t3.micro","imageId":"ami-1","region":"eu-west-1","accountId":"123","privateIp":"10.0.0.1"}`,
	hostnamePath: "ip-10-0-0-1\n",
}

func with(more ...string) map[string]string {
	all := maps.Clone(instance)
	for i := 0; i+1 < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func TestInstanceIsReadWithAToken(t *testing.T) {
	f := func(answers map[string]string, want Instance) {
		t.Helper()
		metadata(t, answers)
		a := account(t, func(http.ResponseWriter, *http.Request) {})
		got, err := a.EC2().Instance(t.Context())
		if got != want || (err == nil) != (want.ID != "") || err != nil && cloudwatch.ClassOf(err) != cloudwatch.Unavailable {
			t.Errorf("got %+v %v, want %+v", got, err, want)
		}
	}
	f(instance, Instance{ID: "i-1", Type: "t3.micro", ImageID: "ami-1", Region: "eu-west-1", AccountID: "123", PrivateIP: "10.0.0.1", Hostname: "ip-10-0-0-1"})
	f(map[string]string{identityPath: `{"instanceId":"i-1"}`}, Instance{ID: "i-1"})
	f(map[string]string{identityPath: `{}`}, Instance{})
	f(map[string]string{identityPath: `<html>`}, Instance{})
	f(nil, Instance{})
}

func TestAutoScalingGroup(t *testing.T) {
	const (
		tagged   = `<DescribeTagsResponse><tagSet><item><key>aws:autoscaling:groupName</key><value>of EC2</value></item></tagSet></DescribeTagsResponse>`
		untagged = `<DescribeTagsResponse><tagSet/></DescribeTagsResponse>`
		denied   = `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>m</Message></Error></Errors></Response>`
	)
	f := func(answers map[string]string, status int, answer, want string, class cloudwatch.Class) {
		t.Helper()
		metadata(t, answers)
		a := account(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			if r.Form.Get("Action") != "DescribeTags" || r.Form.Get("Filter.1.Value.1") != "i-1" || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/ec2/") {
				t.Errorf("asked %v, signed %s", r.Form, r.Header.Get("Authorization"))
			}
			w.WriteHeader(status)
			fmt.Fprint(w, answer)
		})
		got, err := a.EC2().AutoScalingGroup(t.Context(), Instance{ID: "i-1", Region: "eu-west-1"})
		if got != want || (err != nil) != (class >= 0) || err != nil && cloudwatch.ClassOf(err) != class {
			t.Errorf("%d %s: got %q %v, want %q", status, answer, got, err, want)
		}
	}
	const none cloudwatch.Class = -1
	enabled := with(tagsPath, "Name\naws:autoscaling:groupName", tagsPath+"/aws:autoscaling:groupName", "of IMDS")
	f(enabled, 500, "", "of IMDS", none)
	f(instance, 200, tagged, "of EC2", none)
	f(instance, 200, untagged, "", none)
	f(instance, 403, denied, "", cloudwatch.Denied)
	f(with(tagsPath, "Name"), 403, denied, "", none)
	f(instance, 500, "", "", cloudwatch.Unavailable)
	f(instance, 200, "<html>log in first</html>", "", cloudwatch.Unavailable)
}

func TestVolumes(t *testing.T) {
	const (
		item    = `<item><volumeId>V</volumeId><attachmentSet><item><volumeId>V</volumeId><instanceId>I</instanceId><device>D</device></item></attachmentSet></item>`
		refused = `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>m</Message></Error></Errors></Response>`
	)
	volume := func(id, instance, device string) string {
		return strings.NewReplacer("V", id, "I", instance, "D", device).Replace(strings.NewReplacer("volumeId", "\x00", "instanceId", "\x01").Replace(item))
	}
	page := func(next string, items ...string) string {
		text := "<DescribeVolumesResponse><volumeSet>" + strings.Join(items, "") + "</volumeSet><nextToken>" + next + "</nextToken></DescribeVolumesResponse>"
		return strings.NewReplacer("\x00", "volumeId", "\x01", "instanceId").Replace(text)
	}
	f := func(status int, pages map[string]string, class cloudwatch.Class, want map[string]string) {
		t.Helper()
		a := account(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			if r.Form.Get("Action") != "DescribeVolumes" || r.Form.Get("Filter.1.Name") != "attachment.instance-id" || r.Form.Get("Filter.1.Value.1") != "i-1" ||
				!strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/ec2/") {
				t.Errorf("asked %v, signed %s", r.Form, r.Header.Get("Authorization"))
			}
			w.WriteHeader(status)
			fmt.Fprint(w, pages[r.Form.Get("NextToken")])
		})
		got, err := a.EC2().Volumes(t.Context(), Instance{ID: "i-1", Region: "eu-west-1"})
		if !maps.Equal(got, want) || (err != nil) != (class >= 0) || err != nil && cloudwatch.ClassOf(err) != class {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	const none cloudwatch.Class = -1
	f(200, map[string]string{"": page("")}, none, nil)
	f(200, map[string]string{"": page("more", volume("vol-1", "i-1", "/dev/sda1"), volume("vol-2", "i-2", "/dev/sdf")), "more": page("", volume("vol-3", "i-1", "/dev/sdf"))}, none,
		map[string]string{"/dev/sda1": "vol-1", "/dev/sdf": "vol-3"})
	f(403, map[string]string{"": refused}, cloudwatch.Denied, nil)
	f(500, nil, cloudwatch.Unavailable, nil)
	f(200, map[string]string{"": "<html>log in first</html>"}, cloudwatch.Unavailable, nil)
}

func FuzzDescribeVolumesAnswer(f *testing.F) {
	f.Add(200, []byte(`<DescribeVolumesResponse><volumeSet><item><attachmentSet><item><volumeId>v</volumeId><instanceId>i</instanceId><device>d</device></item></attachmentSet></item></volumeSet></DescribeVolumesResponse>`))
	f.Add(403, []byte(`<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>`))
	f.Fuzz(func(t *testing.T, status int, raw []byte) {
		found := map[string]string{}
		if next, err := parseVolumes(status, raw, "i", found); err != nil && (next != "" || len(found) > 0) || err == nil && status != http.StatusOK {
			t.Errorf("got %v, %q with %v for status %d", found, next, err, status)
		}
	})
}

func FuzzDescribeTagsAnswer(f *testing.F) {
	f.Add(200, []byte(`<DescribeTagsResponse><tagSet><item><key>k</key><value>v</value></item></tagSet></DescribeTagsResponse>`))
	f.Add(403, []byte(`<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>`))
	f.Add(200, []byte(`<DescribeTagsResponse><tagSet><item>`))
	f.Fuzz(func(t *testing.T, status int, raw []byte) {
		value, err := parseTag(status, raw, "k")
		if err != nil && value != "" || err == nil && status != http.StatusOK {
			t.Errorf("got %q with %v for status %d", value, err, status)
		}
	})
}
