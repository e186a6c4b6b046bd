package agent

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/listeners"
	"github.com/nephoscope/nephoscope/tailer"
)

// EventsLedger is what waits of the events that listeners were sent.
type EventsLedger struct {
	Written   cloudwatch.Amount `json:"written"` // since the agent was started
	DiskBytes int64             `json:"disk_bytes"`
	DiskMost  int64             `json:"disk_bytes_allowed"`
	Streams   int               `json:"log_streams"`          // with events on disk
	LastError string            `json:"last_error,omitempty"` // of the disk; "": it takes events
	Stranded  bool              `json:"stranded,omitempty"`   // the configuration has no logs section: nobody ships them
}

// EMFLedger is what became of documents in the embedded metric format.
type EMFLedger struct {
	Sockets  []SocketState    `json:"sockets"`
	Received int64            `json:"documents_received"`
	Accepted int64            `json:"documents_accepted"`
	Bytes    int64            `json:"bytes_accepted"`
	Stale    int64            `json:"documents_out_of_time"` // accepted as events; CloudWatch makes no metrics of their time
	Refused  map[string]int64 `json:"documents_refused"`     // by reason
	Dropped  int64            `json:"datagrams_dropped"`     // the kernel had no room for them
	Senders  int              `json:"connections"`
	Turned   int64            `json:"connections_turned_down"` // there were too many
	Slow     int64            `json:"connections_too_slow"`    // closed: a document did not end
}

// SocketState is an address that is listened on, or should be.
type SocketState struct {
	Address string    `json:"address"`
	Error   string    `json:"error,omitempty"` // why nobody can be heard there
	Since   time.Time `json:"since,omitzero"`
}

// eventsShipping is what ships events. Its files come and go by the minute: they are shown by stream.
type eventsShipping struct {
	filesTask
	events *listeners.EventSpool
}

func (e *eventsShipping) show(s *Status) {
	if !e.named.Load() {
		s.unidentified = append(s.unidentified, waitingTask{e.path, e.since})
	}
	s.Events = eventsLedger(e.events.State())
	s.Total.Add(e.entry.Ended())
	rows := map[cloudwatch.LogStream]*LogFile{}
	for _, src := range e.entry.Sources() {
		stream := src.Stream()
		row := rows[stream]
		if row == nil {
			row = &LogFile{Path: e.path, Group: stream.Group, Stream: stream.Name, passing: true}
			rows[stream] = row
		}
		row.Ledger.Add(src.Ledger())
		row.Trouble = cmp.Or(row.Trouble, troubleOf(e.logs.Trouble(src)))
	}
	for _, row := range rows {
		s.Logs = append(s.Logs, *row)
	}
}

func eventsLedger(state listeners.EventSpoolState) *EventsLedger {
	l := &EventsLedger{Written: state.Written, DiskBytes: state.Bytes, DiskMost: state.Most, Streams: state.Streams}
	if state.Failing != nil {
		l.LastError = state.Failing.Error()
	}
	return l
}

// stranded tells of events that wait though nothing says any more where logs go, and as whom.
func (s *Status) stranded(events *listeners.EventSpool) {
	if s.Events != nil {
		return
	}
	if state := events.State(); state.Bytes > 0 {
		s.Events = eventsLedger(state)
		s.Events.Stranded = true
	}
}

// emfListening is a listener at work.
type emfListening struct{ *listeners.EMF }

func (l *emfListening) ledger() tailer.Ledger { return tailer.Ledger{} }

func (l *emfListening) show(s *Status) {
	n := l.Counts()
	s.EMF = &EMFLedger{
		Sockets: []SocketState{}, Received: n.Received, Accepted: n.Accepted, Bytes: n.Bytes, Stale: n.Stale, Refused: n.Refused,
		Dropped: n.Dropped, Senders: n.Senders, Turned: n.TurnedDown, Slow: n.ClosedSlow,
	}
	for _, socket := range n.Sockets {
		state := SocketState{Address: socket.Network + "://" + socket.Address, Since: socket.Since}
		if socket.Err != nil {
			state.Error = socket.Err.Error()
		}
		s.EMF.Sockets = append(s.EMF.Sockets, state)
	}
}

// listening finds addresses that nobody can be heard at, and a disk that takes no events.
func (v *verdict) listening() {
	if e := v.Events; e != nil && e.LastError != "" {
		v.say(Degraded, time.Time{}, "events that programs send are refused: "+e.LastError, "is the disk of the state folder full, read-only or broken?")
	}
	if e := v.Events; e != nil && e.Stranded {
		v.say(Degraded, time.Time{}, fmt.Sprintf("%d bytes of events that programs sent wait, and there is no logs section any more", e.DiskBytes),
			`a logs section, be it {"metrics_collected": {}}, has them delivered; else they stay in the folder events of the state folder`)
	}
	if v.EMF == nil {
		return
	}
	for _, s := range v.EMF.Sockets {
		if s.Error != "" {
			v.say(Degraded, s.Since, fmt.Sprintf("emf: nobody can be heard at %s: %s", s.Address, s.Error), "does another program have the port (ss -lntup tells), or is the address none of this host's?")
		}
	}
}

// emf writes the series of a listener for documents in the embedded metric format.
func (e *exposition) emf(l *EMFLedger) {
	e.put("emf_documents_received_total", "counter", "Documents in the embedded metric format that were sent to the agent.", float64(l.Received))
	e.put("emf_documents_accepted_total", "counter", "Documents that were written down, to be delivered.", float64(l.Accepted))
	e.put("emf_bytes_accepted_total", "counter", "Bytes of those.", float64(l.Bytes))
	e.put("emf_documents_out_of_time_total", "counter", "Accepted documents of a time that CloudWatch makes no metrics of.", float64(l.Stale))
	for _, reason := range slices.Sorted(maps.Keys(l.Refused)) {
		e.put("emf_documents_refused_total", "counter", "Documents that were refused, by reason.", float64(l.Refused[reason]), "reason", reason)
	}
	e.put("emf_datagrams_dropped_total", "counter", "Datagrams that the kernel had no room for.", float64(l.Dropped))
	e.put("emf_connections", "gauge", "Connections that are open.", float64(l.Senders))
	e.put("emf_connections_turned_down_total", "counter", "Connections for which there was no room.", float64(l.Turned))
	e.put("emf_connections_too_slow_total", "counter", "Connections that were closed because a document did not end.", float64(l.Slow))
	for _, s := range l.Sockets {
		e.put("emf_listening", "gauge", "1 while the address is listened on.", truth(s.Error == ""), "address", s.Address)
	}
}

// events writes the series of what waits.
func (e *exposition) events(l *EventsLedger) {
	e.put("events_written_total", "counter", "Events that listeners have written down.", float64(l.Written.Events))
	e.put("events_disk_bytes", "gauge", "Bytes of disk that events take, acknowledged or not.", float64(l.DiskBytes))
	e.put("events_disk_bytes_allowed", "gauge", "Bytes of disk that events may take.", float64(l.DiskMost))
	e.put("events_log_streams", "gauge", "Log streams with events on disk.", float64(l.Streams))
}
