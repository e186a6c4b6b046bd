package wizard

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/migrate"
	"github.com/nephoscope/nephoscope/tailer"
)

// interview is one of them, under way.
type interview struct {
	Options
	ctx      context.Context
	in       *bufio.Reader
	lines    int // that were read of it
	script   []step
	answers  map[string]string
	order    []string          // ids in the order in which they were answered
	done     map[string]bool   // ids among them that are of actions
	given    map[string]string // answers that were there before anybody was asked
	kept     map[string]string // answers that were taken back; they are offered again
	ended    bool              // nobody answers any more
	imported map[string]migrate.Imported
	found    findings
	sound    []byte // a configuration that was found valid
	written  []byte
	result   Result
}

const banner = `This wizard asks what to collect and writes the configuration of the agent.
Answer with the number of a choice or with its word; an empty line takes the default.
  ?  explains the question      b  goes back to the one before

`

func newInterview(ctx context.Context, o Options) (*interview, error) {
	if o.In == nil {
		o.In = strings.NewReader("")
	}
	iv := &interview{
		Options: o, ctx: ctx, in: bufio.NewReader(o.In), script: script(),
		answers: map[string]string{}, done: map[string]bool{}, given: map[string]string{}, kept: map[string]string{},
		imported: map[string]migrate.Imported{}, result: Result{Problems: []config.Problem{}, Failures: []string{}},
	}
	for id, answer := range o.Answers {
		if !known(iv.script, id) {
			return nil, &AnswerError{ID: id, Reason: "there is no such question", Near: iv.nearest(id)}
		}
		iv.given[id] = answer
	}
	if o.TracesOnly {
		iv.script = tracesScript()
		iv.given["traces"] = yes
	}
	iv.ended = o.Yes || o.Answers != nil
	return iv, iv.prepare()
}

