package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// UPDATE_WANT=1 go test ./config writes docs/schema.json.
func TestPublishedSchemaIsUpToDate(t *testing.T) {
	upToDate(t, "../docs/schema.json", string(JSONSchema()))
}

func upToDate(t *testing.T, name, want string) {
	t.Helper()
	if os.Getenv("UPDATE_WANT") != "" {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s is out of date (UPDATE_WANT=1 go test ./config writes it): %v", name, err)
	}
}

// published is docs/schema.json in the hands of a validator that knows nothing of us.
func published(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validates(t testing.TB, s *jsonschema.Schema, src []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	s := published(t)
	eachFile(t, "testdata/valid/*.json", func(t *testing.T, name string, src []byte) {
		if err := validates(t, s, src); err != nil {
			t.Error(err)
		}
	})
}

// What Parse refuses the schema refuses too, but for what no schema can say.
func TestSchemaRefusesWhatParseRefuses(t *testing.T) {
	beyond := []string{"not a regular expression", "two different values", "must be an address with a port", "nothing listens by", "must be a loopback address", "must have a port", "is reserved"}
	s := published(t)
	eachFile(t, "testdata/invalid/*.json", func(t *testing.T, name string, src []byte) {
		if !json.Valid(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))) {
			return // not JSON
		}
		_, err := Parse(filepath.Base(name), src)
		said, _ := err.(Problems)
		said = slices.DeleteFunc(said, func(p Problem) bool {
			return slices.ContainsFunc(beyond, func(text string) bool { return strings.Contains(p.Text, text) })
		})
		if got := validates(t, s, src); (got != nil) != (len(said) > 0) && !strings.Contains(name, "too-deep") {
			t.Errorf("the schema says %v, Parse %v", got, said)
		}
	})
}
