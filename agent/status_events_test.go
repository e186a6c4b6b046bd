package agent

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/listeners"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// heard is a status with a listener and what it was sent.
func heard(s *Status) {
	s.Logs = []LogFile{{Path: "events of listeners", Group: "g", Stream: "s", passing: true, Ledger: tailer.Ledger{Sent: cloudwatch.Amount{Events: 4}}}, fileOf("/a", 1)}
	s.Events = &EventsLedger{Written: cloudwatch.Amount{Events: 5}, DiskBytes: 6, DiskMost: 7}
	s.EMF = &EMFLedger{Received: 9, Accepted: 5, Refused: map[string]int64{"spool_full": 1, "not_json": 3}, Sockets: []SocketState{{Address: "tcp://127.0.0.1:1"}, {Address: "udp://127.0.0.1:1"}}}
}

func TestNumbersOfTheEMFListenerForPrometheus(t *testing.T) {
	got := exposed(t, new(labels).prometheus(judged(heard)))
	for key, want := range map[string]string{
		`nephoscope_emf_documents_received_total{}`:                   "9",
		`nephoscope_emf_documents_refused_total{reason="not_json"}`:   "3",
		`nephoscope_emf_documents_refused_total{reason="spool_full"}`: "1",
		`nephoscope_emf_listening{address="udp://127.0.0.1:1"}`:       "1",
		`nephoscope_events_disk_bytes{}`:                              "6",
		`nephoscope_logs_sent_events_total{}`:                         "4",
		lagOf("/a"):                                                   "1",
		`nephoscope_log_file_sent_events_total{path="events of listeners",log_group="g",log_stream="s"}`: "",
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
}

func TestListenerThatNobodyReachesIsAReason(t *testing.T) {
	f := func(change func(*Status), want string) {
		t.Helper()
		s := judged(func(s *Status) { heard(s); s.EMF.Refused = nil; s.Logs = nil; change(s) })
		if want == "" && s.Health == OK {
			return
		}
		if len(s.Reasons) != 1 || s.Health != Degraded || !strings.Contains(s.Reasons[0].What, want) || s.Reasons[0].Hint == "" {
			t.Errorf("got %s, %+v", s.Health, s.Reasons)
		}
	}
	f(func(*Status) {}, "")
	f(func(s *Status) { s.EMF.Refused = map[string]int64{"not_json": 7} }, "") // its sender's trouble
	f(func(s *Status) { s.EMF.Refused = map[string]int64{"spool_full": 7} }, "7 EMF documents were refused")
	f(func(s *Status) { s.EMF.Refused = map[string]int64{"many_streams": 2, "disk": 1} }, "3 EMF documents were refused")
	f(func(s *Status) { s.EMF.Turned = 4 }, "4 connections of programs that send EMF documents were turned down")
	f(func(s *Status) { s.EMF.Sockets[0].Error = "address in use" }, "tcp://127.0.0.1:1: address in use")
	f(func(s *Status) { s.Events.LastError = "no space left" }, "no space left")
}

// Where a file's log stream cannot be read any more, its events still go somewhere.
func TestEventsOfAStreamThatIsNotKnownAnyMore(t *testing.T) {
	log, said := logged()
	a := &Agent{env: Env{Log: log}, events: listeners.NewEventSpool(t.TempDir(), zap.NewNop())}
	if err := a.events.Write(cloudwatch.LogStream{Group: "g", RetentionDays: -1}, time.Now(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.events.Close)
	name := a.eventsNaming("own")
	if got := name(t.TempDir() + "/1.events"); got.Group != "emf/logs/default" || got.Name != "own" || got.RetentionDays != -1 || said.Len() != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestEMFOfAConfigurationIsTwoTasksAndThePublisher(t *testing.T) {
	f := func(text string, want int) []Task {
		t.Helper()
		c, err := config.Parse("f", []byte(text))
		tasks, failed := Tasks(c)
		if err := errors.Join(err, failed); err != nil || len(tasks) != want {
			t.Errorf("%s: got %d tasks, %v", text, len(tasks), err)
		}
		return tasks
	}
	one := f(`{"agent": {"region": "eu-west-1"}, "logs": {"log_stream_name": "s", "metrics_collected": {"emf": {}}}}`, 3)
	f(`{"agent": {"region": "eu-west-1"}, "logs": {"metrics_collected": {"emf": {}}}}`, 4) // and who this host is
	f(`{"agent": {"region": "eu-west-1"}, "logs": {"metrics_collected": {"otlp": {}}}}`, 0)
	other := f(`{"agent": {"region": "eu-west-1"}, "logs": {"log_stream_name": "t", "metrics_collected": {"structuredlog": {"service_address": ""}}}}`, 3)
	if one[2].Key != other[2].Key || one[1].Key == other[1].Key {
		t.Error("another stream concerns the shipping, and not the listener")
	}
}
