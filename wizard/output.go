package wizard

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/migrate"
)

// keptBackups is how many configurations the wizard keeps of those that it replaced.
const keptBackups = 10

// prepare makes sure before the first question that there is a place for the result.
func (iv *interview) prepare() (err error) {
	inLayout := iv.Output == "" || iv.Output == iv.Layout.WizardConfig()
	if iv.Output, err = iv.file(); err != nil {
		return fmt.Errorf("find the output: %w", err)
	}
	iv.result.Output = iv.Output
	switch info, err := os.Stat(iv.Output); {
	case err != nil:
	case info.IsDir():
		return fmt.Errorf("write %s: it is a folder (name a file with --output)", iv.Output)
	case !info.Mode().IsRegular(): // a device or a pipe, which a file would take the place of
		return fmt.Errorf("write %s: it is no regular file (name one with --output)", iv.Output)
	}
	if inLayout {
		if err := durable.MakePublicDir(filepath.Dir(iv.Output)); err != nil {
			return cannotWrite(iv.Output, err)
		}
	}
	if iv.unasked() {
		return tryWriting(linked(iv.Output))
	}
	left, err := iv.recall()
	if err != nil {
		return err
	}
	if err := keepAnswers(iv.Output, left); err != nil {
		return cannotWrite(iv.Output, err)
	}
	return nil
}

// tryWriting finds out whether a file could be written, where no answers are kept beside it.
func tryWriting(path string) error {
	try := path + ".try"
	if err := durable.WriteFile(try, nil); err != nil {
		return cannotWrite(path, err)
	}
	return durable.Remove(try)
}

func cannotWrite(path string, err error) error {
	hint := "name another file with --output"
	switch {
	case errors.Is(err, fs.ErrPermission):
		hint = "run it with sudo, or name a file of your own with --output"
	case errors.Is(err, fs.ErrNotExist):
		hint = "make the folder, or " + hint
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("write %s: %w (%s)", path, err, hint)
}

// write puts the configuration into its file, keeps the one that was there, and says what is wrong with it, if anything is.
func (v view) write() (string, error) {
	content := migrate.JSON(v.build())
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
	path := linked(iv.Output)
	if err := durable.WritePublic(path, content); err != nil {
		return cannotWrite(path, err)
	}
	iv.result.Changed = true
	iv.say("Saved config file to " + iv.Output + " successfully.\n")
	return nil
}

// linked is the file that a link leads to, which need not be there yet: a link stays one.
func linked(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	target, err := os.Readlink(path)
	switch {
	case err != nil:
		return path
	case filepath.IsAbs(target):
		return target
	}
	return filepath.Join(filepath.Dir(path), target)
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
	if _, err := config.Parse(file, migrate.JSON(iv.build())); err != nil {
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
