package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/local"
)

// emfBed is a bed whose agent listens for documents.
type emfBed struct {
	*bed
	address string
}

func newEMFBed(t *testing.T, ours string) *emfBed {
	t.Helper()
	b := &emfBed{bed: newBed(t)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	b.address = l.Addr().String()
	b.must(l.Close())
	b.config(fmt.Sprintf(`{"nephoscope": {%s}, "logs": {"log_stream_name": "own", "force_flush_interval": 1, "metrics_collected": {"emf": {"service_address": %q}}}}`, ours, b.address))
	return b
}

// document is what AWS's clients send: dimensions, properties and values beside what says what they are.
func emfDocument(n int, at time.Time) string {
	return fmt.Sprintf(`{"LogGroup":"shop-metrics","ServiceName":"shop","ServiceType":"AWS::EC2::Instance","request":"r-%d",`+
		`"_aws":{"Timestamp":%d,"LogGroupName":"shop-metrics","LogStreamName":"cart","CloudWatchMetrics":[{"Namespace":"shop",`+
		`"Dimensions":[["LogGroup","ServiceName","ServiceType"]],"Metrics":[{"Name":"took","Unit":"Milliseconds"}]}]},"took":%d}`, n, at.UnixMilli(), n)
}

func (b *emfBed) dial(network string) net.Conn {
	b.Helper()
	var c net.Conn
	b.until("somebody who listens", func() bool {
		var err error
		c, err = net.Dial(network, b.address)
		return err == nil && b.said("emf: listening")
	})
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func (b *emfBed) send(c net.Conn, text string) {
	b.Helper()
	_, err := c.Write([]byte(text))
	b.must(err)
}

func (b *emfBed) status() (s agent.Status) {
	b.Helper()
	raw, err := agent.AskStatus(b.Context(), b.path("state"), -1)
	b.must(err)
	b.must(json.Unmarshal(raw, &s))
	return s
}

// seen is how often each request arrived.
func (b *emfBed) seen() map[int]int {
	all := map[int]int{}
	for _, m := range b.events("shop-metrics", "cart") {
		var d struct{ Took int }
		b.must(json.Unmarshal([]byte(m), &d))
		all[d.Took]++
	}
	return all
}

func TestEMFDocumentsArriveAsEventsAndAsMetrics(t *testing.T) {
	t.Parallel()
	b := newEMFBed(t, "")
	b.start()
	at := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	tcp, udp := b.dial("tcp"), b.dial("udp")
	whole := emfDocument(1, at) + "\n" + emfDocument(2, at) + "\r\n"
	b.send(tcp, whole[:100])
	b.until("a connection", func() bool { s := b.status(); return s.EMF != nil && s.EMF.Senders == 1 })
	b.send(tcp, whole[100:])
	b.send(udp, strings.ReplaceAll(emfDocument(3, at), ",", ",\n  "))
	b.send(udp, `{"_aws":{"Timestamp":`+fmt.Sprint(at.UnixMilli())+`,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[]],"Metrics":[{"Name":"m"}]}]},"m":1}`)
	b.send(udp, "no document")
	b.until("all documents", func() bool { return len(b.seen()) == 3 && len(b.events("emf/logs/default", "own")) == 1 })
	events, err := b.service.Events("shop-metrics", "cart")
	b.must(err)
	for _, e := range events {
		if !e.Timestamp.Equal(at) {
			t.Errorf("an event of %v, want %v", e.Timestamp, at)
		}
	}
	data, err := b.service.Data("shop", "took", local.Dimension{Name: "LogGroup", Value: "shop-metrics"}, local.Dimension{Name: "ServiceName", Value: "shop"}, local.Dimension{Name: "ServiceType", Value: "AWS::EC2::Instance"})
	b.must(err)
	sum := 0.0
	for _, d := range data {
		sum += d.Sum
	}
	if sum != 6 || data[0].Unit != "Milliseconds" {
		t.Errorf("got %+v", data)
	}
	b.until("a count of all", func() bool {
		s := b.status()
		return s.EMF.Received == 5 && s.EMF.Accepted == 4 && s.EMF.Refused["not_json"] == 1 && s.Total.Balanced() && s.Total.Sent.Events == 4 && s.Health == agent.OK
	})
	b.until("that what is acknowledged is removed", func() bool {
		files, _ := filepath.Glob(b.path("state/events/*/*"))
		return len(files) == 0
	})
	if took := b.stop(); took > 10*time.Second {
		t.Errorf("took %v to stop", took)
	}
}

func TestEMFDocumentsOutliveAnOutageAndKillNine(t *testing.T) {
	t.Parallel()
	b := newEMFBed(t, "")
	b.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	n := 0
	for round := range 4 {
		b.output = &syncBuffer{}
		b.start()
		tcp, udp := b.dial("tcp"), b.dial("udp")
		for range 200 {
			b.send(tcp, emfDocument(n, time.Now())+"\n")
			b.send(udp, emfDocument(n+1, time.Now()))
			n += 2
		}
		b.until("that all of it is written down", func() bool { return b.status().EMF.Accepted == 400 })
		if round == 2 {
			b.answer(nil)
			b.until("some of it", func() bool { return len(b.seen()) > 100 })
		}
		b.kill()
	}
	b.start()
	b.until("all of it", func() bool { return len(b.seen()) == n })
	repeated := 0
	for _, times := range b.seen() {
		repeated += times - 1
	}
	t.Logf("%d documents, %d repeated", n, repeated)
	b.until("an empty spool", func() bool {
		files, _ := filepath.Glob(b.path("state/events/*/*"))
		return len(files) == 0
	})
	if s := b.status(); s.Total.Lost.Files != 0 || s.Total.Lost.Bytes() != 0 {
		t.Errorf("lost: %+v", s.Total.Lost)
	}
	b.stop()
}

func TestEMFDocumentsAreRefusedAndCountedWhileThereIsNoRoom(t *testing.T) {
	t.Parallel()
	b := newEMFBed(t, `"events_mib": 1`)
	b.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	b.start()
	b.dial("tcp")
	filler := strings.Repeat("x", 9000)
	document := func(n int) string {
		return strings.Replace(emfDocument(n, time.Now()), `"request":"`, `"request":"`+filler, 1)
	}
	sent, told := 0, false
	for ; !told && sent < 1000; sent++ {
		c, err := net.Dial("tcp", b.address)
		b.must(err)
		b.send(c, document(sent)+"\n")
		b.must(c.(*net.TCPConn).CloseWrite())
		_, _ = c.Read(make([]byte, 1)) // the end, when it has been taken or refused
		_ = c.Close()
		told = b.status().EMF.Refused["spool_full"] > 0
	}
	s := b.status()
	if !told || s.EMF.Accepted+s.EMF.Refused["spool_full"] != int64(sent) || s.Events.DiskBytes > 1<<20 {
		t.Errorf("%d sent: %+v, %+v", sent, s.EMF, s.Events)
	}
	if s.Health == agent.OK || !slices.ContainsFunc(s.Reasons, func(r agent.Reason) bool { return strings.Contains(r.What, "EMF documents were refused") }) {
		t.Errorf("%s: %+v", s.Health, s.Reasons)
	}
	b.answer(nil)
	b.until("what was accepted", func() bool { return int64(len(b.seen())) == s.EMF.Accepted })
	b.until("room", func() bool { return b.status().Events.DiskBytes == 0 })
	c := b.dial("tcp")
	b.send(c, document(sent)+"\n")
	b.until("one more", func() bool { return int64(len(b.seen())) == s.EMF.Accepted+1 })
	b.stop()
}

func TestBusyPortIsTheTroubleOfEMFAlone(t *testing.T) {
	t.Parallel()
	b := newEMFBed(t, "")
	taken, err := net.Listen("tcp", b.address)
	b.must(err)
	b.config(fmt.Sprintf(`{"logs": {"force_flush_interval": 1, "metrics_collected": {"emf": {"service_address": "tcp://%s"}}, "logs_collected": {"files": {"collect_list": [
		{"file_path": "%%DIR%%/access.log", "log_group_name": "g", "log_stream_name": "s"}]}}}}`, b.address))
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("lines of the log", func() bool { return len(b.events("g", "s")) == 2 })
	b.until("a word on the port", func() bool { return b.said("nobody can be heard") })
	s := b.status()
	if s.Health != agent.Degraded || len(s.EMF.Sockets) != 1 || !strings.Contains(s.EMF.Sockets[0].Error, "in use") {
		t.Errorf("%s: %+v, %+v", s.Health, s.Reasons, s.EMF)
	}
	b.must(taken.Close())
	c := b.dial("tcp")
	b.send(c, emfDocument(1, time.Now())+"\n")
	b.until("the document", func() bool { return len(b.seen()) == 1 })
	if n := strings.Count(b.output.String(), "nobody can be heard"); n != 1 {
		t.Errorf("said %d times", n)
	}
	b.stop()
}

func TestReloadOfEMF(t *testing.T) {
	t.Parallel()
	b := newEMFBed(t, "")
	b.start()
	c := b.dial("tcp")
	b.send(c, emfDocument(1, time.Now())+"\n")
	b.until("the first document", func() bool { return len(b.seen()) == 1 })

	// Another file beside it leaves the connection alone.
	with := func(emf string) {
		b.config(fmt.Sprintf(`{"logs": {"log_stream_name": "own", "force_flush_interval": 1, "metrics_collected": {%s}, "logs_collected": {"files": {"collect_list": [
			{"file_path": "%%DIR%%/access.log", "log_group_name": "g", "log_stream_name": "s"}]}}}}`, emf))
		b.must(b.cmd.Process.Signal(syscall.SIGHUP))
	}
	b.write("access.log", "a\n")
	with(fmt.Sprintf(`"emf": {"service_address": %q}`, b.address))
	b.until("a line", func() bool { return len(b.events("g", "s")) == 1 })
	b.send(c, emfDocument(2, time.Now())+"\n")
	b.until("the second document", func() bool { return len(b.seen()) == 2 })

	// Without it nobody listens, but what was accepted arrives.
	b.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	b.send(c, emfDocument(3, time.Now())+"\n")
	b.until("that it is written down", func() bool { return b.status().EMF.Accepted == 3 })
	with("")
	b.until("that nobody listens", func() bool { return b.status().EMF == nil })
	// Without any word on where logs go, it stays, and is not forgotten.
	b.config(`{"agent": {"region": "eu-west-1"}}`)
	b.must(b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("a reason", func() bool {
		s := b.status()
		return s.Events != nil && s.Events.DiskBytes > 0 && slices.ContainsFunc(s.Reasons, func(r agent.Reason) bool { return strings.Contains(r.What, "no logs section") })
	})
	b.answer(nil)
	b.config(`{"logs": {"metrics_collected": {}}}`)
	b.must(b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("the third document", func() bool { return len(b.seen()) == 3 })
	b.until("no reason any more", func() bool { return b.status().Health == agent.OK })
	b.stop()
	if files, err := os.ReadDir(b.path("state/events")); err != nil {
		t.Error(files, err)
	}
}
