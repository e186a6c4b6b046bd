package explain

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/nephoscope/nephoscope/listeners"
)

// EMF is what would be listened for in the embedded metric format. What comes is known to the senders alone.
type EMF struct {
	Addresses []string     `json:"addresses"`
	Place     config.Place `json:"place"`
	LogGroup  string       `json:"log_group"`  // of documents that name none
	LogStream string       `json:"log_stream"` // the same
	DiskBytes int64        `json:"disk_bytes"` // that they may take until they are acknowledged
}

func emfReport(c *config.Config, plan *agent.Plan) *EMF {
	if emfOf(c) == nil {
		return nil
	}
	stream := c.Logs.LogStreamName
	if stream == "" && plan.OnEC2 {
		stream = "{instance_id}"
	}
	return &EMF{
		Addresses: addressesOf(c.Logs.EMF), Place: c.Logs.EMF.Place, LogGroup: listeners.DefaultEMFGroup, LogStream: cmp.Or(stream, plan.Hostname), DiskBytes: c.Logs.EventsBytes,
	}
}

func (e *EMF) write(p *printer) {
	p.heading("Embedded metric format")
	p.wrapped("  ", "listens on "+strings.Join(e.Addresses, ", "))
	p.wrapped("  ", fmt.Sprintf("→ the log group that a document names, else %s : %s", e.LogGroup, e.LogStream))
	p.wrapped("  ", fmt.Sprintf("up to %s of disk until they are acknowledged. What is sent, and costs, is up to the senders: it is not in the bill", output.Bytes(e.DiskBytes)))
}
