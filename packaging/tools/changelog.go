package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// changelog writes the release notes, and from them the changelog that Debian wants beside each package.
func changelog(j job) error {
	source, err := os.ReadFile(filepath.Join(j.repo, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	when, err := made()
	if err != nil {
		return err
	}
	notes, points, err := latest(string(source), j.version)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(j.out, "RELEASE_NOTES"), []byte(notes), 0o644); err != nil {
		return err
	}
	var b bytes.Buffer
	packed, err := gzip.NewWriterLevel(&b, gzip.BestCompression) // without a name and a time
	if err != nil {
		return err
	}
	fmt.Fprintf(packed, "%s (%s) unstable; urgency=medium\n\n%s\n -- %s  %s\n", j.name, j.version, points, os.Getenv("MAINTAINER"), when.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	if err := packed.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(j.out, "changelog.gz"), b.Bytes(), 0o644)
}

var section = regexp.MustCompile(`(?m)^## .*$`)

// latest is the topmost section of CHANGELOG.md, as text and as the points of a Debian changelog.
func latest(source, version string) (notes, points string, err error) {
	marks := section.FindAllStringIndex(source, 2)
	if len(marks) == 0 {
		return "", "", fmt.Errorf("read CHANGELOG.md: there is no section: begin one with ## Unreleased")
	}
	end := len(source)
	if len(marks) == 2 {
		end = marks[1][0]
	}
	body := strings.TrimSpace(source[marks[0][1]:end])
	notes = "Nephoscope " + version + "\n\n" + strings.TrimSpace(source[marks[0][1]:]) + "\n"
	var b strings.Builder
	point := func(text string) {
		for i, line := range wrapped(text, 76) {
			if i == 0 {
				line = "* " + line
			} else {
				line = "  " + line
			}
			b.WriteString("  " + line + "\n")
		}
	}
	var current string
	for _, line := range append(strings.Split(body, "\n"), "- ") {
		switch rest, begins := strings.CutPrefix(line, "- "); {
		case begins:
			if current != "" {
				point(current)
			}
			current = rest
		case strings.TrimSpace(line) != "":
			current += " " + strings.TrimSpace(line)
		}
	}
	return notes, b.String(), nil
}

// wrapped is a text in lines of no more than so many characters, where its words permit.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
