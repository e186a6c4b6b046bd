package local_test

import (
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/local"
)

func TestItImportsNothingOfOurs(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if path, _ := strconv.Unquote(spec.Path.Value); strings.HasPrefix(path, "github.com/nephoscope/") || strings.Contains(path, "aws-sdk") {
				t.Errorf("%s imports %s: the fake must not agree with the agent, or with its SDK, by sharing code", name, path)
			}
		}
	}
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	url := serve(t, new(local.Server))
	page := get(t, url+"/")
	if policy := page.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy: %s", policy)
	}
	if page.header.Get("X-Content-Type-Options") != "nosniff" || page.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("headers: %v", page.header)
	}
	files, err := os.ReadDir("console")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got := get(t, url+"/console/"+f.Name())
		if got.status != 200 || got.header.Get("Content-Type") == "" {
			t.Errorf("%s: %d %s", f.Name(), got.status, got.header.Get("Content-Type"))
		}
		text := strings.ReplaceAll(got.body, "http://www.w3.org/2000/svg", "")
		if strings.Contains(text, "http://") || strings.Contains(text, "https://") || strings.Contains(text, "innerHTML") || strings.Contains(text, "@import") {
			t.Errorf("%s refers to another place, or writes HTML", f.Name())
		}
	}
	for _, path := range []string{"/console/none.js", "/console/..%2Fserver.go", "/console/", "/server.go"} {
		if got := get(t, url+path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := get(t, url+"/favicon.ico"); got.status != 200 || got.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("favicon: %d %v", got.status, got.header)
	}
}

func TestTheConsolesDataSayWhatWasWrong(t *testing.T) {
	url := withStream(t)
	callQuery(t, url, putForm)
	for path, want := range map[string]int{
		"/api/series?stat=Average&from=1795174000&to=1795177000&period=60&metric=1": 200,
		"/api/series?stat=Mode&from=1&to=2&period=1":                                400,
		"/api/series?stat=Sum&from=1&to=999999&period=1":                            400,
		"/api/series?stat=Sum&from=2&to=1&period=1":                                 400,
		"/api/series?stat=Sum&from=-2&to=1&period=1":                                400,
		"/api/series?stat=Sum&from=1&to=2&period=1&metric=x":                        400,
		"/api/streams?group=g":                                                      200,
		"/api/streams?group=none":                                                   404,
		"/api/events?group=g&stream=s":                                              200,
		"/api/events?group=g&stream=none":                                           404,
		"/api/events?group=g&q=%22open":                                             400,
		"/api/events?group=g&before=x":                                              400,
		"/api/tail?group=g&after=x":                                                 400,
		"/api/tail?group=none&after=0":                                              404,
		"/api/nothing":                                                              404,
	} {
		if got := get(t, url+path); got.status != want {
			t.Errorf("%s: %d %s, want %d", path, got.status, got.body, want)
		}
	}
	got := get(t, url+"/api/series?stat=Average&from=1795174000&to=1795177000&period=60&metric=1")
	if !strings.Contains(got.body, `"points":[[1795176000,2]]`) {
		t.Errorf("series: %s", got.body)
	}
}
