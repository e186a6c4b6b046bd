// Package manpage writes a manual page for each command, from what the commands say of themselves. It is built into no program
// that is shipped: cmd/nephoscope and cmd/nephoscope-local import it behind the build tag man.
//
// Not by cobra/doc: it takes the text of commands for Markdown, which swallows <NAME> and *, and fills tables as if they were
// sentences.
package manpage

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Page is what is on a page beside what the command knows.
type Page struct {
	Name    string // of the page: nephoscope-run
	Command string // as it is typed: nephoscope run
	Version string
	Date    time.Time
	See     []string // other pages, without their section

	Commands []*cobra.Command // below the command
}

// Write writes the page of a command.
func Write(w io.Writer, cmd *cobra.Command, p Page) error {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	text, usage, exit, example := split(cmd)
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 %s %q Nephoscope\n.nh\n.ad l\n", strings.ToUpper(escape(p.Name)), p.Date.UTC().Format(time.DateOnly), p.Version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escape(p.Name), escape(lowerFirst(strings.TrimSuffix(cmd.Short, ": "+p.Name))))
	synopsis(&b, cmd, p.Command, usage)
	b.WriteString(".SH DESCRIPTION\n")
	prose(&b, text)
	if len(p.Commands) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range p.Commands {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR\n%s\n", escape(sub.Name()), escape(sub.Short))
		}
	}
	if !cmd.DisableFlagParsing {
		options(&b, cmd)
	}
	if example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", escapeLines(strings.ReplaceAll(example, cmd.CommandPath(), p.Command)))
	}
	if exit != "" {
		b.WriteString(".SH EXIT STATUS\n")
		prose(&b, exit)
	}
	if len(p.See) > 0 {
		pages := make([]string, len(p.See))
		for i, page := range p.See {
			pages[i] = `\fB` + escape(page) + `\fR(1)`
		}
		fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(pages, ",\n"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func available(cmd *cobra.Command) (subs []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			subs = append(subs, sub)
		}
	}
	return subs
}

// synopsis is usage, if the command describes its own, else what cobra makes of it.
func synopsis(b *strings.Builder, cmd *cobra.Command, typed, usage string) {
	if usage == "" {
		usage = cmd.UseLine()
	}
	arguments := strings.TrimSpace(strings.TrimPrefix(usage, cmd.CommandPath()))
	fmt.Fprintf(b, ".SH SYNOPSIS\n.B %s\n%s\n", escape(typed), escape(arguments))
}

func options(b *strings.Builder, cmd *cobra.Command) {
	b.WriteString(".SH OPTIONS\n")
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := `\fB` + escape("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + escape("-"+f.Shorthand) + `\fR, ` + name
		}
		if kind != "" {
			name += ` \fI` + escape(kind) + `\fR`
		}
		if quiet := f.DefValue == "" || f.DefValue == "false" || f.DefValue == "[]" || f.DefValue == "0" || f.DefValue == "0s"; !quiet && !strings.Contains(usage, "(default") {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, ".TP\n%s\n%s\n", name, escape(usage))
	})
}

// split takes what has a section of its own out of a command's description.
func split(cmd *cobra.Command) (text, usage, exit, example string) {
	text, example = cmd.Long, cmd.Example
	if text == "" {
		text = cmd.Short + "."
	}
	var rest []string
	for _, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		switch head, tail, _ := strings.Cut(paragraph, ":"); {
		case head == "Usage":
			usage = strings.TrimSpace(tail)
		case head == "Exit status":
			exit = strings.TrimSpace(tail)
		case head == "Example" || head == "Examples":
			example = strings.Trim(tail, "\n")
		default:
			rest = append(rest, paragraph)
		}
	}
	return strings.Join(rest, "\n\n"), usage, exit, example
}

var (
	bullet = regexp.MustCompile(`^ +- (.*)$`)
	entry  = regexp.MustCompile(`^  ?(\S.*?)\s{2,}(\S.*)$`)
)

// prose sets paragraphs. An indented line is an item of a list if it begins with a dash, an entry if a gap divides it in two,
// and else stands as it is.
func prose(b *strings.Builder, text string) {
	verbatim, listed := false, false
	end := func() {
		if verbatim {
			b.WriteString(".fi\n.RE\n")
		}
		verbatim = false
	}
	for _, line := range strings.Split(text, "\n") {
		indented := strings.HasPrefix(line, "  ")
		switch item, pair := bullet.FindStringSubmatch(line), entry.FindStringSubmatch(line); {
		case strings.TrimSpace(line) == "":
			end()
			b.WriteString(".PP\n")
			listed = false
		case item != nil:
			end()
			fmt.Fprintf(b, ".IP \\(bu 2\n%s\n", escape(item[1]))
			listed = true
		case pair != nil && !verbatim:
			fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n%s\n", escape(pair[1]), escape(pair[2]))
			listed = true
		case indented && listed:
			b.WriteString(escape(strings.TrimSpace(line)) + "\n")
		case indented:
			if !verbatim {
				b.WriteString(".RS 2\n.nf\n")
			}
			verbatim = true
			b.WriteString(escape(line[2:]) + "\n")
		default:
			end()
			if listed {
				b.WriteString(".PP\n")
				listed = false
			}
			b.WriteString(escape(line) + "\n")
		}
	}
	end()
}

func escapeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = escape(strings.TrimPrefix(line, "  "))
	}
	return strings.Join(lines, "\n")
}

var special = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", "\\(ga", `^`, `\(ha`, `~`, `\(ti`)

// escape is a line in which nothing means anything to troff.
func escape(line string) string {
	line = special.Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}

func lowerFirst(text string) string {
	if len(text) > 1 && text[1] >= 'a' {
		return strings.ToLower(text[:1]) + text[1:]
	}
	return text
}
