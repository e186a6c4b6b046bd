package migrate

import (
	"strings"
	"testing"
)

// A file that is not TOML may hold a secret where it is not.
func TestMistakesInTOMLQuoteNoValue(t *testing.T) {
	for _, line := range []string{
		`secret_key = wJalrXUtn`, `secret_key = "wJalrXUtn\xZZ"`, `secret_key = "wJalrXUtn\uZZ"`, `secret_key = "wJalrXUtn\q"`,
		`secret_key = "wJalrXUtn`, `secret_key = 'wJalrXUtn' wJalrXUtn`, `secret_key "wJalrXUtn"`, `secret_key = true-wJalrXUtn`,
	} {
		m := newImporting()
		m.readTOML(document{name: "telegraf.conf", src: []byte("[[outputs.cloudwatch]]\n" + line + "\n")})
		if len(m.mistakes) != 1 || strings.Contains(m.mistakes.Error(), "wJalr") || strings.Contains(m.mistakes.Error(), "UtnF") {
			t.Errorf("%s: got %v", line, m.mistakes)
		}
	}
	f := func(src, want string) {
		t.Helper()
		m := newImporting()
		if m.readTOML(document{name: "telegraf.conf", src: []byte(src)}); m.mistakes.Error() != want {
			t.Errorf("got %s, want %s", m.mistakes, want)
		}
	}
	f("[a]\nb = 1\nb = 2\n", "telegraf.conf:3:1: not TOML: Key 'a.b' has already been defined.")
	f("[agent\n", `telegraf.conf:1:7: not TOML: expected '.' or ']' to end table name, but got '\n' instead`)
}
