package collectors

import (
	"errors"
	"strings"
	"testing"
)

func TestEFASendsDifferencesOfWhatIsCounted(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	const folder = "sys/class/infiniband/efa_0/ports/1/hw_counters/"
	c := mustBuild(t, measuring("efa", "efa_rx_bytes", "rx_dropped", "tx_bytes", "retrans_pkts"), m.Host)
	m.write(folder+"rx_bytes", "100\n")
	m.write(folder+"rx_drops", "7\n")
	m.write(folder+"tx_bytes", "5\n")
	expect(t, collect(t, c), nil)
	m.write(folder+"rx_bytes", "160\n")
	m.write(folder+"rx_drops", "7\n")
	want := map[string]float64{"efa_rx_bytes{device=efa_0,port=1}": 60, "efa_rx_dropped{device=efa_0,port=1}": 0, "efa_tx_bytes{device=efa_0,port=1}": 0}
	expect(t, collect(t, c), want)
	m.write(folder+"tx_bytes", "4\n") // it was reset
	expect(t, collect(t, c), nil)
	m.write(folder+"retrans_pkts", "9\n") // a driver that counts more
	m.write(folder+"rx_bytes", "garbage")
	got, err := collectSome(t, c)
	expect(t, got, nil)
	if err == nil || !strings.Contains(err.Error(), `efa_0 port 1: rx_bytes makes no sense: "garbage"`) {
		t.Errorf("error is %v", err)
	}
	m.write(folder+"rx_bytes", "200\n")
	expect(t, collect(t, c), nil) // what came meanwhile is of more than an interval
}

func TestHostWithoutFabricAdapterIsNoFailure(t *testing.T) {
	t.Parallel()
	got, err := collectSome(t, mustBuild(t, everything("efa"), newMachine(t).Host))
	if _, notice := errors.AsType[Notice](err); !notice || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}
