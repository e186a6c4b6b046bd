package collectors

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/nephoscope/nephoscope/config"
)

// fakeBus is a system bus on which systemd alone answers.
type fakeBus struct {
	t        *testing.T
	listener net.Listener

	mu      sync.Mutex
	state   string
	units   []unitStatus
	aliases map[string]string
	counts  map[string]uint32 // restarts by unit
	refusal string            // error name of all answers; "": none
	refuses map[string]string // error names of answers about single units, by path
	ends    string            // the path at which the daemon ends; "": it goes on
	first   *dbus.Message     // sent ahead of what is asked; nil: nothing
	silent  bool              // nothing is answered
	shut    bool              // nor is anybody let in
	conns   []net.Conn
	calls   []string
}

// newFakeBus listens in a machine.
func newFakeBus(t *testing.T, m machine) *fakeBus {
	t.Helper()
	b := &fakeBus{t: t, state: "running", aliases: map[string]string{}, counts: map[string]uint32{}}
	b.listen(m)
	t.Cleanup(b.hangUp)
	return b
}

func (b *fakeBus) listen(m machine) {
	b.t.Helper()
	at := filepath.Join(m.Root, "run", systemBus)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		b.t.Fatal(err)
	}
	l, err := net.Listen("unix", at)
	if err != nil {
		b.t.Fatal(err)
	}
	b.listener = l
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns = append(b.conns, conn)
			b.mu.Unlock()
			go b.serve(conn)
		}
	}()
}

// hangUp is the end of the daemon.
func (b *fakeBus) hangUp() {
	b.listener.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.Close()
	}
}

func (b *fakeBus) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// serve lets everybody in, as whoever they say they are, and answers calls.
func (b *fakeBus) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	if zero, err := in.ReadByte(); err != nil || zero != 0 {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		answer := "ERROR\r\n"
		switch words := strings.Fields(line); {
		case words[0] == "BEGIN":
			b.answer(conn, in)
			return
		case words[0] == "AUTH" && len(words) == 1:
			answer = "REJECTED EXTERNAL\r\n"
		case words[0] == "AUTH":
			answer = "OK 0123456789abcdef0123456789abcdef\r\n"
		}
		b.mu.Lock()
		shut := b.shut
		b.mu.Unlock()
		if shut {
			continue
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

func (b *fakeBus) answer(conn net.Conn, in io.Reader) {
	for {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		if m := b.first; m != nil && m.EncodeTo(conn, binary.LittleEndian) != nil {
			return
		}
		body, refusal, silent := b.reply(call)
		if silent {
			continue
		}
		reply := &dbus.Message{Type: dbus.TypeMethodReply, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(call.Serial()), dbus.FieldSender: dbus.MakeVariant("org.freedesktop.DBus"),
			dbus.FieldDestination: dbus.MakeVariant(":1.1"),
		}}
		if refusal != "" {
			reply.Type, reply.Body = dbus.TypeError, []any{"no"}
			reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant(refusal)
		}
		if len(reply.Body) > 0 {
			reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(reply.Body...))
		}
		if err := reply.EncodeTo(conn, binary.LittleEndian); err != nil {
			return
		}
	}
}

func (b *fakeBus) reply(call *dbus.Message) (body []any, refusal string, silent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	member, _ := call.Headers[dbus.FieldMember].Value().(string)
	path, _ := call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	b.calls = append(b.calls, member)
	if call.Flags&dbus.FlagNoAutoStart == 0 && member != "Hello" {
		return nil, "org.freedesktop.DBus.Error.Spawn.ChildExited", false // the daemon's helper has started /bin/false
	}
	if member == "Hello" {
		return []any{":1.1"}, "", false
	}
	switch {
	case b.silent || b.refusal != "":
		return nil, b.refusal, b.silent
	case member == "ListUnits":
		return []any{b.units}, "", false
	case member == "ListUnitsByNames":
		return []any{b.byNames(call.Body[0].([]string))}, "", false
	case member == "Get" && call.Body[1] == "SystemState":
		return []any{dbus.MakeVariant(b.state)}, "", false
	case path == dbus.ObjectPath(b.ends):
		b.ends = ""
		for _, c := range b.conns {
			c.Close()
		}
		return nil, "", true
	case b.refuses[string(path)] != "":
		return nil, b.refuses[string(path)], false
	case member == "Get" && call.Body[1] == "NRestarts":
		if n, there := b.counts[string(path)]; there {
			return []any{dbus.MakeVariant(n)}, "", false
		}
		return nil, "org.freedesktop.DBus.Error.UnknownObject", false
	}
	return nil, "org.freedesktop.DBus.Error.UnknownMethod", false
}

