package wizard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
)

// keptBackups is how many configurations the wizard keeps of those that it replaced.
const keptBackups = 10

// answersFile is where the answers are while the wizard runs, so that nothing is lost when it is cut off.
func (iv *interview) answersFile() string { return iv.Output + ".answers" }

// prepare makes sure before the first question that there is a place for the result.
func (iv *interview) prepare() (err error) {
	inLayout := iv.Output == "" || iv.Output == iv.Layout.WizardConfig()
	iv.Output, err = filepath.Abs(orElse(iv.Output, iv.Layout.WizardConfig()))
	if err != nil {
		return fmt.Errorf("find the output: %w", err)
	}
	iv.result.Output = iv.Output
	if info, err := os.Stat(iv.Output); err == nil && info.IsDir() {
		return fmt.Errorf("write %s: it is a folder (name a file with --output)", iv.Output)
	}
	if inLayout {
		if err := durable.MakePublicDir(filepath.Dir(iv.Output)); err != nil {
			return cannotWrite(iv.Output, err)
		}
	}
	left, err := readAnswers(iv.answersFile())
	switch {
	case err == nil && len(left) > 0 && iv.Resume:
		maps.Copy(iv.given, left)
	case iv.Resume:
		return fmt.Errorf("resume: %s holds no answers: %w", iv.answersFile(), orError(err, errors.New("it is empty")))
	case len(left) > 0 && !iv.ended:
		iv.say("An interview that was cut off has left its answers: --resume goes on with them, the first answer here replaces them.\n\n")
	}
	if iv.Resume {
		for id := range iv.given {
			if !known(iv.script, id) {
				delete(iv.given, id) // of an action, or of another version
			}
		}
	}
	if err := durable.WriteFile(iv.answersFile(), encodeAnswers(left)); err != nil {
		return cannotWrite(iv.Output, err)
	}
	return nil
}

func orError(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func cannotWrite(path string, err error) error {
	hint := "make the folder, or name another file with --output"
	if errors.Is(err, fs.ErrPermission) {
		hint = "run it with sudo, or name a file of your own with --output"
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("write %s: %w (%s)", path, err, hint)
}

// remember keeps the answers so far, without secrets.
func (iv *interview) remember() error {
	if iv.ended {
		return nil // what is open takes its default another time as well
	}
	answers := map[string]string{}
	for _, id := range iv.order {
		if q := find(iv.script, id); !iv.done[id] && q != nil && q.kind != secret {
			answers[id] = iv.answers[id]
		}
	}
	if err := durable.WriteFile(iv.answersFile(), encodeAnswers(answers)); err != nil {
		return fmt.Errorf("keep the answers: %w", err)
	}
	return nil
}

// forget removes what is needed only by an interview that was cut off.
func (iv *interview) forget() {
	if err := durable.Remove(iv.answersFile()); err != nil {
		iv.say(err.Error() + "\n")
	}
}

func encodeAnswers(answers map[string]string) []byte {
	raw, err := json.MarshalIndent(answers, "", "\t")
	if err != nil {
		panic(err) // it is made of strings
	}
	return append(raw, '\n')
}

func readAnswers(path string) (map[string]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseAnswers(raw)
}

// ParseAnswers reads answers by their questions' ids: a JSON object of strings, numbers, true and false.
func ParseAnswers(raw []byte) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var values map[string]any
	if err := d.Decode(&values); err != nil {
		return nil, fmt.Errorf("read answers: %w", err)
	}
	answers := map[string]string{}
	for id, value := range values {
		switch a := value.(type) {
		case string:
			answers[id] = a
		case json.Number:
			answers[id] = a.String()
		case bool:
			answers[id] = no
			if a {
				answers[id] = yes
			}
		default:
			return nil, &AnswerError{ID: id, Reason: "an answer is a string, a number, true or false"}
		}
	}
	return answers, nil
}

// nearest is the id that somebody may have meant.
func (iv *interview) nearest(id string) string {
	first, _, _ := strings.Cut(id, ".")
	last := id[strings.LastIndex(id, ".")+1:]
	best, score := "", 0
	walk(iv.script, "", func(other string) {
		likeness := 0
		if plain(other) == plain(id) {
			likeness += 3
		}
		if other == first || strings.HasPrefix(other, first+".") {
			likeness++
		}
		if strings.HasSuffix(other, "."+last) {
			likeness++
		}
		if likeness > score {
			best, score = other, likeness
		}
	})
	return best
}

// walk visits the ids of all questions, in order, loops in their first round.
func walk(steps []step, prefix string, each func(id string)) {
	for _, s := range steps {
		if s.ask != nil {
			each(prefix + s.ask.id)
		}
		if s.loop != nil {
			walk(s.loop.steps, prefix+s.loop.id+".1.", each)
		}
	}
}

// write puts the configuration into its file, keeps the one that was there, and says what is wrong with it, if anything is.
func (v view) write() (string, error) {
	content := encode(v.build())
	if err := v.replace(content); err != nil {
		return "", err
	}
	v.written = content
	v.say("Current config as follows:\n" + string(content) + "The file is " + v.Output + "; it may be edited.\n")
	return yes, v.checked(content)
}

func (iv *interview) replace(content []byte) error {
	previous, err := os.ReadFile(iv.Output)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the previous configuration: %w", err)
	}
	if bytes.Equal(previous, content) {
		iv.say("Saved config file to " + iv.Output + " successfully. It is the same as before.\n")
		return nil
	}
	if len(bytes.TrimSpace(previous)) > 0 && !bytes.Equal(previous, iv.written) {
		if iv.result.Backup, err = iv.backUp(previous); err != nil {
			return err
		}
		iv.say("The previous configuration is kept as " + iv.result.Backup + ".\n")
	}
	path := iv.Output
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays one
	}
	if err := durable.WritePublic(path, content); err != nil {
		return cannotWrite(path, err)
	}
	iv.result.Changed = true
	iv.say("Saved config file to " + iv.Output + " successfully.\n")
	return nil
}

