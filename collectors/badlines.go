package collectors

import (
	"fmt"
	"strings"
)

// badLines counts what a parser could not read, so that one bad line costs neither the others nor a page of errors.
type badLines struct {
	count int
	first string
}

func (b *badLines) add(line string) {
	if b.count++; b.count == 1 {
		b.first = strings.TrimSpace(line)
	}
}

func (b *badLines) err() error {
	if b.count == 0 {
		return nil
	}
	return fmt.Errorf("%d lines make no sense, the first is %.80q", b.count, b.first)
}
