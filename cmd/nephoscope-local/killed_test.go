package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// TestMain lets the test binary be the command, so that a test can kill it.
func TestMain(m *testing.M) {
	if dir := os.Getenv("NEPHOSCOPE_LOCAL_TEST_DATA"); dir != "" {
		command := newCommand()
		command.SetArgs([]string{"--listen", "127.0.0.1:0", "--data", dir})
		if err := command.ExecuteContext(context.Background()); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func callLogs(t *testing.T, url, operation, body string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261120/eu-west-1/logs/aws4_request, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != 200 {
		t.Fatalf("%s: %d %s", operation, response.StatusCode, text)
	}
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), "NEPHOSCOPE_LOCAL_TEST_DATA="+dir)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.Fields(strings.TrimPrefix(line, "CloudWatch is at "))[0]
	callLogs(t, url, "CreateLogGroup", `{"logGroupName":"g"}`)
	callLogs(t, url, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	for i := range 100 {
		callLogs(t, url, "PutLogEvents", fmt.Sprintf(`{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":%d,"message":"line %d"}]}`, time.Now().UnixMilli(), i))
	}
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait() // it was killed, and says so

	after := &local.Server{Dir: dir}
	events, err := after.Events("g", "s")
	if err != nil || len(events) != 100 || events[99].Message != "line 99" {
		t.Errorf("%d events, %v", len(events), err)
	}
	if err := after.Close(); err != nil {
		t.Error(err)
	}
}
