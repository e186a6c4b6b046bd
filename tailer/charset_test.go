package tailer

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// samples are charsets, and text that they can write.
var samples = map[string]string{
	"utf-8":        "日本 😀 ä",
	"windows-1252": "déjà vu – 5 €", "latin1": "Straße", "iso-8859-2": "Łódź", "koi8-r": "привет", "windows-1251": "Привет", "macintosh": "Ünïcode",
	"shift_jis": "表示 ソース エラー", "euc-jp": "エラーが発生", "iso-2022-jp": "エラー a 表", "gbk": "错误 日志", "gb18030": "错误 😀", "big5": "錯誤 許功蓋", "euc-kr": "오류 로그",
	"utf-16le": "日本 😀 ਊ", "utf-16be": "日本 😀 ਊ", "utf-16": "日本 😀 ਊ",
}

func encoded(t testing.TB, name, text string) []byte {
	t.Helper()
	enc, err := htmlindex.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := enc.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatalf("%s cannot write %q: %v", name, text, err)
	}
	return raw
}

func TestEachEncodingArrivesAsUTF8(t *testing.T) {
	t.Parallel()
	for name, text := range samples {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newTail(t, func(f *config.File) {
					f.Encoding = name
					f.Filters = []config.Filter{{Include: false, Expression: mustCompile("unwanted")}, {Include: true, Expression: mustCompile(string([]rune(text)[:1]))}}
				})
				a.write(string(encoded(t, name, text+" 1\r\n  "+text+" goes on\r\n\r\n")))
				a.start()
				a.write(string(encoded(t, name, "unwanted "+text+"\n"+text+" 2\n")))
				a.deliver()
				a.stop()
				a.start()
				raw := encoded(t, name, text+" 3\n"+text+" without an end")
				a.write(string(raw[:len(raw)/2+1])) // through a character, where there are longer ones
				a.deliver()
				a.write(string(raw[len(raw)/2+1:]))
				a.must(os.Rename(a.path(), a.path()+".1"))
				a.write("")
				a.deliver()
				a.want(text+" 1\n  "+text+" goes on\n", text+" 2", text+" 3", text+" without an end")
			})
		})
	}
}

func TestByteOrderMarkTellsWhichUTF16ItIs(t *testing.T) {
	t.Parallel()
	for _, order := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
		synctest.Test(t, func(t *testing.T) {
			a := newTail(t, func(f *config.File) { f.Encoding = "utf-16" })
			raw, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().Bytes([]byte("ä\n indented\n"))
			a.must(err)
			a.write(string(raw[:1]))
			a.start()
			a.deliver()
			a.write(string(raw[1:]))
			a.deliver()
			a.want("ä\n indented")
		})
	}
}

func TestBytesThatAreNoTextAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newTail(t, func(f *config.File) { f.Encoding = "shift_jis" })
		a.write("fine\nnot \xff\xff fine\n")
		a.start()
		a.deliver()
		a.want("fine", "not \ufffd\ufffd fine")
		if n := a.source.Ledger().Replaced; n != 1 {
			t.Errorf("%d events counted that hold what is no text, of 1", n)
		}
	})
}

func TestUnknownEncodingIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"klingon", "latin-ä", "iso-2022-kr", "utf_16le_"} {
		_, err := New(config.File{Path: "/var/log/x", Encoding: name}, Options{Memory: NewMemory(store{}), Log: nop})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"utf-8", "UTF-8", "utf8", "ascii", "UTF-16", "Shift_JIS", "iso-8859-15"} {
		if _, err := New(config.File{Path: "/var/log/x", Encoding: name}, Options{Memory: NewMemory(store{}), Log: nop}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// However a file grows and however long its lines are, the events hold the file's text.
func TestEventsOfEachEncodingHoldTheTextOfTheFile(t *testing.T) {
	t.Parallel()
	for name, text := range samples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := charsetOf(name)
			if err != nil {
				t.Fatal(err)
			}
			dice := rand.New(rand.NewPCG(uint64(len(name)), 1))
			longest := 40_000
			if name == "iso-2022-jp" {
				longest = 5_000 // where it is cut its escape sequences are lost
			}
			var all strings.Builder
			for all.Len() < 4<<20 {
				all.WriteString(strings.Repeat(text, 1+dice.IntN(3)*dice.IntN(longest)))
				all.WriteString([]string{"\n", "\r\n", "\n\t"}[dice.IntN(3)])
			}
			data := encoded(t, name, all.String())
			if c, err = c.of(bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			f, v := &growing{data: data}, takeWindow()
			var got strings.Builder
			offset := 0
			emit := func(found piece) {
				for raw := found.message; len(raw) > 0; {
					n := c.firstPiece(raw)
					message := v.decode(raw[:n])
					if n == 0 || len(message) > cloudwatch.MaxMessageBytes {
						t.Fatalf("a piece of %d bytes became %d", n, len(message))
					}
					got.Write(message)
					raw = raw[n:]
				}
				if len(found.message) == 0 {
					got.WriteString("\n") // a blank line
				}
				offset += found.size
				v.take(found.size)
			}
			for f.written = 1; ; f.written = min(f.written+1+dice.IntN(len(data)/8), len(data)) {
				v.charset = c
				for _, err = v.read(f, int64(offset+v.w-v.r)); err != io.EOF; _, err = v.read(f, int64(offset+v.w-v.r)) {
					for found, ok := v.next(startRule{}); ok; found, ok = v.next(startRule{}) {
						emit(found)
					}
				}
				if f.written == len(data) {
					break
				}
			}
			for found := v.last(startRule{}); found.size > 0; found = v.last(startRule{}) {
				emit(found)
			}
			plain := strings.NewReplacer("\r", "", "\n", "").Replace
			if offset != len(data) || plain(got.String()) != plain(all.String()) {
				t.Errorf("%d of %d bytes; the text is another one", offset, len(data))
			}
		})
	}
}
