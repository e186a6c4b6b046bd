package manpage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func sample() *cobra.Command {
	root := &cobra.Command{Use: "tool", Short: "A tool", Long: "Does things.\n\nExit status: 0 fine."}
	sub := &cobra.Command{
		Use:   "mend [FILE|- ...]",
		Short: "Mend what is broken: mender",
		Long: `Mend mends <NAME> and *all* others with a_b_c.
.It does not begin a request.

Actions:
  one        the first, which
             goes on
  two-three  the second

It says:

  - a thing
    in two lines
  - another

As typed:
    x  =  'y' \n

Exit status: 0 mended, 1 not.`,
		Example: "  tool mend - <x",
		Run:     func(*cobra.Command, []string) {},
	}
	sub.Flags().StringP("state", "s", "/var/lib/tool", "keep state in `folder`")
	sub.Flags().Bool("quiet", false, "say nothing")
	sub.Flags().Bool("secret", false, "")
	_ = sub.Flags().MarkHidden("secret") // it is there
	root.AddCommand(sub)
	return root
}

const want = `.TH TOOL\-MEND 1 2026-11-20 "tool 1.2.3" Nephoscope
.nh
.ad l
.SH NAME
tool\-mend \- mend what is broken: mender
.SH SYNOPSIS
.B tool mend
[FILE|\- ...] [flags]
.SH DESCRIPTION
Mend mends <NAME> and *all* others with a_b_c.
\&.It does not begin a request.
.PP
Actions:
.TP
\fBone\fR
the first, which
goes on
.TP
\fBtwo\-three\fR
the second
.PP
It says:
.PP
.IP \(bu 2
a thing
in two lines
.IP \(bu 2
another
.PP
As typed:
.RS 2
.nf
  x  =  \(aqy\(aq \en
.fi
.RE
.SH OPTIONS
.TP
\fB\-h\fR, \fB\-\-help\fR
help for mend
.TP
\fB\-\-quiet\fR
say nothing
.TP
\fB\-s\fR, \fB\-\-state\fR \fIfolder\fR
keep state in folder (default /var/lib/tool)
.SH EXAMPLES
.nf
tool mend \- <x
.fi
.SH EXIT STATUS
0 mended, 1 not.
.SH SEE ALSO
\fBtool\fR(1)
`

func TestPageSaysWhatTheHelpSays(t *testing.T) {
	var b strings.Builder
	page := Page{Name: "tool-mend", Command: "tool mend", Version: "tool 1.2.3", Date: time.Unix(1795200000, 0), See: []string{"tool"}}
	if err := Write(&b, sample().Commands()[0], page); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestEveryCommandAndEveryOtherNameHasAPage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1795200000")
	dir := t.TempDir()
	root := sample()
	root.AddCommand(Command(root, "tool 1.2.3", map[string]string{"mender": "mend"}))
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"tool.1":      ".SH COMMANDS\n.TP\n\\fBmend\\fR\nMend what is broken: mender\n.SH OPTIONS\n",
		"tool-mend.1": ".SH SEE ALSO\n\\fBmender\\fR(1),\n\\fBtool\\fR(1)\n",
		"mender.1":    ".SH NAME\nmender \\- mend what is broken\n.SH SYNOPSIS\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %v\n%s\nwant in it\n%s", name, err, got, want)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 3 {
		t.Errorf("%d pages (%v), want 3", len(all), err)
	}
}

func TestPagesWithoutATimeAreRefused(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "")
	root := sample()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.AddCommand(Command(root, "", nil))
	root.SetArgs([]string{"man", t.TempDir()})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("got %v", err)
	}
}
