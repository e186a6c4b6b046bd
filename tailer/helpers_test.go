package tailer

import (
	"regexp"

	"go.uber.org/zap"
)

var nop = zap.NewNop()

func mustCompile(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }
