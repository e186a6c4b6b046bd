package config

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string in double quotes. What is not UTF-8 becomes U+FFFD, as in encoding/json, with a warning.
func (s *scanner) quoted(path string) string {
	start := s.pos
	var out []byte
	odd := false
	for s.pos++; s.pos < len(s.src); {
		c := s.src[s.pos]
		switch {
		case c == '"':
			s.pos++
			if odd {
				s.problems = append(s.problems, Suspicion(s.place(start, path), "the string holds bytes that are not UTF-8; they are replaced by \ufffd",
					"save the file as UTF-8"))
			}
			return string(out)
		case c == '\n':
			s.stop(start, "the string is not closed on its line", `add a double quote at its end, or write a line break as \n`)
			return ""
		case c == '\\':
			out = s.escape(out, path)
		case c < 0x20:
			s.slip(s.pos, path, "there is a control character in a string", "write a tab as \\t, anything else as "+controlEscape(c))
			out = append(out, c)
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.src[s.pos:])
			odd = odd || r == utf8.RuneError && size == 1
			out = utf8.AppendRune(out, r)
			s.pos += size
		}
	}
	s.stop(start, "the string is never closed", "add a double quote at its end")
	return ""
}

func controlEscape(c byte) string {
	const hex = "0123456789abcdef"
	return `\u00` + string([]byte{hex[c>>4], hex[c&15]})
}

// escape reads one backslash escape and appends what it stands for.
func (s *scanner) escape(out []byte, path string) []byte {
	at := s.pos
	if s.pos++; s.pos >= len(s.src) {
		return out
	}
	c := s.src[s.pos]
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), c); i >= 0 {
		s.pos++
		return append(out, "\"\\/\b\f\n\r\t"[i])
	}
	if c == 'u' {
		if r, ok := s.hex4(s.pos + 1); ok {
			s.pos += 5
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), s.pos+1 < len(s.src) && s.src[s.pos] == '\\' && s.src[s.pos+1] == 'u'
				if ok {
					low, ok = s.hex4(s.pos + 2)
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					s.pos += 6
				}
			}
			return utf8.AppendRune(out, r)
		}
	}
	s.slip(at, path, "this backslash escape does not exist in JSON", `write a backslash as \\`)
	return append(out, '\\') // the character behind it is read as itself
}

// hex4 reads the four hexadecimal digits at an offset.
func (s *scanner) hex4(at int) (rune, bool) {
	if at+4 > len(s.src) {
		return 0, false
	}
	for _, c := range s.src[at : at+4] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return 0, false
		}
	}
	v, err := strconv.ParseUint(string(s.src[at:at+4]), 16, 16)
	return rune(v), err == nil
}

// singleQuoted reads what JSON does not have, so that the rest of the file can be read too.
func (s *scanner) singleQuoted(path string) string {
	start := s.pos
	end := bytes.IndexAny(s.src[start+1:], "'\n")
	if end < 0 || s.src[start+1+end] == '\n' {
		s.stop(start, "expected a string in double quotes, found a single quote", "")
		return ""
	}
	s.slip(start, path, "strings are written in double quotes, not single ones", "")
	s.pos = start + 1 + end + 1
	return string(bytes.ToValidUTF8(s.src[start+1:start+1+end], []byte("\ufffd")))
}
