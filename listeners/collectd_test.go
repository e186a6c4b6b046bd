package listeners

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"collectd.org/api"
	"collectd.org/network"
)

// aCollectd has an authentication file with the user alice.
func aCollectd(t testing.TB, options string) *collectd {
	t.Helper()
	auth := filepath.Join(t.TempDir(), "auth")
	if err := os.WriteFile(auth, []byte("# who may send\nbob: b:ob\nalice: w0nder"), 0o600); err != nil { // without an end of line
		t.Fatal(err)
	}
	if options != "" {
		options = ", " + options
	}
	c := newCollectd(plugin(t, `"collectd": {"collectd_auth_file": "`+auth+`", "collectd_typesdb": []`+options+`}`), &Sockets{})
	c.types, c.clock = knownTypes(), func() time.Time { return noon }
	return c
}

// sentBy is a packet as collectd's own library makes it.
func sentBy(t testing.TB, secure func(*network.Buffer), lists ...*api.ValueList) []byte {
	t.Helper()
	b := network.NewBuffer(0)
	if secure != nil {
		secure(b)
	}
	for _, l := range lists {
		if err := b.Write(context.Background(), l); err != nil {
			t.Fatal(err)
		}
	}
	packet := make([]byte, 2000)
	n, err := b.Read(packet)
	if err != nil {
		t.Fatal(err)
	}
	return packet[:n]
}

func list(plugin, instance, of, typeInstance string, values ...api.Value) *api.ValueList {
	return &api.ValueList{
		Identifier: api.Identifier{Host: "web1", Plugin: plugin, PluginInstance: instance, Type: of, TypeInstance: typeInstance},
		Time:       noon.Add(7 * time.Second), Interval: 10 * time.Second, Values: values,
	}
}

func alice(password string) func(*network.Buffer) {
	return func(b *network.Buffer) { b.Encrypt("alice", password) }
}

func signedBy(user, password string) func(*network.Buffer) {
	return func(b *network.Buffer) { b.Sign(user, password) }
}