var backupName = regexp.MustCompile(`^config-([0-9]+)\.json$`)

// backUp keeps a configuration under the next number, and the ten newest of them.
func (iv *interview) backUp(previous []byte) (string, error) {
	dir := filepath.Join(filepath.Dir(iv.Output), "backup-configs")
	if iv.Output == iv.Layout.WizardConfig() {
		dir = iv.Layout.Backups()
	}
	if err := durable.MakePublicDir(dir); err != nil {
		return "", fmt.Errorf("back up the previous configuration: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("back up the previous configuration: %w", err)
	}
	var there []int
	for _, e := range entries {
		if m := backupName.FindStringSubmatch(e.Name()); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				there = append(there, n)
			}
		}
	}
	slices.Sort(there)
	name := func(n int) string { return filepath.Join(dir, fmt.Sprintf("config-%d.json", n)) }
	next := 0
	if len(there) > 0 {
		next = there[len(there)-1] + 1
	}
	if err := durable.WritePublic(name(next), previous); err != nil {
		return "", fmt.Errorf("back up the previous configuration: %w", err)
	}
	for _, n := range there[:max(0, len(there)+1-keptBackups)] {
		if err := durable.Remove(name(n)); err != nil {
			return "", fmt.Errorf("back up the previous configuration: %w", err)
		}
	}
	return name(next), nil
}

// checked says what check would say.
func (iv *interview) checked(content []byte) error {
	problems, err := iv.problems(content)
	if err != nil {
		return fmt.Errorf("check the configuration: %w", err)
	}
	iv.result.Problems = problems
	mistakes := 0
	for _, p := range problems {
		if p.Warning {
			iv.say("warning: " + p.Error() + "\n")
		} else {
			mistakes++
			iv.say(p.Error() + "\n")
		}
	}
	switch {
	case mistakes > 0:
		iv.say("The agent will not start with this file before that is put right.\n\n")
	case len(problems) > 0:
		iv.say("The configuration is valid; please read the warnings.\n\n")
	default:
		iv.say("The configuration is valid.\n\n")
	}
	return nil
}

func (iv *interview) problems(content []byte) ([]config.Problem, error) {
	if iv.Host.Check != nil {
		problems, err := iv.Host.Check(iv.Output, content)
		return append([]config.Problem{}, problems...), err
	}
	c, err := config.Parse(iv.Output, content)
	mistakes, _ := errors.AsType[config.Problems](err)
	return slices.Concat([]config.Problem{}, c.Warnings, mistakes), nil
}

// migrate writes what was imported, without a question.
func (iv *interview) migrate() (Result, error) {
	v := view{iv, ""}
	file := v.awslogsPath()
	if err := v.importAwsLogs(file); err != nil {
		return iv.result, err
	}
	iv.note("import", yes)
	iv.note("import.path", file)
	iv.note("os", orElse(iv.Host.OS, "linux"))
	iv.say(notes(iv.imported["awslogs "+file].Notes))
	if _, err := config.Parse(file, encode(iv.build())); err != nil {
		return iv.result, fmt.Errorf("take over %s: %w", file, err)
	}
	if _, err := v.write(); err != nil {
		return iv.result, err
	}
	if iv.StoreWanted && iv.Host.Store != nil {
		if err := iv.storeUnasked(); err != nil {
			return iv.result, err
		}
	}
	if _, err := v.command(); err != nil {
		return iv.result, err
	}
	iv.forget()
	return iv.result, nil
}

// storeUnasked stores what was written, with the defaults of the questions about that.
func (iv *interview) storeUnasked() error {
	iv.note("ssm", yes)
	for {
		id, s, v, ok := iv.next(storeSteps(), "")
		if !ok {
			return nil
		}
		if err := iv.take(id, s, v); err != nil {
			return err
		}
	}
}
