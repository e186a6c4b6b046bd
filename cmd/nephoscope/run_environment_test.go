package main

import (
	"os"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

func TestEnvironmentIsAsItWasWhenTheFileSaysNothing(t *testing.T) {
	const had, hadNot = "NEPHOSCOPE_TEST_HAD", "NEPHOSCOPE_TEST_HAD_NOT"
	t.Setenv(had, "outside")
	var e environment
	f := func(put map[string]string, wantHad, wantHadNot string) {
		t.Helper()
		e.put(put)
		if os.Getenv(had) != wantHad || os.Getenv(hadNot) != wantHadNot {
			t.Errorf("%v: got %q, %q", put, os.Getenv(had), os.Getenv(hadNot))
		}
		if _, there := os.LookupEnv(hadNot); !there != (put[hadNot] == "") {
			t.Errorf("%v: %s is there: %v", put, hadNot, there)
		}
	}
	f(map[string]string{had: "1", hadNot: "2"}, "1", "2")
	f(map[string]string{had: "3"}, "3", "")
	f(map[string]string{hadNot: "4"}, "outside", "4")
	f(map[string]string{had: ""}, "", "")
	f(nil, "outside", "")
	e.move(had, "moved")
	f(nil, "moved", "")
	e.put(map[string]string{had: "5"})
	e.move(had, "moved again")
	if got := os.Getenv(had); got != "5" {
		t.Errorf("got %q: the file's word counts", got)
	}
	f(nil, "moved again", "")
}

func TestWhoseWordOnProxiesCounts(t *testing.T) {
	common := config.CommonConfig{HTTPProxy: "common"}
	f := func(file map[string]string, common config.CommonConfig, outside, wantUpper, wantLower string) {
		t.Helper()
		t.Setenv("http_proxy", outside)
		t.Setenv("HTTP_PROXY", "")
		var e environment
		defer e.put(nil)
		e.put(e.variables(file, common))
		if upper, lower := os.Getenv("HTTP_PROXY"), os.Getenv("http_proxy"); upper != wantUpper || lower != wantLower {
			t.Errorf("%v, %q, %q: got %q and %q", file, common.HTTPProxy, outside, upper, lower)
		}
	}
	f(nil, config.CommonConfig{}, "outside", "", "outside")
	f(map[string]string{"HTTP_PROXY": "file"}, config.CommonConfig{}, "outside", "file", "file")
	f(map[string]string{"http_proxy": "file"}, config.CommonConfig{}, "outside", "file", "file")
	f(map[string]string{"HTTP_PROXY": "file"}, common, "outside", "common", "common")
	f(nil, common, "", "common", "common")
}

func TestMetadataServiceVersionOneIsTheOperatorsChoice(t *testing.T) {
	const version1 = "AWS_EC2_METADATA_V1_DISABLED"
	f := func(outside string, file map[string]string, want string) {
		t.Helper()
		t.Setenv(version1, outside)
		var e environment
		defer e.put(nil)
		for range 2 { // a reload comes to the same
			e.put(e.variables(file, config.CommonConfig{}))
		}
		if got := os.Getenv(version1); got != want {
			t.Errorf("%q, %v: got %q, want %q", outside, file, got, want)
		}
	}
	f("", nil, "true")
	f("false", nil, "false")
	f("false", map[string]string{version1: "true"}, "true")
	f("", map[string]string{version1: "false"}, "false")
}
