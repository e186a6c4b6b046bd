package collectors

import (
	"math"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// efaCounted are the counters of an Elastic Fabric Adapter: the files below hw_counters, in the order of efaTable.
var efaCounted = [...]struct {
	name, file string // the original calls what is in rx_drops rx_dropped
	unit       cloudwatch.Unit
}{
	{"impaired_remote_conn_events", "impaired_remote_conn_events", cloudwatch.None},
	{"rdma_read_bytes", "rdma_read_bytes", cloudwatch.Bytes},
	{"rdma_read_resp_bytes", "rdma_read_resp_bytes", cloudwatch.Bytes},
	{"rdma_read_wr_err", "rdma_read_wr_err", cloudwatch.None},
	{"rdma_read_wrs", "rdma_read_wrs", cloudwatch.None},
	{"rdma_write_bytes", "rdma_write_bytes", cloudwatch.Bytes},
	{"rdma_write_recv_bytes", "rdma_write_recv_bytes", cloudwatch.Bytes},
	{"rdma_write_wr_err", "rdma_write_wr_err", cloudwatch.None},
	{"rdma_write_wrs", "rdma_write_wrs", cloudwatch.None},
	{"recv_bytes", "recv_bytes", cloudwatch.Bytes},
	{"recv_wrs", "recv_wrs", cloudwatch.None},
	{"retrans_bytes", "retrans_bytes", cloudwatch.Bytes},
	{"retrans_pkts", "retrans_pkts", cloudwatch.None},
	{"retrans_timeout_events", "retrans_timeout_events", cloudwatch.None},
	{"rx_bytes", "rx_bytes", cloudwatch.Bytes},
	{"rx_dropped", "rx_drops", cloudwatch.None},
	{"rx_pkts", "rx_pkts", cloudwatch.None},
	{"send_bytes", "send_bytes", cloudwatch.Bytes},
	{"send_wrs", "send_wrs", cloudwatch.None},
	{"tx_bytes", "tx_bytes", cloudwatch.Bytes},
	{"tx_pkts", "tx_pkts", cloudwatch.None},
	{"unresponsive_remote_events", "unresponsive_remote_events", cloudwatch.None},
}

// efaCounters are those of one port. What the driver does not count is not there.
type efaCounters [len(efaCounted)]struct {
	n     uint64
	there bool
}

// efaReading is what a port's counters grew by since the last Collect; NaN where there is no telling.
type efaReading [len(efaCounted)]float64

// efaTable: all are differences, as the original sends them.
var efaTable = efaRows()

func efaRows() (table []row[efaReading]) {
	for i, c := range efaCounted {
		table = append(table, row[efaReading]{c.name, c.unit, func(r *efaReading) float64 { return r[i] }})
	}
	return table
}

// since compares with the reading before; nil: there is none. An adapter that was reset counts all from zero, so one counter
// that went backwards discredits all.
func (n *efaCounters) since(last *efaCounters) (r efaReading) {
	known := last != nil
	for i := range n {
		known = known && (!n[i].there || !last[i].there || n[i].n >= last[i].n)
	}
	for i := range n {
		if r[i] = math.NaN(); known && n[i].there && last[i].there {
			r[i] = float64(n[i].n - last[i].n)
		}
	}
	return r
}
