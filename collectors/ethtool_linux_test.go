package collectors

import (
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

func (m machine) nics(json string, up ...string) {
	m.write("ethtool.json", json)
	m.write("sys/class/net/lo/flags", "0x9\n")
	for _, name := range []string{"eth0", "eth1", "veth7"} {
		flags := "0x1002\n"
		if slices.Contains(up, name) {
			flags = "0x1003\n"
		}
		m.write("sys/class/net/"+name+"/flags", flags)
	}
}

func ethtoolOf(t *testing.T, m machine, change func(*config.Plugin)) Collector {
	t.Helper()
	p := config.Plugin{Name: "ethtool"}
	if change != nil {
		change(&p)
	}
	return mustBuild(t, p, m.Host)
}

func TestEthtoolSendsWhatDriversCountAsItIs(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.nics(`{"eth0": {"driver": "ena", "stats": {"tx_timeout": 7, "interface_up": 3}}, "eth1": {"driver": "mlx5_core", "stats": {"rx": 18446744073709551615}},
		"lo": {"driver": "loopback", "stats": {"x": 1}}}`, "eth0")
	c := ethtoolOf(t, m, nil)
	want := map[string]float64{
		"ethtool_tx_timeout{driver=ena,interface=eth0}": 7, "ethtool_interface_up_counter{driver=ena,interface=eth0}": 3,
		"ethtool_interface_up{driver=ena,interface=eth0}": 1, "ethtool_interface_up{driver=mlx5_core,interface=eth1}": 0,
		"ethtool_rx{driver=mlx5_core,interface=eth1}": 18446744073709551615,
	}
	expect(t, collect(t, c), want)
	expect(t, collect(t, c), want)
}

func TestEthtoolSelections(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.nics(`{"eth0": {"driver": "a", "stats": {"rx": 1, "tx": 2}}, "eth1": {"driver": "a", "stats": {"rx": 1, "rx_drops": 2}}, "veth7": {"driver": "veth", "stats": {"tx": 1}}}`)
	f := func(want string, change func(*config.Plugin)) {
		t.Helper()
		var got []string
		for series := range collect(t, ethtoolOf(t, m, change)) {
			name, dims, _ := strings.Cut(strings.TrimPrefix(series, "ethtool_"), "{")
			_, nic, _ := strings.Cut(strings.TrimSuffix(dims, "}"), "interface=")
			got = append(got, nic+":"+name)
		}
		if slices.Sort(got); strings.Join(got, " ") != want {
			t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
		}
	}
	f("eth0:rx eth1:rx", func(p *config.Plugin) { p.MetricsInclude = []string{"rx"} })
	f("eth0:rx eth1:rx eth1:rx_drops", func(p *config.Plugin) { p.MetricsInclude = []string{"ethtool_rx*"} })
	f("eth0:interface_up eth1:interface_up", func(p *config.Plugin) {
		p.MetricsInclude, p.InterfaceExclude = []string{"interface_up"}, []string{"veth*"}
	})
	f("eth1:interface_up eth1:rx eth1:rx_drops", func(p *config.Plugin) { p.InterfaceInclude = []string{"eth1"} })
	f("", func(p *config.Plugin) { p.InterfaceInclude, p.InterfaceExclude = []string{"eth*"}, []string{"eth?"} })
	if c, problems := Build(config.Plugin{Name: "ethtool", InterfaceExclude: []string{"*"}}, m.Host); c != nil || len(problems) != 1 || !problems[0].Warning {
		t.Errorf("all are excluded: %v, %v", c, problems)
	}
}

func TestEthtoolRollUpsAndDimensionsOfItsOwn(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.nics(`{"eth0": {"driver": "a", "stats": {"rx": 1, "tx": 2}}}`)
	data, err := ethtoolOf(t, m, func(p *config.Plugin) {
		p.DropOriginal, p.AppendDimensions = []string{"ethtool_rx"}, map[string]string{"team": "blue"}
	}).Collect(t.Context(), noon)
	if err != nil || len(data) != 3 {
		t.Fatal(data, err)
	}
	for _, d := range data {
		if d.RollUpOnly != (d.Name == "ethtool_rx") || !slices.Contains(d.Dimensions, cloudwatch.Dimension{Name: "team", Value: "blue"}) {
			t.Errorf("got %+v", d)
		}
	}
}

func TestInterfacesComeAndGoAndChangeTheirDriver(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := ethtoolOf(t, m, func(p *config.Plugin) { p.MetricsInclude = []string{"*x"} })
	m.nics(`{"eth0": {"driver": "a", "stats": {"rx": 1}}}`)
	expect(t, collect(t, c), map[string]float64{"ethtool_rx{driver=a,interface=eth0}": 1})
	m.nics(`{"eth0": {"driver": "b", "stats": {"rx": 1}}, "eth1": {"driver": "a", "stats": {"rx": 2}}}`)
	expect(t, collect(t, c), map[string]float64{"ethtool_rx{driver=b,interface=eth0}": 1, "ethtool_rx{driver=a,interface=eth1}": 2})
	m.nics(`{"eth1": {"driver": "a", "stats": {"rx": 2, "tx": 3}}}`) // a queue more
	expect(t, collect(t, c), map[string]float64{"ethtool_rx{driver=a,interface=eth1}": 2, "ethtool_tx{driver=a,interface=eth1}": 3})
	m.nics(`{}`)
	expect(t, collect(t, c), nil)
}

func TestNamesOfCountersAreParted(t *testing.T) {
	t.Parallel()
	text := make([]byte, 3*ethtoolNameBytes)
	copy(text, "rx_bytes")
	copy(text[ethtoolNameBytes:], " [0]: a name of thirty-two bytes!")
	copy(text[2*ethtoolNameBytes:], "tx\x00left over")
	if got := splitNames(text, 9); !slices.Equal(got, []string{"rx_bytes", "[0]: a name of thirty-two bytes", "tx"}) {
		t.Errorf("got %q", got)
	}
}

// On the machine that runs the test the kernel is asked.
func TestDriversOfThisMachineAreAsked(t *testing.T) {
	r := newNICReader(Host{})
	links, err := r.links()
	end, err2 := r.begin()
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	defer end()
	for _, l := range links {
		first, _, err1 := r.read(l.name)
		names, counters, err2 := r.read(l.name)
		if err1 != nil || err2 != nil || names != first || names != nil && (len(names.counters) != len(counters) || names.driver == "") {
			t.Errorf("%s: %v, %d counters, %v, %v", l.name, names, len(counters), err1, err2)
		}
	}
	if names, _, err := r.read("no-such-nic"); names != nil || err != nil {
		t.Errorf("an interface that is gone: %v, %v", names, err)
	}
	if names, _, err := r.read("a-name-that-is-far-too-long"); names != nil {
		t.Errorf("a name that none can have: %v, %v", names, err)
	}
}
