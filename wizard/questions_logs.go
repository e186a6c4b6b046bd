package wizard

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// Where the older agent keeps its configuration: as its installer writes it, and as Amazon Linux packages it.
const (
	awslogsInstalled = "/var/awslogs/etc/awslogs.conf"
	awslogsPackaged  = "/etc/awslogs/awslogs.conf"
)

func importSteps() []step {
	importing := yesNo("import", "Do you have a configuration of the older CloudWatch Logs agent (awslogs) to take over?",
		"Its files, groups and streams are added to those that you name next. The file itself is only read.")
	importing.preset = no
	file := ask("import.path", "In which file is it?", "awslogs.conf; the files in the folder config beside it are read as well.", awslogsInstalled)
	file.offers = view.awslogsPath
	file.check = func(v view, answer string) (string, error) { return answer, v.importAwsLogs(answer) }
	file.after = func(v view) string { return notes(v.imported["awslogs "+v.get("import.path")].Notes) }
	return []step{
		{when: func(v view) bool { return !v.windows() && v.Host.AwsLogs != nil }, ask: importing},
		{when: func(v view) bool { return !v.windows() && v.yes("import") }, ask: file},
	}
}

func (v view) awslogsPath() string {
	if v.Import != "" {
		return v.Import
	}
	if exists := v.Host.Exists; exists != nil && !exists(awslogsInstalled) && exists(awslogsPackaged) {
		return awslogsPackaged
	}
	return awslogsInstalled
}

// importAwsLogs reads the older agent's configuration, once.
func (v view) importAwsLogs(file string) error {
	key := "awslogs " + file
	if _, done := v.imported[key]; done {
		return nil
	}
	read, err := v.Host.AwsLogs(file)
	if err != nil {
		return err
	}
	v.imported[key] = read
	return nil
}

// notes are what an import has to say.
func notes(all []config.Problem) string {
	var b strings.Builder
	for _, p := range all {
		b.WriteString("note: " + p.Error() + "\n")
	}
	return b.String()
}

