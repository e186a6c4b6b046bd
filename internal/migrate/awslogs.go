package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// AwsLogs reads the configuration of the older CloudWatch Logs agent: awslogs.conf, and the *.conf files in the folder
// config beside it. Config has a logs section with a collect_list, in the order of the files and their sections. The error
// says what could not be read, or is config.Problems.
func AwsLogs(path string) (Imported, error) {
	if about, err := os.Stat(path); err == nil && about.IsDir() {
		path = filepath.Join(path, "awslogs.conf")
	}
	main, err := readDocument(path)
	if err != nil {
		return Imported{}, err
	}
	m := newImporting()
	all := []document{main}
	folder := filepath.Join(filepath.Dir(path), "config")
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Imported{}, fmt.Errorf("read configuration: %w", err)
	}
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		if !strings.HasSuffix(e.Name(), ".conf") || e.IsDir() {
			m.files = append(m.files, name) // for the order of notes
			m.note(config.Place{File: name}, "was not read: its name does not end in .conf", "")
			continue
		}
		d, err := readDocument(name)
		if err != nil {
			return Imported{}, err
		}
		all = append(all, d)
	}
	return m.awsLogs(all)
}

func (m *importing) awsLogs(all []document) (Imported, error) {
	var names []string
	for _, d := range all {
		names = append(names, d.name)
	}
	m.files = append(names, m.files...)
	entries := 0
	for _, d := range all {
		a := awsLogs{importing: m}
		for _, s := range m.readINI(d) {
			switch s.name {
			case "general":
				a.general(s)
			case "DEFAULT":
				a.defaults = s.options
			}
			a.sections = append(a.sections, s)
		}
		for _, s := range a.sections {
			if s.name != "general" && s.name != "DEFAULT" {
				entries++
				a.entry(s)
			}
		}
	}
	if entries == 0 && len(m.mistakes) == 0 {
		m.wrong(config.Place{File: all[0].name, Line: 1, Column: 1}, "no section names a log file", `a section needs at least "file = /path"`)
	}
	imported, err := m.settle()
	if err == nil && imported.IsEmpty() {
		return imported, config.Problems{config.Mistake(config.Place{File: all[0].name, Line: 1, Column: 1}, "no log file could be taken over", "")}
	}
	return imported, err
}

// awsLogs is one file of the older agent.
type awsLogs struct {
	*importing
	sections []*iniSection
	defaults []iniOption // of [DEFAULT]: they count in every section
}

// general reads [general], which is about the agent itself.
func (a *awsLogs) general(s *iniSection) {
	known := []string{"state_file", "logging_config_file", "use_gzip_http_content_encoding", "queue_size"}
	for _, o := range s.options {
		switch o.key {
		case "state_file":
			a.note(o.at, "the positions in the state file (an SQLite database) are not read: each log file is read from its beginning, and what awslogs has sent of it is sent again",
				"to prevent that, rotate the log files after awslogs has been stopped and before this agent is started, with logrotate -f")
		case "logging_config_file":
			a.note(o.at, "is not read: the agent's own log is set by agent.logfile and agent.debug", "")
		case "queue_size":
			a.queueSize(o)
		case "use_gzip_http_content_encoding":
			a.gzip(o)
		default:
			a.note(o.at, fmt.Sprintf("unknown key %q is ignored", o.key), config.Suggestion(o.key, known))
		}
	}
}

func (a *awsLogs) queueSize(o iniOption) {
	a.note(o.at, "has no counterpart: the log file itself is the queue, and memory is bounded by memory_budget_mib", "")
}

func (a *awsLogs) gzip(o iniOption) {
	a.note(o.at, "has no counterpart: requests are always compressed", "")
}

// entry makes one item of collect_list of a section. Keys and their meaning: "CloudWatch Logs agent reference",
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AgentReference.html
func (a *awsLogs) entry(s *iniSection) {
	d := object(s.at)
	d.set("retention_in_days", s.at, -1)
	var file, group, stream string
	usable := true
	for _, o := range a.options(s) {
		switch o.key {
		case "file":
			file = o.value
			d.set("file_path", o.valueAt, o.value)
		case "log_group_name":
			group = o.value
			d.set("log_group_name", o.valueAt, o.value)
		case "log_stream_name":
			stream = o.value
			d.set("log_stream_name", o.valueAt, o.value)
			if strings.Contains(o.value, "{hostname}") {
				a.note(o.valueAt, "{hostname} is here the host name that EC2's metadata service knows, and the operating system's where there is none",
					"{local_hostname} is always the operating system's")
			}
		case "log_group_class", "kms_key_id":
			d.set(o.key, o.valueAt, o.value)
		case "datetime_format":
			d.set("timestamp_format", o.valueAt, o.value)
		case "time_zone":
			zone := o.value
			if up := strings.ToUpper(zone); up == "UTC" || up == "LOCAL" {
				zone = up
			}
			d.set("timezone", o.valueAt, zone)
		case "multi_line_start_pattern":
			d.set(o.key, o.valueAt, strings.Replace(o.value, "{datetime_format}", "{timestamp_format}", 1))
		case "encoding":
			usable = a.encoding(d, o)
		case "buffer_duration":
			a.bufferDuration(o)
		case "retention_in_days":
			a.retention(d, o)
		default:
			a.withoutCounterpart(o)
		}
	}
	switch {
	case file == "":
		a.note(s.at, `left out: it names no log file`, `a section needs "file = /path"`)
		return
	case !usable:
		return
	case group == "":
		a.note(s.at, "has no log_group_name: the log group is named after the file, without its last extension", "")
	}
	d.was = fmt.Sprintf("%s: log group %s, log stream %s", file, cmp.Or(group, "(not named)"), cmp.Or(stream, "(not named)"))
	if strings.ContainsAny(file, "*?[") {
		d.was += "; of the files that match, the newest, as here"
	}
	a.follow(d)
}

