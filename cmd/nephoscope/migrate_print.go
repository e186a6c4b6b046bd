package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/migrate"
	"github.com/nephoscope/nephoscope/internal/output"
)

// print is the report for people.
func (r *report) print(w io.Writer, apply bool) {
	fmt.Fprintf(w, "From %s\n", names()[r.From])
	for _, f := range r.Files {
		fmt.Fprintln(w, "  "+f)
	}
	if len(r.Mistakes) > 0 {
		heading(w, "Mistakes: nothing is taken over before they are gone")
		list(w, r.Mistakes)
	}
	if len(r.Carried) > 0 {
		heading(w, "What carries on")
		for _, c := range r.Carried {
			fmt.Fprintf(w, "  %s:%d:\n    before: %s\n    here:   %s\n", c.File, c.Line, c.Before, c.After)
		}
	}
	if r.From == migrate.FromOriginal && len(r.Mistakes) == 0 {
		heading(w, "The configuration is read as it is: names, dimensions, log groups and streams stay the same")
	}
	if len(r.Notes) > 0 {
		heading(w, "What means something else, or is not taken over")
		list(w, r.Notes)
	}
	if len(r.Differences) > 0 {
		heading(w, "What this agent does differently on purpose (docs/decisions/0002-different-from-the-original.md)")
		list(w, r.Differences)
	}
	if len(r.Checkpoints) > 0 {
		heading(w, "Checkpoints (a file that this agent has read before goes on by its own)")
		for _, c := range r.Checkpoints {
			fmt.Fprintln(w, "  "+output.Printable(checkpointLine(c)))
		}
	}
	if len(r.Config) > 0 && (!apply || len(r.Mistakes) > 0) {
		heading(w, "The result")
		for line := range strings.Lines(string(r.Config)) {
			fmt.Fprint(w, "  "+line)
		}
	}
	heading(w, r.outcome(apply))
	if r.Backup != "" {
		fmt.Fprintln(w, "  What was there is kept in "+r.Backup)
	}
	if len(r.Next) > 0 && len(r.Mistakes) == 0 {
		heading(w, "To run")
		for _, line := range r.Next {
			fmt.Fprintln(w, "  "+line)
		}
	}
}

// outcome says what was changed.
func (r *report) outcome(apply bool) string {
	switch {
	case r.Refused != "":
		return "Nothing was changed: " + r.Refused
	case r.Changed:
		return "Stored in " + r.Target
	case r.Same:
		return "Nothing to do: " + r.Target + " holds just that already"
	case r.Target == "" && len(r.Mistakes) == 0 && r.From == migrate.FromOriginal:
		return "Nothing was changed, and there is nothing to convert"
	case r.Target != "" && !apply && len(r.Mistakes) == 0:
		return "Nothing was changed. With --apply this is stored in " + r.Target
	}
	return "Nothing was changed"
}

func names() map[string]string {
	return map[string]string{migrate.FromOriginal: "the Amazon CloudWatch agent", migrate.FromAwsLogs: "the CloudWatch Logs agent (awslogs)",
		migrate.FromFluentBit: "Fluent Bit", migrate.FromTelegraf: "Telegraf"}
}

func heading(w io.Writer, text string) { fmt.Fprintf(w, "\n%s\n", text) }

func list(w io.Writer, problems []config.Problem) {
	for _, p := range problems {
		fmt.Fprintln(w, "  "+p.Error())
	}
}

// checkpointLine says of one log file where reading goes on.
func checkpointLine(c migrate.Checkpoint) string {
	name := c.Path
	if name == "" {
		name = c.State
	}
	switch {
	case c.Problem != "":
		return fmt.Sprintf("%s: not adopted: %s", name, c.Problem)
	case !c.Followed:
		return fmt.Sprintf("%s: not adopted: %s", name, c.Reason)
	case !c.Adopted && c.Size < 0:
		return fmt.Sprintf("%s: nothing is there now, and %s", name, c.Reason)
	case !c.Adopted:
		return fmt.Sprintf("%s: read from its beginning (%d bytes): %s", name, c.Size, c.Reason)
	}
	rest := fmt.Sprintf("%d bytes of %d are unread", c.Unread, c.Size)
	if c.Unread < 0 {
		rest = fmt.Sprintf("of a compressed file of %d bytes", c.Size)
	}
	line := fmt.Sprintf("%s: goes on at byte %d of %s: %s; %s", name, c.From, c.File, rest, c.Reason)
	if c.Gaps {
		line += "; it left gaps, and what it had acknowledged behind the first is sent again"
	}
	return line
}