// keptFor are the times for which CloudWatch Logs keeps events, as config.json may name them; the first: for ever.
func keptFor() []int {
	return []int{-1, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

const forEver = "-1 (for ever)"

// retentionDays reads a choice of retention.
func retentionDays(word string) int {
	days, _, _ := strings.Cut(word, " ")
	n, _ := strconv.Atoi(days)
	return n
}

func retention() *question {
	words := []string{forEver, "1 day"}
	for _, days := range keptFor()[2:] {
		words = append(words, fmt.Sprintf("%d days", days))
	}
	return pick("retention", "For how long shall the log group keep its events?",
		"Answer with the number in front, or with the time itself, such as 30 days or 30d: 7 is the seventh choice, not seven days. Storage is billed by the month.",
		forEver, words...)
}

// more asks for another round; nobody there is a no.
func more(text, help string) *question {
	q := yesNo("more", text, help)
	q.atEnd = no
	return q
}

func again(v view) bool { return v.ownYes("more") }

// needs refuses an empty answer.
func needs(what string) func(view, string) (string, error) {
	return func(_ view, answer string) (string, error) {
		if answer == "" {
			return "", errors.New("give " + what)
		}
		return answer, nil
	}
}

func groupName(preset string) *question {
	return ask("group", "Log group name:", "It is made if it is not there. {instance_id}, {hostname}, {local_hostname}, {ip_address}, {aws_region}, {account_id} and {date} are replaced.", preset)
}

func streamName() *question {
	q := ask("stream", "Log stream name:", "It is made if it is not there; one per host keeps their lines apart. The placeholders of the log group's name are understood.", "")
	q.offers = func(v view) string {
		if v.onPremises() {
			return "{hostname}"
		}
		return "{instance_id}"
	}
	return q
}

func groupClass() *question {
	return pick("class", "Log group class:", "INFREQUENT_ACCESS costs half as much to send to and cannot do metric filters and alarms. It counts when the group is made.",
		"STANDARD", "STANDARD", "INFREQUENT_ACCESS")
}

// noGroupName is what CloudWatch Logs does not accept in the name of a log group. The original replaces spaces alone, and
// offers names that nobody can use.
var noGroupName = regexp.MustCompile(`[^-_/.#A-Za-z0-9]`)

func logSteps() []step {
	anyFiles := yesNo("logs", "Shall the agent ship log files?", "Each file or pattern goes to a log group and stream that you name next.")
	anyFiles.atEnd = no
	file := ask("path", "Log file path:", "The path of a file, or a pattern such as /var/log/app/*.log, of which the newest match is followed.", "")
	file.check = needs("the path of a file")
	group := groupName("")
	group.offers = func(v view) string {
		return noGroupName.ReplaceAllString(path.Base(strings.ReplaceAll(v.own("path"), `\`, "/")), "_")
	}
	files := []step{
		{ask: file}, {ask: group}, {ask: groupClass()}, {ask: streamName()}, {ask: retention()},
		{ask: more("Is there another log file to ship?", "yes asks for the next file.")},
	}
	steps := []step{
		{ask: anyFiles},
		{when: func(v view) bool { return v.yes("logs") }, loop: &loop{"log", files, again}},
	}
	return slices.Concat(steps, eventSteps(), journaldSteps())
}

func eventLevels() []string {
	return []string{"VERBOSE", "INFORMATION", "WARNING", "ERROR", "CRITICAL"}
}

// The formats of Windows events.
const (
	eventXML  = "XML, as the Event Viewer has it"
	eventText = "Plain text, as the older agents wrote it"
)

func eventSteps() []step {
	events := []step{{ask: ask("name", "Name of the Windows event log:", "Such as System, Security or Application.", "System")}}
	for _, level := range eventLevels() {
		events = append(events, step{ask: yesNo(strings.ToLower(level), "Shall events of level "+level+" be shipped?", "VERBOSE and INFORMATION are the many, CRITICAL the few.")})
	}
	byID := yesNo("by-id", "Shall only events with certain ids be shipped?", "yes asks for the ids.")
	byID.atEnd = no
	ids := ask("ids", "Which event ids? (separated by commas)", "Numbers from 0 to 65535, such as 1001,1002.", "")
	ids.check = func(_ view, answer string) (string, error) {
		for _, id := range names(answer) {
			if n, err := strconv.Atoi(id); err != nil || n < 0 || n > 65535 {
				return "", fmt.Errorf("%q is no event id: give numbers from 0 to 65535, separated by commas", id)
			}
		}
		return answer, nil
	}
	group := groupName("")
	group.offers = func(v view) string { return v.own("name") }
	events = append(events, step{ask: byID}, step{when: func(v view) bool { return v.ownYes("by-id") }, ask: ids})
	events = slices.Concat(events, filterSteps(), []step{
		{ask: group}, {ask: streamName()}, {ask: groupClass()},
		{ask: pick("format", "In which format shall events be stored?", "XML holds everything; the text is shorter.", eventXML, eventXML, eventText)},
		{ask: retention()},
		{ask: more("Is there another Windows event log to ship?", "yes asks for the next one.")},
	})
	return []step{
		{when: view.windows, ask: yesNo("events", "Shall the agent ship Windows event logs?", "Each goes to a log group and stream that you name next.")},
		{when: func(v view) bool { return v.yes("events") }, loop: &loop{"event", events, again}},
	}
}

// filterSteps ask for patterns that entries have to match, or must not.
func filterSteps() []step {
	filtered := yesNo("filtered", "Shall entries be kept or left out by regular expressions?", "yes asks for the expressions.")
	filtered.atEnd = no
	pattern := ask("pattern", "Which regular expression?", "In Go's syntax (RE2), such as ERROR|WARN.", "")
	pattern.check = func(_ view, answer string) (string, error) {
		if answer == "" {
			return "", errors.New("give a regular expression")
		}
		if _, err := regexp.Compile(answer); err != nil {
			return "", fmt.Errorf("read regular expression: %w", err)
		}
		return answer, nil
	}
	filters := []step{
		{ask: pick("type", "What does the expression do?", "include keeps the entries that match, exclude leaves them out.", "include", "include", "exclude")},
		{ask: pattern},
		{ask: more("Is there another expression?", "yes asks for the next one.")},
	}
	return []step{{ask: filtered}, {when: func(v view) bool { return v.ownYes("filtered") }, loop: &loop{"filter", filters, again}}}
}

// priorities are journald's, the gravest first.
func priorities() []string {
	return []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
}

// journaldSteps: the default of a yes whose answers nobody but the operator knows is taken to be no when nobody answers.
func journaldSteps() []step {
	some := func(id, text, help string) *question {
		q := yesNo(id, text, help)
		q.atEnd = no
		return q
	}
	units := ask("units", "Which units? (separated by commas)", "Such as sshd.service,nginx.service.", "")
	units.check = func(_ view, answer string) (string, error) {
		if len(names(answer)) == 0 {
			return "", errors.New("give the names of units, separated by commas")
		}
		return answer, nil
	}
	field := ask("field", "Which field of the journal?", "Such as _UID, _PID or _SYSTEMD_UNIT: capital letters, digits and underscores.", "")
	field.check = func(_ view, answer string) (string, error) {
		if !regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`).MatchString(answer) {
			return "", errors.New("give the name of a field: capital letters, digits and underscores, such as _UID")
		}
		return answer, nil
	}
	value := ask("value", "Which value must it have?", "Entries whose field has another value are left out.", "")
	value.check = needs("a value")
	matches := []step{{ask: field}, {ask: value}, {ask: more("Is there another field?", "yes asks for the next one.")}}
	entries := slices.Concat([]step{
		{ask: groupName("journald")}, {ask: streamName()},
		{ask: some("by-unit", "Shall only the entries of certain units be shipped?", "no ships those of all units.")},
		{when: func(v view) bool { return v.ownYes("by-unit") }, ask: units},
		{ask: some("by-priority", "Shall only entries of a certain priority and above be shipped?", "no ships what the agent takes by itself: info and above.")},
		{when: func(v view) bool { return v.ownYes("by-priority") },
			ask: pick("priority", "Which priority at least?", "emerg is the gravest and the rarest; debug is everything.", "emerg", priorities()...)},
		{ask: some("by-field", "Shall only entries with certain values in their fields be shipped?", "Such as _UID=0: what root has written.")},
		{when: func(v view) bool { return v.ownYes("by-field") }, loop: &loop{"match", matches, again}},
	}, filterSteps(), []step{
		{ask: retention()},
		{ask: more("Is there more of the journal to ship, to another place?", "yes asks for the next log group.")},
	})
	return []step{
		{when: func(v view) bool { return v.get("os") == "linux" },
			ask: yesNo("journald", "Shall the agent ship the journal (journald)?", "The journal is what systemd and its services write; log files are another matter.")},
		{when: func(v view) bool { return v.yes("journald") }, loop: &loop{"journald", entries, again}},
	}
}
