package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// notices writes what has to come along with what is linked.
func notices(j job) error {
	p, err := linked(j)
	if err != nil {
		return err
	}
	for name, body := range map[string]string{
		"THIRD-PARTY-LICENSES": thirdParty(j.name, p.modules),
		"NOTICE":               notice(j.name, p.modules),
		"copyright":            copyright(j.name, p.modules),
	} {
		if err := os.WriteFile(filepath.Join(j.out, name), []byte(body), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const rule = "\n--------------------------------------------------------------------------------\n\n"

// thirdParty is every text once, under the modules that carry it.
func thirdParty(name string, modules []module) string {
	var b strings.Builder
	fmt.Fprintf(&b, "What is linked into %s, and under which licences. Each text stands below once, with the modules that it is for.\n\n", name)
	carriers, order := map[string][]string{}, []string{}
	for _, m := range modules {
		fmt.Fprintf(&b, "  %s %s: %s\n", m.path, m.version, strings.Join(m.licences, " and "))
		for _, t := range m.texts {
			if carriers[t.body] == nil {
				order = append(order, t.body)
			}
			carriers[t.body] = append(carriers[t.body], m.path+" "+m.version+", "+t.name)
		}
	}
	for _, body := range order {
		b.WriteString(rule)
		for _, c := range carriers[body] {
			fmt.Fprintln(&b, c)
		}
		fmt.Fprintf(&b, "\n%s\n", body)
	}
	return b.String()
}

// notice is ours, and those of the modules: the Apache License wants them handed on.
func notice(name string, modules []module) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nCopyright 2026 The Nephoscope authors\n\nLicensed under the Apache License, Version 2.0. It takes the place of the Amazon CloudWatch agent, and holds\nnothing of it. Amazon CloudWatch is a trademark of Amazon.com, Inc. or its affiliates.\n", name)
	for _, m := range modules {
		for _, t := range m.notices {
			fmt.Fprintf(&b, "%s%s %s\n\n%s\n", rule, m.path, m.version, t.body)
		}
	}
	return b.String()
}

// copyright is Debian's, in the form that machines read (DEP 5).
func copyright(name string, modules []module) string {
	var b strings.Builder
	fmt.Fprintf(&b, `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: %s
Source: https://github.com/nephoscope/nephoscope
Comment: The program is linked from the modules below. /usr/share/%s/THIRD-PARTY-LICENSES
 holds the text of each licence as its authors wrote it.

Files: *
Copyright: 2026 The Nephoscope authors
License: Apache-2.0
`, name, name)
	texts := map[string]string{"Apache-2.0": ""}
	for _, m := range modules {
		fmt.Fprintf(&b, "\nFiles: %s/*\nCopyright: %s\nLicense: %s\n", m.path, strings.Join(holders(m), "\n "), strings.Join(m.licences, " and "))
		for _, t := range m.texts {
			if ids := identifyText(t.body); len(ids) == 1 && texts[ids[0]] == "" {
				texts[ids[0]] = t.body
			}
		}
	}
	texts["Apache-2.0"] = "On Debian systems the text is in /usr/share/common-licenses/Apache-2.0."
	ids := make([]string, 0, len(texts))
	for id := range texts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		fmt.Fprintf(&b, "\nLicense: %s\n%s\n", id, field(withoutHolders(texts[id])))
	}
	return b.String()
}

var title = regexp.MustCompile(`(?i)^(the )?[a-z0-9 .-]*licen[sc]e[^\n]*\n`)

// withoutHolders is a licence without the lines that differ from module to module.
func withoutHolders(body string) string {
	body = holder.ReplaceAllString(body, "")
	body = regexp.MustCompile(`(?im)^\s*all rights reserved\.?\s*$`).ReplaceAllString(body, "")
	return strings.TrimSpace(title.ReplaceAllString(strings.TrimSpace(body), ""))
}

// field is a text as it stands in a field of a Debian control file.
func field(body string) string {
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if line = strings.TrimSpace(line); line == "" {
			line = "."
		}
		lines[i] = " " + line
	}
	return strings.Join(slices.CompactFunc(lines, func(a, b string) bool { return a == " ." && b == a }), "\n")
}
