package install

import (
	"strconv"
	"strings"
)

// ShellWord is a word as a shell takes it, for the command lines that are printed.
func ShellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:,@%=", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// CreateUser says how to create a user that is missing. A number is no name: it takes one.
func CreateUser(name string) string {
	if _, err := strconv.ParseUint(name, 10, 32); err == nil {
		return "create it with: useradd --system --uid " + name + " NAME"
	}
	return "create it with: useradd --system " + ShellWord(name)
}
