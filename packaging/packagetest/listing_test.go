//go:build packages

package packagetest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What a host has is what packaging/tools/testdata says is in the package, and what installing it adds.
func TestWhatIsInstalledIsAsListed(t *testing.T) {
	t.Parallel()
	h := install(t)
	const show = `-printf '%p%y %#m %u:%g -> %l\n' | sed -E 's/d (0[0-7]+) /\/ \1 /; s/[fl] (0[0-7]+) / \1 /; s/ -> $//'`
	got := strings.Split(strings.TrimSpace(h.run(`
		dpkg -L nephoscope | grep -v '^/\.$' | while read -r f; do find "$f" -maxdepth 0 `+show+`; done
		find /var/lib/nephoscope /var/lib/nephoscope-package /run/amazon -maxdepth 1 `+show+`
		getent passwd cwagent | cut -d: -f1,2,5-7; id -Gn cwagent`)), "\n")
	raw, err := os.ReadFile("../tools/testdata/nephoscope.listing")
	h.must(err)
	_, files, found := strings.Cut(string(raw), "\n\n")
	if !found {
		t.Fatal("there are no files in the listing")
	}
	want := strings.Split(strings.TrimSpace(strings.Replace(files, "/logs/ 0755 root:root", "/logs/ 0755 cwagent:cwagent", 1)), "\n")
	want = append(want,
		"/var/lib/nephoscope/ 0700 cwagent:cwagent",
		"/var/lib/nephoscope-package/ 0755 root:root",
		"/var/lib/nephoscope-package/made-group 0644 root:root",
		"/var/lib/nephoscope-package/made-user 0644 root:root",
		"/run/amazon/ 0755 root:root",
		"/run/amazon/amazon-cloudwatch-agent 0777 root:root -> /opt/aws/amazon-cloudwatch-agent/var",
		"cwagent:x:Cloudwatch Agent:/home/cwagent:/usr/sbin/nologin", "cwagent",
	)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("there is\n%s\nand should be\n%s", strings.Join(without(got, want), "\n"), strings.Join(without(want, got), "\n"))
	}
}