func TestValuesOfCollectd(t *testing.T) {
	t.Parallel()
	c := aCollectd(t, `"collectd_security_level": "none", "append_dimensions": {"fleet": "a", "type": "never"}, "drop_original_metrics": ["load_midterm", "collectd_load_longterm"]`)
	c.packet(sentBy(t, nil,
		list("load", "", "load", "", api.Gauge(0.5), api.Gauge(1), api.Gauge(2)),
		list("interface", "eth0", "if_octets", "", api.Derive(11), api.Derive(-12)),
		list("cpu", "0", "cpu", "idle", api.Derive(4711)),
		list("memory", "", "memory", "used", api.Gauge(1e9), api.Gauge(2)), // more than is known of
		list("mine", "", "unheard_of", "", api.Counter(1<<63)),
		list("temperature", "", "temperature", "", api.Gauge(-7)),
		list("void", "", "gauge", "", api.Gauge(math.NaN())),
	))
	later := list("cpu", "0", "cpu", "idle", api.Derive(4712))
	later.Time = noon.Add(17 * time.Second)
	c.packet(sentBy(t, nil, later))
	if got := collect(t, c, noon.Add(50*time.Second)); len(got) > 0 {
		t.Errorf("got %q before the minute was over", got)
	}
	const at = " None 1m0s @12:00:00 "
	want := []string{
		"collectd_cpu_value{fleet=a host=web1 instance=0 type=cpu type_instance=idle}" + at + "4711×1 4712×1",
		"collectd_interface_rx{fleet=a host=web1 instance=eth0 type=if_octets}" + at + "11×1",
		"collectd_interface_tx{fleet=a host=web1 instance=eth0 type=if_octets}" + at + "-12×1",
		"collectd_load_longterm{fleet=a host=web1 type=load}" + at + "2×1 roll-ups alone",
		"collectd_load_midterm{fleet=a host=web1 type=load}" + at + "1×1 roll-ups alone",
		"collectd_load_shortterm{fleet=a host=web1 type=load}" + at + "0.5×1",
		"collectd_memory_0{fleet=a host=web1 type=memory type_instance=used}" + at + "1e+09×1",
		"collectd_memory_1{fleet=a host=web1 type=memory type_instance=used}" + at + "2×1",
		"collectd_mine_value{fleet=a host=web1 type=unheard_of}" + at + "9.223372036854776e+18×1",
		"collectd_temperature_value{fleet=a host=web1 type=temperature}" + at + "-7×1",
	}
	if got := collect(t, c, noon.Add(time.Minute)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := c.Counts(); n.Parsed != 11 || n.Dropped[NotFinite] != 1 || n.Malformed != 0 || n.Series != 10 {
		t.Errorf("got %+v", n)
	}
}

func TestSecurityLevels(t *testing.T) {
	t.Parallel()
	one := list("load", "", "load", "", api.Gauge(1), api.Gauge(2), api.Gauge(3))
	packets := map[string][]byte{
		"plain": sentBy(t, nil, one), "signed": sentBy(t, signedBy("alice", "w0nder"), one), "encrypted": sentBy(t, alice("w0nder"), one),
		"signed wrongly": sentBy(t, signedBy("alice", "wonder"), one), "encrypted wrongly": sentBy(t, alice("wonder"), one),
		"signed by mallory": sentBy(t, signedBy("mallory", "w0nder"), one),
		"bob's":             sentBy(t, signedBy("bob", "b:ob"), one),
	}
	f := func(level, packet string, parsed int64, reason string) {
		t.Helper()
		c := aCollectd(t, `"collectd_security_level": "`+level+`"`)
		c.packet(packets[packet])
		n := c.Counts()
		var reasons []string
		for r, n := range n.Dropped {
			reasons = append(reasons, fmt.Sprint(r, n))
		}
		if want := reason + "1"; n.Parsed != parsed || n.Malformed > 0 || reason != "" && !slices.Equal(reasons, []string{want}) || reason == "" && len(reasons) > 0 {
			t.Errorf("%s at %s: got %d values, %d malformed, dropped %q, want %d and %q", packet, level, n.Parsed, n.Malformed, reasons, parsed, reason)
		}
	}
	for _, packet := range []string{"plain", "signed", "encrypted", "signed by mallory", "bob's"} {
		f("none", packet, 3, "")
	}
	f("sign", "plain", 0, NotSigned)
	f("sign", "signed", 3, "")
	f("sign", "bob's", 3, "")
	f("sign", "encrypted", 3, "")
	f("sign", "signed by mallory", 0, UnknownUser)
	f("encrypt", "plain", 0, NotEncrypted)
	f("encrypt", "signed", 0, NotEncrypted)
	f("encrypt", "encrypted", 3, "")
	f("encrypt", "signed by mallory", 0, UnknownUser)
	for _, level := range []string{"none", "sign", "encrypt"} {
		f(level, "signed wrongly", 0, WrongPassword)
		f(level, "encrypted wrongly", 0, WrongPassword)
	}
	packets["appended"] = append(slices.Clone(packets["encrypted"]), packets["plain"]...) // somebody has added to it
	f("sign", "appended", 3, NotSigned)
	packets["prepended"] = append(slices.Clone(packets["plain"]), packets["signed"]...)
	f("sign", "prepended", 3, NotSigned)
}

func TestUsersAreReadAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	c := aCollectd(t, `"collectd_security_level": "sign"`)
	packet := sentBy(t, signedBy("carol", "new"), list("a", "", "gauge", "", api.Gauge(1)))
	c.packet(packet)
	if err := os.WriteFile(c.users.file, []byte("carol: new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.users.looked = time.Time{}
	c.packet(packet)
	if n := c.Counts(); n.Dropped[UnknownUser] != 1 || n.Parsed != 1 {
		t.Errorf("got %+v", n)
	}
	os.Remove(c.users.file)
	c.users.looked = time.Time{}
	if _, err := c.Collect(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "read collectd_auth_file") {
		t.Errorf("got %v of a file that is gone", err)
	}
	c.packet(packet)
	if n := c.Counts(); n.Parsed != 2 {
		t.Errorf("those known before are forgotten: %+v", n)
	}
}

// A line without a password lets nobody in, and what is no file is not waited for.
func TestUsersWithoutAPassword(t *testing.T) {
	t.Parallel()
	c := aCollectd(t, `"collectd_security_level": "sign"`)
	if err := os.WriteFile(c.users.file, []byte("alice:\nbob: \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"alice", "bob"} {
		c.packet(sentBy(t, signedBy(user, ""), list("a", "", "gauge", "", api.Gauge(1))))
	}
	if n := c.Counts(); n.Dropped[UnknownUser] != 2 || n.Parsed != 0 {
		t.Errorf("got %+v", n)
	}
	c = aCollectd(t, "")
	c.users.file = os.DevNull
	if _, err := c.Collect(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "read collectd_auth_file: "+os.DevNull+" is no regular file") {
		t.Errorf("got %v", err)
	}
	if err := c.types.read(os.DevNull); err == nil || !strings.Contains(err.Error(), "read collectd_typesdb: "+os.DevNull+" is no regular file") {
		t.Errorf("got %v", err)
	}
}

// part is one of the protocol.
func part(kind uint16, payload ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	return append(binary.BigEndian.AppendUint16(b, uint16(4+len(payload))), payload...)
}

func TestMalformedPacketsOfCollectd(t *testing.T) {
	t.Parallel()
	host, name, one := part(partHost, []byte("h\x00")...), part(partPlugin, []byte("p\x00")...), part(partValues, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 9)
	f := func(parsed, malformed int64, dropped string, parts ...[]byte) {
		t.Helper()
		c := aCollectd(t, `"collectd_security_level": "none"`)
		c.packet(slices.Concat(parts...))
		n := c.Counts()
		if n.Parsed != parsed || n.Malformed != malformed || dropped != "" && n.Dropped[dropped] == 0 || dropped == "" && len(n.Dropped) > 0 {
			t.Errorf("%x: got %+v, want %d parsed, %d malformed, %q", slices.Concat(parts...), n, parsed, malformed, dropped)
		}
	}
	f(0, 0, "")
	f(1, 0, "", host, name, one) // absolute, which collectd's library does not know
	f(1, 0, "", host, name, part(0x1234, 1, 2, 3), one)
	f(1, 0, Events, name, one, part(partMessage, []byte("on fire\x00")...))
	f(1, 1, "", host, name, one, []byte{0})
	f(0, 1, "", host, one) // of no plugin
	f(0, 1, "", name, part(partHost, []byte("h")...), one)
	f(0, 1, "", name, part(partHost), one)
	f(0, 1, "", name, part(partHost, []byte("h\x00i\x00")...), one)
	f(0, 1, "", name, []byte{0, 0, 0, 3, 1})
	f(0, 1, "", name, []byte{0, 0, 0xff, 0xff, 1})
	f(0, 1, "", name, part(partTime, 1, 2, 3), one)
	f(0, 1, "", name, part(partValues, 0, 0))
	f(0, 1, "", name, part(partValues, 0x71, 0xc8, 1, 1, 1, 1, 1, 1, 1, 1)) // 0x71c8 × 9 passes 2^16
	f(0, 1, "", name, part(partValues, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0))    // of no kind
	f(0, 0, WrongTime, name, part(partTime, 0, 0, 0, 0, 0, 0, 0, 1), one)   // 1970
	f(0, 0, WrongTime, name, part(partTimeHR, 255, 255, 255, 255, 255, 255, 255, 255), one)
	f(0, 1, "", part(partEncryption, 0), one)
	f(0, 1, "", part(partSignature, 1, 2, 3), one)
}

// Within what is encrypted nothing may be signed or encrypted again: one datagram is read once.
func TestSecurityIsNotNested(t *testing.T) {
	t.Parallel()
	inner := sentBy(t, nil, list("a", "", "gauge", "", api.Gauge(1)))
	sign := func(b []byte) []byte {
		mac := hmac.New(sha256.New, []byte("w0nder"))
		mac.Write([]byte("alice"))
		mac.Write(b)
		return append(part(partSignature, append(mac.Sum(nil), "alice"...)...), b...)
	}
	c := aCollectd(t, `"collectd_security_level": "none"`)
	c.packet(sign(sign(sign(inner))))
	if n := c.Counts(); n.Parsed != 0 || n.Malformed != 1 {
		t.Errorf("got %+v", n)
	}
	c.packet(sign(inner))
	if n := c.Counts(); n.Parsed != 1 {
		t.Errorf("got %+v", n)
	}
}

// What somebody has put before a signature is not signed, and nothing behind it may mean something else for it.
func TestWhatIsSignedDoesNotDependOnWhatIsBeforeIt(t *testing.T) {
	t.Parallel()
	c := aCollectd(t, `"collectd_security_level": "sign"`)
	packet := sentBy(t, signedBy("alice", "w0nder"), list("a", "", "gauge", "", api.Gauge(1)))
	c.packet(append(slices.Concat(part(partPluginInstance, []byte("forged\x00")...), part(partTypeInstance, []byte("forged\x00")...)), packet...))
	want := []string{"collectd_a_value{host=web1 type=gauge} None 1m0s @12:00:00 1×1"}
	if got := collect(t, c, noon.Add(time.Minute)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is refused takes no room either.
func TestValuesThatAreRefusedTakeNoRoom(t *testing.T) {
	t.Parallel()
	w := windows{width: time.Minute, held: mostHeld}
	for i := range 10 {
		if w.add(&series{}, noon.Add(time.Duration(i)*time.Hour), 1) || w.merge(&series{}, noon, &distribution{one: 1, times: 1}) == 0 {
			t.Fatal("taken beyond the bound")
		}
	}
	if len(w.open) > 0 {
		t.Errorf("%d windows are open", len(w.open))
	}
}

// Each datum takes room of its own, however few values it has.
func TestSeriesOfManyTimesAreBounded(t *testing.T) {
	t.Parallel()
	c := aCollectd(t, `"collectd_security_level": "none"`)
	packet := slices.Concat(part(partPlugin, []byte("p\x00")...), part(partType, []byte("t\x00")...), part(partValues, append([]byte{0x13, 0x88}, make([]byte, 9*5000)...)...))
	for i := range 50 { // 5000 series in each of 50 minutes
		c.packet(append(part(partTime, binary.BigEndian.AppendUint64(nil, uint64(noon.Unix()-60*int64(i)))...), packet...))
	}
	n := c.Counts()
	data, err := c.Collect(t.Context(), noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != mostData || n.Parsed != mostData || n.Dropped[TooVaried] != 50*5000-mostData {
		t.Errorf("got %d data, %d parsed, dropped %v", len(data), n.Parsed, n.Dropped)
	}
	if c.packet(packet); c.Counts().Parsed != mostData+5000 {
		t.Errorf("what was handed over still takes room: %+v", c.Counts())
	}
}

// A clock that is set, or a host that has slept, makes nothing that is sent right after it too late or too early.
func TestTimesAreHeldAgainstTheClock(t *testing.T) {
	t.Parallel()
	c := aCollectd(t, `"collectd_security_level": "none"`)
	at := noon.Add(-30 * 24 * time.Hour)
	c.clock = func() time.Time { return at }
	packet := sentBy(t, nil, list("a", "", "gauge", "", api.Gauge(1)))
	c.packet(packet)
	at = noon
	c.packet(packet)
	if n := c.Counts(); n.Dropped[WrongTime] != 1 || n.Parsed != 1 {
		t.Errorf("got %+v", n)
	}
}

func TestTypesOfAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "types.db")
	if err := os.WriteFile(file, []byte("# mine\nload one:GAUGE:0:U, two:GAUGE:0:U\nqueue\tdepth:GAUGE:0:U,age:GAUGE:0:U # both\nbroken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCollectd(plugin(t, `"collectd": {"collectd_security_level": "none", "service_address": "`+free(t)+`", "collectd_typesdb": ["/nowhere/types.db", "`+file+`"]}`), &Sockets{})
	listening(t, c)
	for want, got := range map[string]string{"two": c.types.name([]byte("load"), 1, 2), "1": c.types.name([]byte("load"), 1, 3), "age": c.types.name([]byte("queue"), 1, 2), "value": c.types.name([]byte("cpu"), 0, 1)} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := c.Collect(t.Context(), noon); err == nil || !strings.Contains(err.Error(), file+":4: ") || strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
}

// Whatever comes, nothing fails; and what collectd's own library understands we understand as it does.
func FuzzCollectd(f *testing.F) {
	one := list("load", "x", "load", "y", api.Gauge(1), api.Gauge(2), api.Gauge(3))
	for _, secure := range []func(*network.Buffer){nil, signedBy("alice", "w0nder"), alice("w0nder"), alice("no")} {
		f.Add(sentBy(f, secure, one, list("cpu", "0", "cpu", "idle", api.Derive(-1), api.Counter(7))))
	}
	f.Add(part(partValues, 0x71, 0xc8, 1, 1))
	f.Fuzz(func(t *testing.T, packet []byte) {
		passwords := map[string]string{"alice": "w0nder"}
		var ours []string
		r := packetReader{
			password: func(user string) (string, bool) { p, ok := passwords[user]; return p, ok },
			notice:   func() {},
			values: func(l *valueList) {
				for i := range l.kinds {
					ours = append(ours, fmt.Sprint(l.level, string(l.host), string(l.plugin), string(l.of), l.at.Unix(), l.value(i)))
				}
			},
		}
		before := slices.Clone(packet)
		err := r.read(packet)
		if !slices.Equal(before, packet) {
			t.Fatal("the packet was written to")
		}
		c := newCollectd(plugin(t, `"collectd": {"collectd_security_level": "none"}`), &Sockets{})
		c.types, c.clock, c.users.file = knownTypes(), func() time.Time { return noon }, "/nowhere"
		c.packet(packet)
		data, _ := c.Collect(t.Context(), noon.Add(400*time.Hour))
		if c.Counts().Parsed > 0 && len(data) == 0 {
			t.Error("values were taken, and nothing came of them")
		}
		if err != nil || len(packet) == 0 || binary.BigEndian.Uint16(packet) != partEncryption {
			return // the library reads signed packets twice, does not know all kinds, and says nothing of what it leaves out
		}
		lists, err := network.Parse(packet, network.ParseOpts{PasswordLookup: lookup(passwords), SecurityLevel: network.Encrypt})
		if err != nil {
			return
		}
		var theirs []string
		for _, l := range lists {
			for _, v := range l.Values {
				var x float64
				switch v := v.(type) {
				case api.Gauge:
					x = float64(v)
				case api.Derive:
					x = float64(v)
				case api.Counter:
					x = float64(v)
				}
				theirs = append(theirs, fmt.Sprint(encrypted, l.Host, l.Plugin, l.Type, l.Time.Unix(), x))
			}
		}
		if !slices.Equal(ours, theirs) {
			t.Errorf("got %q, the library %q", ours, theirs)
		}
	})
}

type lookup map[string]string

func (l lookup) Password(user string) (string, error) {
	if p, ok := l[user]; ok {
		return p, nil
	}
	return "", fmt.Errorf("nobody is called %q", user)
}
