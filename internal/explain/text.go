package explain

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nephoscope/nephoscope/internal/output"
)

// Widths and lengths of the report for people.
const (
	columns   = 100
	fewFiles  = 5 // that are listed of each entry unless all are wanted: those that grow fastest
	fewPassed = 3
)

// Write writes a report for people: what it comes to first, then the parts. all has every series and every file in it.
func (r *Report) Write(w io.Writer, all bool) error {
	p := &printer{w: w}
	r.summary(p)
	for _, warning := range r.Warnings {
		p.wrapped("", "warning: "+warning.Error())
	}
	if r.Metrics != nil {
		r.Metrics.write(p, all)
	}
	if r.Logs != nil {
		r.Logs.write(p, all)
	}
	if r.EMF != nil {
		r.EMF.write(p)
	}
	if r.Prometheus != nil {
		r.Prometheus.write(p)
	}
	r.Bill.write(p, all)
	if len(r.Limits) > 0 {
		p.heading("Limits")
		for _, l := range r.Limits {
			p.wrapped("  ", l.Error())
		}
	}
	r.permissions(p)
	r.advice(p)
	return p.err
}

// printer writes lines that fit a terminal.
type printer struct {
	w   io.Writer
	err error // the first
}

func (p *printer) line(format string, args ...any) {
	if _, err := fmt.Fprintln(p.w, strings.TrimRight(output.Printable(fmt.Sprintf(format, args...)), " ")); p.err == nil {
		p.err = err
	}
}

func (p *printer) heading(name string) {
	p.line("")
	p.line("%s", name)
}

// wrapped writes a paragraph, all lines but the first indented further.
func (p *printer) wrapped(indent, text string) {
	for i, line := range wrap(text, columns-len(indent)-4) {
		if i > 0 {
			line = "    " + line
		}
		p.line("%s%s", indent, line)
	}
}

// wrap breaks a text at its blanks.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func (r *Report) summary(p *printer) {
	where := "not an EC2 instance, as far as it tells"
	if r.Host.EC2 {
		where = "EC2: what only the instance knows is shown as ${aws:…} and {…}"
	}
	region := r.Host.Region
	if region == "" {
		region = "region not known here"
	}
	p.line("host      %s, %s; %s", r.Host.Hostname, region, where)
	if m := r.Metrics; m != nil {
		p.line("metrics   %s of %s to namespace %s%s", output.Count(len(m.Series), "series", "series"), output.Count(len(m.Plugins), "plugin"), m.Namespace, m.more())
	} else {
		p.line("metrics   none")
	}
	if r.Logs != nil {
		files, groups, unreadable := 0, map[string]bool{}, 0
		for _, e := range r.Logs.Entries {
			for _, f := range e.Files {
				groups[f.LogGroup] = true
				if files++; f.Problem != "" {
					unreadable++
				}
			}
		}
		text := fmt.Sprintf("logs      %s of %s", output.Count(files, "file"), output.Count(len(r.Logs.Entries), "entry", "entries"))
		if files > 0 {
			text += " to " + output.Count(len(groups), "log group")
		}
		if r.Bill.OnceBytes > 0 {
			text += fmt.Sprintf("; %s to ship at the start ($%.2f)", output.Bytes(r.Bill.OnceBytes), r.Bill.Once)
		}
		if unreadable > 0 {
			text += fmt.Sprintf("; %d with a problem", unreadable)
		}
		p.line("%s", text)
	} else {
		p.line("logs      none")
	}
	p.line("costs     about $%.2f a month for this host (an estimate: %s, prices of %s)", r.Bill.Total, r.Bill.Region, r.Bill.Date)
	if n := len(r.Advice); n > 0 {
		text := output.Count(n, "piece") + " of advice below"
		if saved := r.saved(); saved >= 0.01 {
			text += fmt.Sprintf(", worth about $%.2f a month", saved)
		}
		p.line("advice    %s", text)
	}
}

// saved is what all advice together is worth.
func (r *Report) saved() (dollars float64) {
	for _, a := range r.Advice {
		dollars += a.Dollars
	}
	return dollars
}

