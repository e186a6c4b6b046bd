package wizard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/nephoscope/nephoscope/internal/durable"
)

// AnswerError is an answer of Options.Answers that does not fit.
type AnswerError struct{ ID, Reason, Near string }

func (e *AnswerError) Error() string {
	text := fmt.Sprintf("read answers: %s: %s", e.ID, e.Reason)
	if e.Near != "" {
		text += fmt.Sprintf(" (did you mean %q?)", e.Near)
	}
	return text
}

// answersFile is where the answers are while the wizard runs, so that nothing is lost when it is cut off.
func (iv *interview) answersFile() string { return iv.Output + ".answers" }

// recall finds what an interview that was cut off has left, and takes it over if that was asked for.
func (iv *interview) recall() (left map[string]string, err error) {
	left, err = readAnswers(iv.answersFile())
	if err == nil && len(left) == 0 {
		err = errors.New("it is empty")
	}
	switch {
	case iv.Resume && err != nil:
		return nil, fmt.Errorf("resume: %s holds no answers: %w", iv.answersFile(), err)
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
	if iv.ended {
		return nil // nobody has anything to lose
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
	if iv.unasked {
		return // those that are there are another interview's
	}
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
