package wizard

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/nephoscope/nephoscope/internal/durable"
)

// AnswerError is an answer of Options.Answers, or in a line of an exact Options.In, that does not fit.
type AnswerError struct {
	ID, Reason, Near string
	Line             int // 0: it is named by ID alone
}

func (e *AnswerError) Error() string {
	text := "read answers: "
	if e.Line > 0 {
		text += fmt.Sprintf("line %d: ", e.Line)
	}
	text += e.ID + ": " + e.Reason
	if e.Near != "" {
		text += fmt.Sprintf(" (did you mean %q?)", e.Near)
	}
	return text
}

// CutOff is what there is to say of an interview that was ended from outside.
func CutOff(o Options) error {
	output, err := o.file()
	if err == nil {
		_, err = os.Stat(answersOf(output))
	}
	if err != nil || o.unasked() {
		return errors.New("the wizard was cut off")
	}
	return errors.New("the interview was cut off; its answers are kept, and --resume goes on with them")
}

// answersOf is where the answers are while the wizard runs, so that nothing is lost when it is cut off.
func answersOf(output string) string { return output + ".answers" }

// recall finds what an interview that was cut off has left, and takes it over if that was asked for.
func (iv *interview) recall() (left map[string]string, err error) {
	left, err = readAnswers(answersOf(iv.Output))
	if err == nil && len(left) == 0 {
		err = errors.New("it is empty")
	}
	switch {
	case iv.Resume && err != nil:
		return nil, fmt.Errorf("resume: %s holds no answers: %w", answersOf(iv.Output), err)
	case iv.Resume:
		maps.Copy(iv.given, left)
		maps.DeleteFunc(iv.given, func(id, _ string) bool { return !known(iv.script, id) }) // another version's
	case err == nil:
		iv.say("An interview that was cut off has left its answers: --resume goes on with them, the first answer here replaces them.\n\n")
	}
	return left, nil
}

// remember keeps the answers so far, without secrets.
func (iv *interview) remember() error {
	if iv.ended || iv.unasked() {
		return nil // nobody has anything to lose
	}
	answers := map[string]string{}
	for _, id := range iv.order {
		if q := find(iv.script, id); !iv.done[id] && q != nil && q.kind != secret {
			answers[id] = iv.answers[id]
		}
	}
	if err := keepAnswers(iv.Output, answers); err != nil {
		return fmt.Errorf("keep the answers: %w", err)
	}
	return nil
}

// keepAnswers writes them, and makes sure that they could be if there are none.
func keepAnswers(output string, answers map[string]string) error {
	if err := durable.WriteFile(answersOf(output), encodeAnswers(answers)); err != nil || len(answers) > 0 {
		return err
	}
	return durable.Remove(answersOf(output))
}

// forget removes what is needed only by an interview that was cut off.
func (iv *interview) forget() {
	if iv.unasked() {
		return // those that are there are another interview's
	}
	if err := durable.Remove(answersOf(iv.Output)); err != nil {
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
	answers := map[string]string{}
	line := func(at int64) int { return bytes.Count(raw[:min(at, int64(len(raw)))], []byte("\n")) + 1 }
	wrong := func(err error) (map[string]string, error) {
		at := d.InputOffset()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = syntax.Offset
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read answers: line %d: %w", line(at), err)
	}
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return wrong(cmp.Or(err, errors.New("it is no JSON object")))
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return wrong(err)
		}
		id := key.(string) // there is no other key in JSON
		if _, twice := answers[id]; twice {
			return nil, &AnswerError{ID: id, Line: line(d.InputOffset()), Reason: "it is answered twice"}
		}
		value, err := d.Token()
		if err != nil {
			return wrong(err)
		}
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
			return nil, &AnswerError{ID: id, Line: line(d.InputOffset()), Reason: "an answer is a string, a number, true or false"}
		}
	}
	if _, err := d.Token(); err != nil {
		return wrong(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return wrong(errors.New("something stands behind the answers"))
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
