package output

import (
	"bytes"
	"testing"
)

func TestBytesHaveTheLargestUnit(t *testing.T) {
	f := func(n float64, want string) {
		t.Helper()
		if got := Bytes(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
	f(0, "0 B")
	f(1023, "1023 B")
	f(1024, "1.0 KiB")
	f(1<<30, "1.0 GiB")
	f(1.5*(1<<40), "1.5 TiB")
	f(1<<60, "1.0 EiB")
	f(1<<72, "4096.0 EiB")
}

func TestPrintableIsOneLineThatNoTerminalObeys(t *testing.T) {
	if got, want := Printable("a\x1b]0;owned\x07\nb\r\u009bc \xff é→"), "a\ufffd]0;owned\ufffd\ufffdb\ufffd\ufffdc \ufffd é→"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestJSONIsIndentedAndKeepsAngles(t *testing.T) {
	var out bytes.Buffer
	if err := JSON(&out, map[string]string{"a": "<&>"}); err != nil || out.String() != "{\n  \"a\": \"<&>\"\n}\n" {
		t.Errorf("%v: %s", err, &out)
	}
}
