package migrate

import (
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/tailer"
)

func TestEncodingsOfPython(t *testing.T) {
	f := func(python, want string, kind kinship) {
		t.Helper()
		if got, k := pythonCodec(python); got != want || k != kind {
			t.Errorf("%s: got %q (%d), want %q (%d)", python, got, k, want, kind)
		}
	}
	f("utf_8", "utf-8", same)
	f("UTF-8", "utf-8", same)
	f("U8", "utf-8", same)
	f("ascii", "windows-1252", same)
	f("latin_1", "windows-1252", same)
	f("ISO-8859-1", "windows-1252", same)
	f("iso8859_9", "windows-1254", same)
	f("cp874", "windows-874", same)
	f("cp1251", "windows-1251", same)
	f("cp850", "", plain)
	f("euc_jp", "euc-jp", same)
	f("EUC-JP", "euc-jp", same)
	f("sjis", "shift_jis", same)
	f("utf_16", "utf-16", same) // whose byte order the mark tells
	f("utf_16_be", "utf-16be", same)
	f("mac_roman", "macintosh", same)
	f("koi8-u", "koi8-u", same)
	f("gb2312", "gbk", same)
	f("hz", "gbk", near)
	f("cp737", "iso-8859-7", near)
	f("iso2022_jp", "iso-2022-jp", same)
	f("iso2022_jp_2", "", plain)
	f("iso2022_kr", "", plain)
	f("johab", "", plain)
	f("cp500", "", foreign)
	f("utf_32", "", foreign)
	f("rot_13", "", unheard)
	f("", "", unheard)
}

// The table has each codec and each alias once, spelled as it is looked up.
func TestTableOfEncodingsIsConsistent(t *testing.T) {
	of := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(codecs)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			t.Fatalf("%q is no line of the table", line)
		}
		for i, name := range fields {
			if i == 1 {
				continue
			}
			if name != codecName(name) {
				t.Errorf("%s is never found: it is looked up as %s", name, codecName(name))
			}
			if other := of[name]; other != "" && other != fields[0] {
				t.Errorf("%s is an alias of both %s and %s", name, other, fields[0])
			}
			of[name] = fields[0]
		}
	}
	if n := len(codecNames()); n < 95 {
		t.Errorf("only %d codecs", n)
	}
}

// Whatever name comes out of the table, the tailer decodes it: by Python's names, and by those that Fluent Bit and Telegraf have.
func TestTailerKnowsEveryEncodingThatIsTakenOver(t *testing.T) {
	taken := map[string]bool{}
	for _, name := range codecNames() {
		if here, kind := pythonCodec(name); kind == same || kind == near {
			taken[here] = true
		}
	}
	for here := range taken {
		if _, err := tailer.New(config.File{Path: "/var/log/app.log", Encoding: here}, tailer.Options{}); err != nil {
			t.Errorf("%s: %v", here, err)
		}
		if !isEncoding(here) {
			t.Errorf("%s is not taken over from Fluent Bit and Telegraf", here)
		}
	}
	if len(taken) < 35 {
		t.Errorf("only %d", len(taken))
	}
	if isEncoding("-") || isEncoding("!") || isEncoding("~gbk") {
		t.Error("a mark of the table counts as a name")
	}
}