func (m *Metrics) write(p *printer, all bool) {
	p.heading(fmt.Sprintf("Metrics: namespace %s, sent every %s", m.Namespace, secondsText(m.FlushSeconds)))
	shared := sharedDimensions(m.Series)
	if len(shared) > 0 {
		p.wrapped("  ", "all with "+dimensionsText(shared, nil))
	}
	width := 8
	for _, own := range m.Plugins {
		width = max(width, min(len(own.Name), 32))
	}
	for _, own := range m.Plugins {
		line := fmt.Sprintf("  %-*s every %-6s %4d series", width, own.Name, secondsText(own.IntervalSeconds), own.Series)
		if own.Namespace != "" {
			line += " to namespace " + own.Namespace
		}
		if own.RollUps > 0 {
			line += fmt.Sprintf(", %d of them roll-ups", own.RollUps)
		}
		if !all {
			line += "   " + strings.Join(m.namesOf(own.Name), " ")
		}
		p.line("%s", cut(line))
		if own.Problem != "" {
			p.wrapped("    ", own.problemText())
		}
		for _, s := range m.Series {
			if all && s.Plugin == own.Name {
				p.line("    %-28s %-12s %s", s.Name, s.unitText(), dimensionsText(s.Dimensions, shared))
			}
		}
	}
	for _, l := range m.Listeners {
		p.wrapped("  ", fmt.Sprintf("%s listens on %s and sends what it is sent: its series, and what they cost, are not known beforehand, and not counted here", l.Name, l.Address))
	}
	if !all && len(m.Series) > 0 {
		p.line("  (--all lists every series with its dimensions)")
	}
}

