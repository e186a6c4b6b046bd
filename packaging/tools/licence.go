package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// licences are those that we link, by sentences that no other has.
var licences = []struct{ id, sentence string }{
	{"Apache-2.0", "apache license version 2.0, january 2004"},
	{"Apache-2.0", "licensed under the apache license, version 2.0"}, // what stands in the files
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy of this software"},
	{"Zlib", "altered source versions must be plainly marked as such"},
	{"blessing", "sqlite has been dedicated to the public domain"},
}

// unwelcome are words of licences that bind what is linked with them.
var unwelcome = []string{"gnu general public license", "gnu lesser general public", "gnu affero", "mozilla public license", "server side public license", "business source license"}

// beside are texts that stand beside a licence and are none of their own.
var beside = regexp.MustCompile(`(?i)^(patents|license-3rd-party)`)

// identify says which licences a module is under. A module without one, or with one that is not known here, is refused: a
// person has to look.
func identify(m *module) ([]string, error) {
	var all []string
	for _, t := range m.texts {
		if beside.MatchString(t.name) {
			continue
		}
		found := identifyText(t.body)
		if len(found) == 0 {
			return nil, fmt.Errorf("%s %s: %s is a licence that packaging/tools/licence.go does not know: read it, and teach it or leave the module out", m.path, m.version, t.name)
		}
		for _, id := range found {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s %s has no licence: what may not be passed on is not linked", m.path, m.version)
	}
	slices.Sort(all)
	return all, nil
}

var decoration = regexp.MustCompile(`[\s*#/;]+`)

func identifyText(body string) (found []string) {
	plain := decoration.ReplaceAllString(strings.ToLower(body), " ")
	for _, word := range unwelcome {
		if strings.Contains(plain, word) {
			return nil
		}
	}
	for _, l := range licences {
		if strings.Contains(plain, l.sentence) && !slices.Contains(found, l.id) {
			found = append(found, l.id)
		}
	}
	if strings.Contains(plain, "redistribution and use in source and binary forms") {
		// The third clause is the one about names.
		if strings.Contains(plain, "endorse or promote") {
			found = append(found, "BSD-3-Clause")
		} else {
			found = append(found, "BSD-2-Clause")
		}
	}
	return found
}

var holder = regexp.MustCompile(`(?im)^[\s*#]*(?:portions\s+|the\s+)?copyright\s+(?:\(c\)\s*|©\s*)?(\d{4}[^\n]*|(?-i:[A-Z][^\n]*(?:Inc|LLC|Ltd|[Aa]uthors|[Cc]ontributors)[^\n]*))`)

// holders are the years, if there are any, and names after "Copyright" in what a module carries.
func holders(m module) (names []string) {
	for _, t := range append(slices.Clone(m.texts), m.notices...) {
		for _, match := range holder.FindAllStringSubmatch(t.body, -1) {
			name := strings.TrimSuffix(strings.TrimSpace(regexp.MustCompile(`(?i)[.,]?\s*all rights reserved.*`).ReplaceAllString(match[1], "")), ".")
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		names = []string{"the authors of " + m.path}
	}
	return names
}
