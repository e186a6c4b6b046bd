package wizard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// step is one of the interview: a question, something that is done, or steps that are gone through several times.
type step struct {
	when func(v view) bool // whether it is due; nil: always
	ask  *question
	act  *action
	loop *loop
}

// question asks for one answer.
type question struct {
	id      string // within its loop
	text    string
	help    string // what "?" prints
	kind    kind
	choices []string                                    // of a choice: the words that are kept as answers
	preset  string                                      // what an empty line means
	atEnd   string                                      // what is taken when nobody answers any more, if that is not the preset
	lists   func(v view) []string                       // choices that depend
	offers  func(v view) string                         // a preset that depends
	closes  func(v view) string                         // an atEnd that depends
	before  func(v view) string                         // said before it is asked
	after   func(v view) string                         // said once it is answered
	check   func(v view, answer string) (string, error) // the answer as it is kept, or why it is none
	retry   string                                      // the question to which the answer "no" goes back
}

type kind int

const (
	choice kind = iota
	text
	secret // not shown while it is typed, and never kept
)

// action does something. What comes of it is kept as the answer with its id, so that later steps may depend on it.
type action struct {
	id string
	do func(v view) (string, error)
}

// loop is gone through until again says no. The ids of what is in it begin with its own and the number of the round.
type loop struct {
	id    string
	steps []step
	again func(v view) bool
}

// view is the answers as a step sees them.
type view struct {
	*interview
	prefix string // of the loop's round
}

// get returns an answer; "" if there is none.
func (v view) get(id string) string { return v.answers[id] }

// own returns an answer of the same round of the same loop.
func (v view) own(id string) string { return v.answers[v.prefix+id] }

func (v view) yes(id string) bool { return v.answers[id] == yes }

func (v view) ownYes(id string) bool { return v.own(id) == yes }

func (v view) windows() bool { return v.get("os") == "windows" }

func (v view) onPremises() bool { return v.get("host") == onPremises }

// round is the number of the loop's round that the view is of.
func (v view) round() int {
	parts := strings.Split(strings.TrimSuffix(v.prefix, "."), ".")
	n, _ := strconv.Atoi(parts[len(parts)-1])
	return n
}

const (
	yes = "yes"
	no  = "no"
)

// yesNo is a question whose default is yes, as with the original.
func yesNo(id, text, help string) *question {
	return &question{id: id, text: text, help: help, choices: []string{yes, no}, preset: yes}
}

func pick(id, text, help, preset string, choices ...string) *question {
	return &question{id: id, text: text, help: help, choices: choices, preset: preset}
}

func ask(id, text_, help, preset string) *question {
	return &question{id: id, text: text_, help: help, kind: text, preset: preset}
}

func (q *question) words(v view) []string {
	if q.lists != nil {
		return q.lists(v)
	}
	return q.choices
}

// standing is what an empty line means: what was answered before somebody went back, or the default.
func (q *question) standing(v view) string {
	if earlier, ok := v.kept[v.prefix+q.id]; ok && (q.kind != choice || slices.Contains(q.words(v), earlier)) {
		return earlier
	}
	return q.byDefault(v)
}

func (q *question) byDefault(v view) string {
	if q.offers != nil {
		return q.offers(v)
	}
	return q.preset
}

// unanswered is what is taken when nobody answers: candidates, best first. The last leaves out what the question is about.
func (q *question) unanswered(v view) []string {
	first := q.atEnd
	if q.closes != nil {
		first = q.closes(v)
	}
	if first == "" {
		first = q.standing(v)
	}
	return append([]string{first}, q.words(v)...)
}

// accept reads what was typed.
func (q *question) accept(v view, typed string) (answer string, err error) {
	answer = typed
	if answer == "" {
		answer = q.standing(v)
	}
	if q.kind == choice {
		if answer, err = chosen(typed, q.standing(v), q.words(v)); err != nil {
			return "", err
		}
	}
	if q.check != nil {
		return q.check(v, answer)
	}
	return answer, nil
}

// chosen finds the choice that was typed, by its number or its word.
func chosen(typed, standing string, words []string) (string, error) {
	if typed == "" {
		return standing, nil
	}
	if n, err := strconv.Atoi(typed); err == nil && n >= 1 && n <= len(words) {
		return words[n-1], nil
	}
	for _, w := range words {
		if plain(w) == plain(typed) || short(w) == plain(typed) {
			return w, nil
		}
	}
	list := strings.Join(words, ", ")
	if len(words) > 12 {
		list = words[0] + " … " + words[len(words)-1]
	}
	return "", fmt.Errorf("%q is not among the choices: give a number from 1 to %d, or one of %s", typed, len(words), list)
}

// plain is a word without what people type differently.
func plain(word string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' {
			return -1
		}
		return r
	}, strings.ToLower(word))
}

// short is the other form in which a word may be typed: y, n, 30d.
func short(word string) string {
	switch {
	case word == yes || word == no:
		return word[:1]
	case strings.Contains(word, " day"):
		days, _, _ := strings.Cut(word, " ")
		return days + "d"
	}
	return plain(word)
}

// print puts the question, in the form that scripts for the original wait for.
func (q *question) print(v view) string {
	var b strings.Builder
	b.WriteString(q.text + "\n")
	if q.kind != choice {
		if standing := q.standing(v); standing != "" {
			fmt.Fprintf(&b, "default choice: [%s]\n", standing)
		}
		return b.String()
	}
	words := q.words(v)
	for i, w := range words {
		fmt.Fprintf(&b, "%d. %s\n", i+1, w)
	}
	fmt.Fprintf(&b, "default choice: [%d]:\n", slices.Index(words, q.standing(v))+1)
	return b.String()
}