func (b *fakeBus) byNames(names []string) (found []unitStatus) {
	for _, name := range names {
		if !unitName.MatchString(name) {
			continue // as systemd does
		}
		u := unit(name, "inactive")
		u.Load = "not-found"
		for _, other := range b.units {
			if other.Name == name || other.Name == b.aliases[name] {
				u = other
			}
		}
		found = append(found, u)
	}
	return found
}

func unit(name, active string) unitStatus {
	return unitStatus{Name: name, Load: "loaded", Active: active, Path: dbus.ObjectPath("/u/" + strings.NewReplacer(".", "_", "@", "_", "-", "_").Replace(name)), JobPath: "/"}
}

// busy is a host with some units.
func busy(b *fakeBus) {
	gone := unit("syslog.target", "inactive")
	gone.Load = "not-found" // something wants it, and there is none
	b.units = []unitStatus{
		unit("nginx.service", "active"), unit("app@1.service", "reloading"), unit("app@2.service", "failed"), unit("cron.service", "activating"),
		unit("mariadb.service", "active"), unit("rescue.target", "inactive"), unit("data.mount", "active"), gone,
	}
	b.aliases["mysql.service"] = "mariadb.service"
	b.counts = map[string]uint32{"/u/nginx_service": 3, "/u/app_1_service": 0, "/u/app_2_service": 7}
	b.state = "degraded"
}

func watchingUnits(resources ...string) config.Plugin {
	p := measuring("systemd", "unit_active", "unit_failed", "unit_restarts")
	p.Resources = resources
	return p
}

func TestStateOfSystemd(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := newFakeBus(t, m)
	busy(b)
	c := mustBuild(t, rest(everything("systemd"), rowsOf(unitTable)), m.Host)
	want := map[string]string{
		"systemd_running{}": "0", "systemd_degraded{}": "1", "systemd_units_active{}": "3", "systemd_units_failed{}": "1",
		"systemd_units_inactive{}": "1", "systemd_units_activating{}": "1", "systemd_units_deactivating{}": "0", "systemd_units_reloading{}": "1",
	}
	wantAt(t, c, 0, want)
	b.change(func() { b.state, b.units = "running", b.units[:1] })
	wantAt(t, c, 1, map[string]string{
		"systemd_running{}": "1", "systemd_degraded{}": "0", "systemd_units_active{}": "1", "systemd_units_failed{}": "0",
		"systemd_units_inactive{}": "0", "systemd_units_activating{}": "0", "systemd_units_deactivating{}": "0", "systemd_units_reloading{}": "0",
	})
	if len(b.conns) != 1 {
		t.Errorf("%d connections", len(b.conns))
	}
}

func TestUnitsThatAreNamed(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := newFakeBus(t, m)
	busy(b)
	c := mustBuild(t, watchingUnits("nginx", "mysql.service", "app@*.service", "nosuch.timer", "data.mount"), m.Host)
	state := map[string]string{
		"systemd_unit_active{unit=nginx.service}": "1", "systemd_unit_failed{unit=nginx.service}": "0",
		"systemd_unit_active{unit=mysql.service}": "1", "systemd_unit_failed{unit=mysql.service}": "0", // under the name it was asked for
		"systemd_unit_active{unit=app@1.service}": "1", "systemd_unit_failed{unit=app@1.service}": "0",
		"systemd_unit_active{unit=app@2.service}": "0", "systemd_unit_failed{unit=app@2.service}": "1",
		"systemd_unit_active{unit=nosuch.timer}": "0", "systemd_unit_failed{unit=nosuch.timer}": "0",
		"systemd_unit_active{unit=data.mount}": "1", "systemd_unit_failed{unit=data.mount}": "0",
	}
	wantAt(t, c, 0, state)
	b.change(func() {
		b.counts = map[string]uint32{"/u/nginx_service": 5, "/u/app_1_service": 0, "/u/app_2_service": 0} // app@2 was started by hand
	})
	state["systemd_unit_restarts{unit=nginx.service}"], state["systemd_unit_restarts{unit=app@1.service}"] = "2", "0"
	wantAt(t, c, 60, state)
	if advice := c.(Adviser).Advise(t.Context()); len(advice) != 1 || !strings.Contains(advice[0].Error(), `there is no unit "nosuch.timer"`) {
		t.Errorf("advice: %v", advice)
	}
}