// options are those of the section, and those of [DEFAULT] that it does not have.
func (a *awsLogs) options(s *iniSection) []iniOption {
	all := s.options
	for _, o := range a.defaults {
		own := false
		for _, mine := range s.options {
			own = own || mine.key == o.key
		}
		if !own {
			all = append(all[:len(all):len(all)], o)
		}
	}
	return all
}

// bufferDuration makes logs.force_flush_interval of milliseconds. There is one for all files: the first counts.
func (a *awsLogs) bufferDuration(o iniOption) {
	ms, err := strconv.Atoi(o.value)
	if err != nil || ms < 1000 {
		a.note(o.valueAt, fmt.Sprintf("%q is ignored: it is no number of milliseconds from 1000 up", short(o.value)), "events wait 5 s at most")
		return
	}
	logs := a.root.within("logs")
	first := logs.keys["force_flush_interval"]
	if first == nil {
		logs.set("force_flush_interval", o.valueAt, ms/1000)
		if ms%1000 != 0 {
			a.note(o.valueAt, fmt.Sprintf("becomes %d s: only whole seconds are known here", ms/1000), "")
		}
		return
	}
	if first.value != ms/1000 {
		a.note(o.valueAt, fmt.Sprintf("is ignored: there is one interval for all files, and the first, in %s:%d, makes it %d s", first.at.File, first.at.Line, first.value), "")
	}
}

func (a *awsLogs) retention(d *draft, o iniOption) {
	days, err := strconv.Atoi(o.value)
	if err != nil {
		a.note(o.valueAt, fmt.Sprintf("%q is no number of days: the log group keeps what it has", short(o.value)), "")
		days = -1
	}
	d.set("retention_in_days", o.valueAt, days)
}

// withoutCounterpart says of a key that sets nothing here what it meant, and what happens instead.
func (a *awsLogs) withoutCounterpart(o iniOption) {
	switch o.key {
	case "initial_position":
		switch o.value {
		case "start_of_file": // as here
		case "end_of_file":
			a.note(o.valueAt, "a file without a checkpoint is read from its beginning, not from its end: what it holds now is sent", "rotate it before this agent is started, with logrotate -f")
		default:
			a.note(o.valueAt, fmt.Sprintf("%q is ignored: files are read from their beginning", short(o.value)), config.Suggestion(o.value, []string{"start_of_file", "end_of_file"}))
		}
	case "file_fingerprint_lines":
		a.note(o.at, "has no counterpart: a file is known by its device, inode and first bytes, however long its first lines are", "")
	case "batch_count", "batch_size":
		a.note(o.at, "has no counterpart: a batch is as large as the service allows, or what force_flush_interval has brought", "")
	case "queue_size":
		a.queueSize(o)
	case "use_gzip_http_content_encoding":
		a.gzip(o)
	default:
		a.note(o.at, fmt.Sprintf("unknown key %q is ignored", o.key), config.Suggestion(o.key, []string{"file", "log_group_name", "log_stream_name", "log_group_class",
			"kms_key_id", "datetime_format", "time_zone", "multi_line_start_pattern", "encoding", "buffer_duration", "retention_in_days", "initial_position",
			"file_fingerprint_lines", "batch_count", "batch_size", "queue_size", "use_gzip_http_content_encoding"}))
	}
}

// encoding takes the name of a Python codec over. False: the lines cannot even be told apart, and the entry is of no use.
func (a *awsLogs) encoding(d *draft, o iniOption) bool {
	switch codec, kind := pythonCodec(o.value); kind {
	case same:
		d.set("encoding", o.valueAt, codec)
	case near:
		d.set("encoding", o.valueAt, codec)
		a.note(o.valueAt, fmt.Sprintf("becomes %s, as for the original agent; letters outside of ASCII are not the same in it", codec), "convert the file to UTF-8 where it is written, if it holds any")
	case plain:
		a.note(o.valueAt, fmt.Sprintf("the encoding %s is not known here: the file is read as UTF-8, and what is not UTF-8 in it becomes U+FFFD", short(o.value)), "write the file in UTF-8")
	case foreign:
		a.note(o.valueAt, fmt.Sprintf("left out: the encoding %s is not known here, and not even lines could be told apart without it", short(o.value)), "write the file in UTF-8")
		return false
	default:
		a.note(o.valueAt, fmt.Sprintf("there is no encoding %q in Python; it is ignored", short(o.value)), config.Suggestion(o.value, codecNames()))
	}
	return true
}
