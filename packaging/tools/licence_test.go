package main

import (
	"slices"
	"strings"
	"testing"
)

func TestLicencesAreToldApart(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
	}{
		{"The MIT License\n\nPermission is hereby granted,\nfree of charge, to any person obtaining a copy\n of this software", []string{"MIT"}},
		{"# Redistribution and use in source\n# and binary forms, with or without modification", []string{"BSD-2-Clause"}},
		{"Redistribution and use in source and binary forms ... may be used to endorse or promote products", []string{"BSD-3-Clause"}},
		{"Apache License\n   Version 2.0, January 2004\n   http://www.apache.org/licenses/", []string{"Apache-2.0"}},
		{"GNU GENERAL PUBLIC LICENSE, or: Permission is hereby granted, free of charge, to any person obtaining a copy of this software", nil},
		{"All rights reserved.", nil},
	} {
		if got := identifyText(c.body); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %v, want %v", c.body, got, c.want)
		}
	}
}

func TestModuleWithoutAKnownLicenceIsRefused(t *testing.T) {
	m := &module{path: "example.com/m", version: "v1.0.0"}
	if _, err := identify(m); err == nil || !strings.Contains(err.Error(), "example.com/m v1.0.0 has no licence") {
		t.Errorf("without a licence: %v", err)
	}
	m.texts = []text{{"LICENSE", "You may not."}}
	if _, err := identify(m); err == nil || !strings.Contains(err.Error(), "LICENSE is a licence that") {
		t.Errorf("with a licence that nobody knows: %v", err)
	}
}

func TestHoldersAreFound(t *testing.T) {
	m := module{path: "example.com/m", texts: []text{{"LICENSE", "Copyright (c) 2009 The Go Authors. All rights reserved.\n\n * Copyright © 2012, 2015 Some One <one@example.com>\nCopyright [yyyy] [name of copyright owner]\nCOPYRIGHT HOLDERS AND CONTRIBUTORS\ncopyright holder nor the names of its contributors"}}, notices: []text{{"NOTICE", "Copyright Amazon.com, Inc. or its affiliates. All Rights Reserved."}}}
	if got, want := holders(m), []string{"2009 The Go Authors", "2012, 2015 Some One <one@example.com>", "Amazon.com, Inc. or its affiliates"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
