package collectors

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// seed gives a fuzz test the same file of every captured machine.
func seed(f *testing.F, name string) {
	files, err := filepath.Glob(filepath.Join("testdata", "hosts", "*", "*", name))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
}

func FuzzDiskstats(f *testing.F) {
	seed(f, "proc/diskstats")
	f.Add(" 8 0 sda 1 0 0 0 0 0 0 0 0 0")
	f.Add(" 8 0 sda 18446744073709551615 0 18446744073709551615 0 0 0 0 0 0 0 0")
	f.Fuzz(func(t *testing.T, text string) {
		devices, err := parseDiskstats(text)
		if err == nil && len(devices) > strings.Count(text, "\n")+1 {
			t.Errorf("%d devices", len(devices))
		}
		for _, d := range devices {
			if d.name == "" || strings.ContainsAny(d.name, " \n\t") || d == (device{name: d.name}) {
				t.Errorf("got %+v", d)
			}
		}
	})
}

func FuzzMountinfo(f *testing.F) {
	seed(f, "proc/1/mountinfo")
	f.Add(`36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`)
	f.Add("1 2 3 4 / 6 - x")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, _ := parseMountinfo(text)
		for _, m := range mounts {
			if !strings.HasPrefix(m.path, "/") || m.fstype == "" || strings.Contains(m.device, " ") {
				t.Errorf("got %+v", m)
			}
		}
	})
}

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{`/a\040b`, `\134`, `\`, `\04`, `\777`, `\+12`, `a\011\012\043`} {
		f.Add(s)
	}
	escape := strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`, "#", `\043`)
	f.Fuzz(func(t *testing.T, s string) {
		unescape(s)
		if got := unescape(escape.Replace(s)); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	})
}

func FuzzGlob(f *testing.F) {
	for _, s := range []string{"sd[!a-c]*", "{a,b}", "[", "]", "}", "{,", "[]", "[!]", "nvme?n1", "[a-", "\xff*", "\xce{"} {
		f.Add(s, "sda")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		re := globs([]string{pattern})
		if re == nil {
			return
		}
		re.MatchString(name)
		plain := utf8.ValidString(pattern) && !strings.ContainsAny(pattern, "*?[{")
		if plain && !re.MatchString(strings.TrimPrefix(pattern, "/dev/")) {
			t.Errorf("%q does not match itself", pattern)
		}
	})
}

func FuzzCapturedUsage(f *testing.F) {
	seed(f, "statfs.json")
	f.Fuzz(func(t *testing.T, text string) {
		if u, err := parseCapturedUsage([]byte(text), "/"); (u == nil) == (err == nil) {
			t.Errorf("got %v, %v", u, err)
		}
	})
}

func FuzzNvidia(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "nvidia", "*.xml"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`<!DOCTYPE "><nvidia_smi_log><gpu><fan_speed>1e309 %</fan_speed></gpu></nvidia_smi_log>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		gpus, err := parseNvidia(text)
		if err != nil && gpus != nil {
			t.Errorf("%d processors, %v", len(gpus), err)
		}
		for i := range gpus {
			for _, r := range nvidiaTable {
				if v := r.value(&gpus[i]); v < 0 {
					t.Errorf("%s is %g", r.name, v)
				}
			}
		}
	})
}

func FuzzLogPage(f *testing.F) {
	page := make([]byte, amazonLogBytes)
	f.Add(page, true)
	binary.LittleEndian.PutUint64(page, ebsMark)
	f.Add(page, true)
	f.Add(page[:96], true)
	f.Add(page[:95], true)
	binary.LittleEndian.PutUint64(page, storeMark|1<<40)
	f.Add(page, false)
	f.Fuzz(func(t *testing.T, page []byte, ebs bool) {
		model := storeModel
		if ebs {
			model = ebsModel
		}
		c, err := parseLogPage(page, model)
		if err != nil {
			return
		}
		if mark := binary.LittleEndian.Uint32(page); ebs && mark != ebsMark || !ebs && mark != storeMark {
			t.Errorf("a page with the mark %#x was taken", mark)
		}
		if want := binary.LittleEndian.Uint64(page[88:]); c[nvmeQueue] != want {
			t.Errorf("the queue is %d, want %d", c[nvmeQueue], want)
		}
		var none, grown nvmeCounters
		if !since(c[:], none[:], grown[:]) || grown != c {
			t.Error("nothing is less than zero")
		}
	})
}

func FuzzCounterNames(f *testing.F) {
	f.Add([]byte("rx_bytes\x00"), 1)
	f.Fuzz(func(t *testing.T, text []byte, count int) {
		if count < 0 {
			return
		}
		for _, name := range splitNames(text, count) {
			if len(name) > ethtoolNameBytes || strings.ContainsRune(name, 0) {
				t.Errorf("got %q", name)
			}
		}
	})
}