func TestUnitsAreListedOnlyForPatterns(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := newFakeBus(t, m)
	busy(b)
	p := measuring("systemd", "unit_active")
	p.Resources = []string{"nginx.service"}
	expect(t, collect(t, mustBuild(t, p, m.Host)), map[string]float64{"systemd_unit_active{unit=nginx.service}": 1})
	if calls := strings.Join(b.calls, " "); calls != "Hello ListUnitsByNames" {
		t.Errorf("asked: %s", calls)
	}
	p.Resources = []string{"*"}
	if got := collect(t, mustBuild(t, p, m.Host)); len(got) != 7 {
		t.Errorf("all units: %v", got)
	}
}

func TestBusThatComesBack(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := measuring("systemd", "running")
	c := mustBuild(t, p, m.Host)
	fails := func(complaint string) {
		t.Helper()
		if got, err := collectSome(t, c); err == nil || len(got) > 0 || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%v, %v; want %q", got, err, complaint)
		}
	}
	fails("there is no system bus at")
	b := newFakeBus(t, m)
	b.refusal = "org.freedesktop.DBus.Error.ServiceUnknown"
	fails("ask systemd: nobody on the system bus is systemd: does it run here?")
	b.change(func() { b.refusal = "org.freedesktop.DBus.Error.AccessDenied" })
	fails("does not let this user ask")
	b.change(func() { b.refusal = "" })
	expect(t, collect(t, c), map[string]float64{"systemd_running{}": 1})
	if len(b.conns) != 1 {
		t.Errorf("%d connections for refusals", len(b.conns))
	}
	b.hangUp()
	if got, err := collectSome(t, c); err == nil || len(got) > 0 {
		t.Errorf("without a daemon: %v, %v", got, err)
	}
	b.listen(m)
	expect(t, collect(t, c), map[string]float64{"systemd_running{}": 1})
}

func TestBusThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := newFakeBus(t, m)
	c := mustBuild(t, measuring("systemd", "running"), m.Host).(*systemdCollector)
	c.patience = 50 * time.Millisecond
	for _, when := range []*bool{&b.shut, &b.silent} {
		b.change(func() { *when = true })
		if got, err := collectSome(t, c); err == nil || len(got) > 0 || err.Error() != "ask systemd: no answer within 50ms" {
			t.Errorf("%v, %v", got, err)
		}
		b.change(func() { b.shut = false })
	}
	c.patience = maxPatience
	b.change(func() { b.silent = false })
	expect(t, collect(t, c), map[string]float64{"systemd_running{}": 1})
}

// A round that fails half way takes no restarts with it, and tells once why it failed.
func TestRestartsOutliveARoundThatFails(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := newFakeBus(t, m)
	busy(b)
	p := measuring("systemd", "unit_active", "unit_restarts")
	p.Resources = []string{"app@*.service", "nginx.service"}
	c := mustBuild(t, p, m.Host)
	active := map[string]float64{ // of all of them, whatever becomes of the restarts
		"systemd_unit_active{unit=app@1.service}": 1, "systemd_unit_active{unit=app@2.service}": 0, "systemd_unit_active{unit=nginx.service}": 1,
	}
	with := func(restarts map[string]float64) map[string]float64 {
		maps.Copy(restarts, active)
		return restarts
	}
	expect(t, collect(t, c), active)
	count := func(app1, app2, nginx uint32) {
		b.change(func() {
			b.counts = map[string]uint32{"/u/app_1_service": app1, "/u/app_2_service": app2, "/u/nginx_service": nginx}
		})
	}
	some := func(complaint string, want map[string]float64) {
		t.Helper()
		got, err := collectSome(t, c)
		if expect(t, got, with(want)); err == nil || strings.Count(err.Error(), "restarts of") != 1 || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%v, want %q", err, complaint)
		}
	}
	count(1, 9, 5)
	b.change(func() { b.ends = "/u/app_2_service" })
	some("restarts of app@2.service", map[string]float64{"systemd_unit_restarts{unit=app@1.service}": 1})
	count(1, 10, 6)
	expect(t, collect(t, c), with(map[string]float64{
		"systemd_unit_restarts{unit=app@1.service}": 0, "systemd_unit_restarts{unit=app@2.service}": 3, "systemd_unit_restarts{unit=nginx.service}": 3,
	}))
	count(2, 11, 7)
	const noReply = "org.freedesktop.DBus.Error.NoReply"
	b.change(func() { b.refuses = map[string]string{"/u/app_1_service": noReply, "/u/app_2_service": noReply} })
	some("restarts of app@1.service", map[string]float64{"systemd_unit_restarts{unit=nginx.service}": 1})
	b.change(func() { b.refuses = nil })
	expect(t, collect(t, c), with(map[string]float64{
		"systemd_unit_restarts{unit=app@1.service}": 1, "systemd_unit_restarts{unit=app@2.service}": 1, "systemd_unit_restarts{unit=nginx.service}": 0,
	}))
}

