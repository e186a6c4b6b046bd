package main

import (
	"slices"
	"strings"
	"testing"
)

func TestCompletionOffersTheWordsOfAFlag(t *testing.T) {
	for line, want := range map[string]string{"run --mode ": "onPremise", "run --log-level ": "error", "doctor --only ": "clock", "migrate --from ": "telegraf", "completion ": "zsh", "service install --manager ": "openrc", "service ": "uninstall"} {
		out, errs, status := nephoscope(t, "", append([]string{"__complete"}, strings.Split(line, " ")...)...)
		words := strings.Fields(out)
		if status != exitFine || !slices.Contains(words, want) {
			t.Errorf("%s: status %d, %v%s", line, status, words, errs)
		}
	}
	if _, errs, status := nephoscope(t, "", "completion"); status != exitUnread || !strings.Contains(errs, "name a shell: bash, zsh") {
		t.Errorf("of no shell: status %d: %s", status, errs)
	}
	if _, errs, status := nephoscope(t, "", "completion", "tcsh"); status != exitUnread || !strings.Contains(errs, "tcsh") {
		t.Errorf("of a shell that nobody knows: status %d: %s", status, errs)
	}
}