// more names what sends more than is known beforehand.
func (m *Metrics) more() string {
	var names []string
	for _, l := range m.Listeners {
		names = append(names, l.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return ", and what is sent to " + strings.Join(names, " and ")
}

func (s Series) unitText() string {
	text := s.Unit
	if s.ResolutionSeconds < 60 {
		text += " 1s"
	}
	return text
}

// namesOf are the names of a plugin's metrics, each once.
func (m *Metrics) namesOf(plugin string) (names []string) {
	for _, s := range m.Series {
		if s.Plugin == plugin && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// sharedDimensions are those that every series has.
func sharedDimensions(all []Series) (shared []Dimension) {
	if len(all) == 0 {
		return nil
	}
	for _, d := range all[0].Dimensions {
		if !slices.ContainsFunc(all, func(s Series) bool { return !slices.Contains(s.Dimensions, d) }) {
			shared = append(shared, d)
		}
	}
	return shared
}

func dimensionsText(all, but []Dimension) string {
	var parts []string
	for _, d := range all {
		if !slices.Contains(but, d) {
			parts = append(parts, d.Name+"="+d.Value)
		}
	}
	return strings.Join(parts, " ")
}

func (l *Logs) write(p *printer, all bool) {
	p.heading("Logs")
	if l.Problem != "" {
		p.wrapped("  ", l.Problem)
	}
	for _, e := range l.Entries {
		p.line("  %s", e.FilePath)
		kept := "kept for ever"
		if e.RetentionDays > 0 {
			kept = fmt.Sprintf("kept for %d days", e.RetentionDays)
		}
		p.line("    class %s, %s", e.Class, kept)
		if e.Note != "" {
			p.wrapped("    ", e.Note)
		}
		if len(e.Files) == 0 {
			p.wrapped("    ", fmt.Sprintf("→ %s : %s", cmp.Or(e.LogGroup, "*"), e.LogStream))
		}
		files := e.Files
		if !all && len(files) > fewFiles {
			files = slices.SortedStableFunc(slices.Values(files), func(a, b File) int { return cmp.Compare(b.Growth.BytesPerDay, a.Growth.BytesPerDay) })[:fewFiles]
		}
		for _, f := range files {
			f.write(p)
		}
		if more := len(e.Files) - len(files); more > 0 {
			p.line("    and %d more (--all)", more)
		}
		e.writePassed(p, all)
	}
}

func (f File) write(p *printer) {
	p.line("    %s", f.Path)
	p.wrapped("      ", fmt.Sprintf("→ %s : %s", f.LogGroup, f.LogStream))
	if f.Problem != "" {
		p.wrapped("      ", f.Problem)
	}
	if len(f.Begins) == 0 {
		return
	}
	text := output.Bytes(f.SizeBytes)
	if f.AgeSeconds > 0 {
		text += ", " + ageText(secondsOf(f.AgeSeconds)) + " old"
	}
	text += "; " + f.beginsText()
	switch {
	case f.Growth.Sure == Unknown:
		text += "; how fast it grows is not known: " + f.Growth.Basis
	case f.Growth.BytesPerDay == 0:
		text += "; nothing comes of it: " + f.Growth.Basis
	default:
		text += fmt.Sprintf("; grows by %s a day (%s: %s)", output.Bytes(f.Growth.BytesPerDay), f.Growth.Sure, f.Growth.Basis)
	}
	p.wrapped("      ", text)
}

func (f File) beginsText() string {
	from := map[string]string{"checkpoint": "our checkpoint", "original": "the original's", "beginning": "the beginning"}[f.KnownFrom]
	first := f.Begins[0]
	switch {
	case len(f.Begins) > 1:
		return fmt.Sprintf("begins in %s at %d (%s)", first.Path, first.Offset, from)
	case first.Offset == 0:
		return "read from the beginning"
	}
	return fmt.Sprintf("read from byte %d (%s)", first.Offset, from)
}

// writePassed lists what is not shipped, by the reason.
func (e Entry) writePassed(p *printer, all bool) {
	var reasons []string
	byReason := map[string][]string{}
	for _, one := range e.Passed {
		if byReason[one.Why] == nil {
			reasons = append(reasons, one.Why)
		}
		byReason[one.Why] = append(byReason[one.Why], one.Path)
	}
	for _, why := range reasons {
		paths := byReason[why]
		p.wrapped("    ", fmt.Sprintf("not shipped: %s, %s", output.Count(len(paths), "file"), why))
		for i, path := range paths {
			if !all && i == fewPassed {
				p.line("      and %d more", len(paths)-i)
				break
			}
			p.line("      %s", path)
		}
	}
}

func (b *Bill) write(p *printer, all bool) {
	p.heading(fmt.Sprintf("Bill: about $%.2f a month (an estimate)", b.Total))
	for _, c := range b.Blocks {
		amount := ""
		switch {
		case c.Name == "requests":
			amount = requestsText(b.Requests)
		case c.Series > 0:
			amount = output.Count(c.Series, "series", "series")
		default:
			amount = output.Bytes(c.GB * gigabyte)
		}
		p.line("  %-32s %18s %10s", c.Name, amount, dollars(c.Dollars))
	}
	worst := b.Worst
	if !all && len(worst) > 5 {
		worst = worst[:5]
	}
	if len(worst) > 0 {
		p.line("  most of it:")
	}
	for _, c := range worst {
		amount := output.Count(c.Series, "series", "series")
		if c.Kind == "file" {
			amount = output.Bytes(c.GB * gigabyte)
		}
		name := []rune(c.Name)
		if len(name) > 50 {
			name = append([]rune("…"), name[len(name)-49:]...)
		}
		p.line("    %-50s %14s %10s", string(name), amount, dollars(c.Dollars))
	}
	p.wrapped("  ", fmt.Sprintf("prices: %s, %s (%s); --prices FILE takes others", b.Region, b.Date, b.Source))
	for _, note := range b.Notes {
		p.wrapped("  ", note)
	}
}

func (r *Report) permissions(p *printer) {
	if len(r.Permissions) == 0 {
		return
	}
	p.heading("Permissions (--policy prints the smallest policy)")
	for _, one := range r.Permissions {
		who := "credentials of this host"
		if one.Role != "" {
			who = one.Role
		}
		var actions []string
		for _, why := range one.Why {
			if !slices.Contains(actions, why.Action) {
				actions = append(actions, why.Action)
			}
		}
		p.wrapped("  ", who+": "+strings.Join(actions, ", "))
	}
}

func (r *Report) advice(p *printer) {
	if len(r.Advice) == 0 {
		return
	}
	p.heading("Advice")
	for _, a := range r.Advice {
		worth := ""
		if a.Dollars >= 0.01 {
			worth = fmt.Sprintf(" (about $%.2f a month)", a.Dollars)
		}
		p.wrapped("  ", fmt.Sprintf("%s:%d: %s%s", a.Place.File, a.Place.Line, a.Text, worth))
		if a.Change != "" {
			p.wrapped("      ", "→ "+a.Change)
		}
	}
}
