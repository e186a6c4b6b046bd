package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func archive(members ...string) []byte {
	b := bytes.NewBufferString(arMagic)
	for i := 0; i < len(members); i += 2 {
		fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", members[i], 7, 0, 0, "100644", len(members[i+1]), members[i+1])
		if len(members[i+1])%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func TestOnlyTheDataIsCompressed(t *testing.T) {
	shorter := func(plain []byte) ([]byte, error) { return plain[:3], nil }
	got, err := recompress(archive("debian-binary", "2.0\n", "control.tar.gz", "odd", "data.tar", "12345678"), shorter)
	if want := archive("debian-binary", "2.0\n", "control.tar.gz", "odd", "data.tar.xz", "123"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
	}
}

func TestWhatIsNoPackageIsRefused(t *testing.T) {
	failing := func([]byte) ([]byte, error) { return nil, errors.New("no") }
	for _, deb := range [][]byte{nil, []byte("PK"), archive("debian-binary", "2.0\n"), archive("data.tar", "1234")[:70], archive("data.tar", "1234")} {
		if _, err := recompress(deb, failing); err == nil {
			t.Errorf("%q was taken", deb)
		}
	}
}