func (iv *interview) run() (Result, error) {
	iv.say(banner)
	for {
		id, s, v, ok := iv.next(iv.script, "")
		if !ok {
			break
		}
		if err := iv.take(id, s, v); err != nil {
			return iv.result, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(iv.given)) {
		iv.say("The answer " + id + " was not needed: that question was not asked.\n")
	}
	iv.forget()
	iv.say("Program exits now.\n")
	return iv.result, nil
}

func (iv *interview) say(text string) { _, _ = io.WriteString(iv.Out, text) }

// next finds the first step that is due and not done yet.
func (iv *interview) next(steps []step, prefix string) (id string, s step, v view, ok bool) {
	v = view{iv, prefix}
	for _, s := range steps {
		if s.when != nil && !s.when(v) {
			continue
		}
		if s.loop != nil {
			for n := 1; ; n++ {
				round := view{iv, prefix + s.loop.id + "." + strconv.Itoa(n) + "."}
				if id, s, v, ok := iv.next(s.loop.steps, round.prefix); ok {
					return id, s, v, true
				}
				if !s.loop.again(round) {
					break
				}
			}
			continue
		}
		id = prefix + s.id()
		if _, answered := iv.answers[id]; !answered {
			return id, s, v, true
		}
	}
	return "", step{}, v, false
}

func (s step) id() string {
	if s.act != nil {
		return s.act.id
	}
	return s.ask.id
}

// take gets one step over with.
func (iv *interview) take(id string, s step, v view) error {
	if s.act != nil {
		outcome, err := s.act.do(v)
		if err != nil {
			return err
		}
		iv.note(id, outcome)
		iv.done[id] = true
		return nil
	}
	q := s.ask
	if q.before != nil {
		iv.say(q.before(v))
	}
	if given, ok := iv.given[id]; ok {
		delete(iv.given, id)
		answer, err := iv.judge(q, v, given)
		if err == nil && iv.ended && q.retry != "" && answer == no {
			err = errors.New("nobody is there to answer " + q.retry + " again")
		}
		if err == nil {
			iv.say(q.text + "\n-> " + q.shown(answer) + "\n")
			return iv.settle(q, v, answer)
		}
		if iv.ended {
			return &AnswerError{ID: id, Reason: err.Error()}
		}
	}
	if iv.ended {
		iv.say(q.text + "\n")
		return iv.settleAtEnd(q, v)
	}
	return iv.put(q, v)
}

// maxRefused is how many answers to one question are refused before nobody is taken to read why: yes(1) never ends.
const maxRefused = 100

// put asks until there is an answer that will do, nobody answers any more, or somebody goes back.
func (iv *interview) put(q *question, v view) error {
	for refused := 0; ; refused++ {
		line, err := iv.answerTo(q, v)
		if errors.Is(err, io.EOF) {
			iv.ended = true
			return iv.settleAtEnd(q, v)
		}
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		switch line {
		case "?":
			iv.say(q.help + "\n\n")
			continue
		case "b":
			if !iv.back() {
				iv.say("This is the first question.\n")
				continue
			}
			return nil
		case `\?`, `\b`:
			line = line[1:]
		}
		answer, err := iv.judge(q, v, line)
		if err != nil && (iv.Exact || refused == maxRefused) {
			return &AnswerError{ID: v.prefix + q.id, Line: iv.lines, Reason: err.Error()}
		}
		if err != nil {
			iv.say(err.Error() + "\n")
			continue
		}
		if iv.Echo {
			iv.say("-> " + q.shown(answer) + "\n")
		}
		return iv.settle(q, v, answer)
	}
}

// answerTo prints the question and reads the next line. The last one may end without a newline.
func (iv *interview) answerTo(q *question, v view) (string, error) {
	if q.kind == secret && iv.Hide != nil {
		show := iv.Hide() // before it is asked for: who waits for the question may be quick
		defer show()
	}
	iv.say(q.print(v))
	typed, err := iv.in.ReadString('\n')
	iv.lines++
	if typed != "" {
		err = nil
	}
	return strings.TrimSpace(strings.TrimPrefix(typed, "\ufeff")), err
}

// inNoFile is a place in a file without a name.
var inNoFile = regexp.MustCompile(` at :\d+:\d+`)

// notText is whether there is something in an answer that no configuration may hold.
func notText(answer string) bool {
	return !utf8.ValidString(answer) || strings.ContainsFunc(answer, unicode.IsControl)
}

// judge says whether an answer will do: the question's own check, and then what the configuration is with it.
func (iv *interview) judge(q *question, v view, typed string) (string, error) {
	if notText(typed) {
		return "", errors.New("this holds characters that no configuration may hold, such as those of an arrow key: type it again")
	}
	answer, err := q.accept(v, typed)
	if err != nil {
		return "", err
	}
	id := v.prefix + q.id
	iv.answers[id] = answer
	defer delete(iv.answers, id)
	return answer, iv.refused()
}

// refused says what is wrong with the configuration of the answers so far; nil: nothing is.
func (iv *interview) refused() error {
	content := migrate.JSON(iv.build())
	if bytes.Equal(content, iv.sound) {
		return nil
	}
	c, err := config.Parse("", content)
	mistakes, _ := errors.AsType[config.Problems](err)
	if err == nil {
		mistakes = tailer.Check(c)
	}
	if len(mistakes) > 0 {
		m := mistakes[0]
		m.Place = config.Place{} // of a file that is not there yet
		m.Text = inNoFile.ReplaceAllString(m.Text, " in an earlier answer")
		return m
	}
	iv.sound = content
	return err
}

// settle keeps an answer.
func (iv *interview) settle(q *question, v view, answer string) error {
	id := v.prefix + q.id
	iv.note(id, answer)
	delete(iv.kept, id)
	if q.after != nil {
		iv.say(q.after(v))
	}
	iv.say("\n")
	if q.retry != "" && answer == no {
		iv.rewind(v.prefix + q.retry)
	}
	return iv.remember()
}

// settleAtEnd answers in the place of somebody who does not: with the default, or with whatever else will do, at last with
// nothing, which leaves out what the question is about.
func (iv *interview) settleAtEnd(q *question, v view) error {
	for _, c := range q.unanswered(v) {
		if answer, err := iv.judge(q, v, c); err == nil {
			iv.say("-> " + q.shown(answer) + " (not answered)\n")
			return iv.settle(q, v, answer)
		}
	}
	iv.say("-> nothing (not answered): this is left out\n")
	return iv.settle(q, v, "")
}

// shown is an answer as it may be printed.
func (q *question) shown(answer string) string {
	switch {
	case q.kind == secret:
		return "***"
	case answer == "":
		return "nothing"
	}
	return answer
}

func (iv *interview) note(id, answer string) {
	iv.answers[id] = answer
	iv.order = append(iv.order, id)
}

// back takes the last answer back, and what was done since. What was answered is offered when it is asked again.
func (iv *interview) back() bool {
	for len(iv.order) > 0 {
		id, answer, acted := iv.drop()
		if acted {
			continue
		}
		q := find(iv.script, id)
		v := view{iv, strings.TrimSuffix(id, q.id)}
		if q.kind != secret && answer != q.byDefault(v) { // a default may be another one next time
			iv.kept[id] = answer
		}
		return true
	}
	return false
}

func (iv *interview) drop() (id, answer string, acted bool) {
	last := len(iv.order) - 1
	id = iv.order[last]
	iv.order = iv.order[:last]
	answer, acted = iv.answers[id], iv.done[id]
	delete(iv.answers, id)
	delete(iv.done, id)
	return id, answer, acted
}

// rewind goes back to a question as if it and what followed had never been answered.
func (iv *interview) rewind(to string) {
	if !slices.Contains(iv.order, to) {
		return
	}
	for {
		if id, _, _ := iv.drop(); id == to {
			return
		}
	}
}

// find returns the question with an id; nil: there is none.
func find(steps []step, id string) *question {
	for _, s := range steps {
		switch {
		case s.ask != nil && s.ask.id == id:
			return s.ask
		case s.loop != nil:
			rest, ok := strings.CutPrefix(id, s.loop.id+".")
			number, rest, dotted := strings.Cut(rest, ".")
			if n, err := strconv.Atoi(number); ok && dotted && err == nil && n > 0 {
				if q := find(s.loop.steps, rest); q != nil {
					return q
				}
			}
		}
	}
	return nil
}

func known(steps []step, id string) bool { return find(steps, id) != nil }
