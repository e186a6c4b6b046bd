package main

import (
	"os"
	"strings"
	"testing"
)

func TestPagesOfTheProgramAreLetGo(t *testing.T) {
	resident := func() (kib string) {
		raw, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(raw), "RssFile:")
		kib, _, _ = strings.Cut(strings.TrimSpace(after), " ")
		return kib
	}
	all := ownPages()
	if len(all) < 2 {
		t.Fatalf("%d mappings of the program: %v", len(all), all)
	}
	before := resident()
	all.letGo()
	if after := resident(); len(after) > len(before) || len(after) == len(before) && after >= before {
		t.Errorf("%s KiB of files are resident, and were %s", after, before)
	}
}
