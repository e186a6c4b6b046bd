package local

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// A filterPattern is a CloudWatch Logs filter pattern over unstructured text. Terms are
// case-sensitive and match anywhere in a message. All plain terms must occur, no excluded one may;
// of optional terms one is enough. "You can't combine the question mark with other filter patterns,
// such as include and exclude terms. If you do, the question mark will be ignored."
// Source: CloudWatch Logs user guide, "Filter pattern syntax", "Match terms in unstructured log
// events".
type filterPattern struct {
	all     [][]byte
	none    [][]byte
	oneOf   [][]byte
	lenient bool
}

var errStructured = errors.New("patterns over JSON ({…}), over fields ([…]) and regular expressions (%…%) are not supported by this local CloudWatch")

// parseFilterPattern reads a pattern as the service does: "Enclose exact phrases and terms that
// include non-alphanumeric characters in double quotation marks."
func parseFilterPattern(pattern string) (*filterPattern, error) {
	return new(filterPattern).parse(pattern)
}

// parseSearch reads what someone typed into the console: the same, but any term may stand without
// quotation marks.
func parseSearch(pattern string) (*filterPattern, error) {
	return (&filterPattern{lenient: true}).parse(pattern)
}

func (p *filterPattern) parse(rest string) (*filterPattern, error) {
	rest = strings.TrimSpace(rest)
	if !p.lenient && rest != "" && strings.ContainsAny(rest[:1], "{[%") {
		return nil, errStructured
	}
	for rest != "" {
		list := &p.all
		switch rest[0] {
		case '-':
			list, rest = &p.none, rest[1:]
		case '?':
			list, rest = &p.oneOf, rest[1:]
		}
		term, after, err := p.term(rest)
		if err != nil {
			return nil, err
		}
		if term != "" {
			*list = append(*list, []byte(term))
		}
		rest = strings.TrimLeft(after, " \t\r\n")
	}
	return p, nil
}

// term takes one term, quoted or not, off the front.
func (p *filterPattern) term(rest string) (term, after string, err error) {
	if quoted, found := strings.CutPrefix(rest, `"`); found {
		return quotedTerm(quoted)
	}
	end := strings.IndexAny(rest, " \t\r\n")
	if end < 0 {
		end = len(rest)
	}
	term = rest[:end]
	if !p.lenient {
		if term == "" {
			return "", "", errors.New("a sign stands without a term")
		}
		for _, r := range term {
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return "", "", fmt.Errorf("the term %s has characters other than letters, digits and underscores; enclose it in double quotation marks", printable(term))
			}
		}
	}
	return term, rest[end:], nil
}

// quotedTerm reads up to the closing quotation mark; a backslash keeps the next one.
func quotedTerm(rest string) (term, after string, err error) {
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch {
		case rest[i] == '"':
			return b.String(), rest[i+1:], nil
		case rest[i] == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\'):
			i++
		}
		b.WriteByte(rest[i])
	}
	return "", "", errors.New("a quotation mark is not closed")
}

func (p *filterPattern) match(message []byte) bool {
	for _, term := range p.all {
		if !bytes.Contains(message, term) {
			return false
		}
	}
	for _, term := range p.none {
		if bytes.Contains(message, term) {
			return false
		}
	}
	if len(p.oneOf) == 0 || len(p.all)+len(p.none) > 0 {
		return true
	}
	for _, term := range p.oneOf {
		if bytes.Contains(message, term) {
			return true
		}
	}
	return false
}
