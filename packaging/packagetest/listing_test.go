//go:build packages

package packagetest

import (
	"os"
	"strings"
	"testing"
)

// The listing is the interface of the package: what is where, whose it is, and what of it belongs to the operator.
// UPDATE_WANT=1 writes it anew.
func TestWhatIsInstalledIsAsListed(t *testing.T) {
	t.Parallel()
	h := install(t)
	got := h.run(`dpkg -L nephoscope | sort | while read -r f; do
		case $f in /.|/bin|/etc|/etc/amazon|/lib|/opt|/run|/usr|/usr/bin|/usr/lib|/usr/share|/usr/share/doc|/usr/share/man|/usr/share/man/man[0-9]|/var|/var/lib|/var/log) continue;; esac
		find "$f" -maxdepth 0 -printf '%M %u:%g %p' ; if [ -L "$f" ]; then printf ' -> %s' "$(readlink "$f")"; fi; echo
	done
	find /var/lib/nephoscope /run/amazon -printf '%M %u:%g %p -> %l\n' | sed 's/ -> $//' | sort
	dpkg-query -W -f '${Conffiles}\n' nephoscope | awk '{print "conffile", $1}'
	dpkg-query -W -f 'Conflicts: ${Conflicts}\nReplaces: ${Replaces}\nProvides: ${Provides}\nDepends: ${Depends}\n' nephoscope
	getent passwd cwagent | cut -d: -f1,5-7; id -Gn cwagent`)
	const path = "testdata/listing.txt"
	if os.Getenv("UPDATE_WANT") != "" {
		h.must(os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	h.must(err)
	if got != string(want) {
		a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		t.Errorf("there is\n%s\nand should be\n%s\n(UPDATE_WANT=1 make test-package writes %s)", strings.Join(without(a, b), "\n"), strings.Join(without(b, a), "\n"), path)
	}
}