// systemd answers nothing at all, or leaves out one of them silently, when it is asked for what cannot be a unit.
func TestNamesThatNoUnitCanHave(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := newFakeBus(t, m)
	busy(b)
	f := func(name, complaint string) {
		t.Helper()
		p := measuring("systemd", "unit_active")
		p.Resources = []string{"nginx.service", name}
		c, problems := Build(p, m.Host)
		if len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].Error(), complaint) {
			t.Errorf("%q: %v", name, problems)
		}
		expect(t, collect(t, c), map[string]float64{"systemd_unit_active{unit=nginx.service}": 1})
		p.Resources = p.Resources[1:]
		if c, problems := Build(p, m.Host); c != nil || len(problems) != 1 {
			t.Errorf("%q alone: %v, %v", name, c, problems)
		}
	}
	f("app@.service", `"app@.service" is a template`)
	f("app@", `"app@.service" is a template`)
	f("/var/lib", `no unit can be called "/var/lib.service"`)
	f("my app", `no unit can be called "my app.service"`)
	f("@1.service", `no unit can be called "@1.service"`)
	f(".service", `no unit can be called ".service"`)
	f("größe.service", "no unit can be called")
	f(strings.Repeat("a", 248)+".service", "no unit can be called")
	for _, name := range []string{`a\x2db.mount`, "-.mount", "-.slice", "a@b@c.service", "a@@.service", "a:b_c.target", strings.Repeat("a", 247)} {
		p := measuring("systemd", "unit_active")
		p.Resources = []string{name}
		if c, problems := Build(p, m.Host); c == nil || len(problems) > 0 {
			t.Errorf("%q: %v", name, problems)
		}
	}
}

// What a bus says that nobody asked for is nothing to us, also where it is no proper message.
func TestBusThatTalksNonsense(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := newFakeBus(t, m)
	head := func(member string) map[dbus.HeaderField]dbus.Variant {
		return map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/")), dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.DBus"),
			dbus.FieldMember: dbus.MakeVariant(member), dbus.FieldSender: dbus.MakeVariant("org.freedesktop.DBus"),
		}
	}
	for _, first := range []*dbus.Message{
		{Type: dbus.TypeSignal, Headers: head("NameLost")},
		{Type: dbus.TypeSignal, Headers: head("NameAcquired")},
		{Type: dbus.TypeMethodCall, Headers: head("Introspect")},
	} {
		b.change(func() { b.first = first })
		c := mustBuild(t, measuring("systemd", "running"), m.Host)
		for range 2 {
			expect(t, collect(t, c), map[string]float64{"systemd_running{}": 1})
		}
	}
}

// Nobody tells a collector that it is no longer needed but the context of its collections.
func TestConnectionEndsWithTheCollector(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	newFakeBus(t, m)
	c := mustBuild(t, measuring("systemd", "running"), m.Host).(*systemdCollector)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := c.Collect(ctx, noon); err != nil || !c.bus.bus.Connected() {
		t.Fatalf("%v", err)
	}
	cancel()
	<-c.bus.bus.Context().Done()
}

func TestUnitsTakeResources(t *testing.T) {
	t.Parallel()
	c, problems := Build(measuring("systemd", "unit_active"), newMachine(t).Host)
	if c != nil || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].Error(), "resources names none") {
		t.Errorf("%v, %v", c, problems)
	}
	p := watchingUnits("nginx.service")
	p.Measurements = append(p.Measurements, config.Measurement{Name: "unit_happy"})
	if c, problems := Build(p, newMachine(t).Host); c != nil || errors.Join(problems) == nil {
		t.Errorf("%v, %v", c, problems)
	}
}
