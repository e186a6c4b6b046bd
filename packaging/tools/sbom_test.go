package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is CycloneDX's own, out of the module that we write it with.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	for file, url := range map[string]string{
		"bom-1.6.schema.json":   "http://cyclonedx.org/schema/bom-1.6.schema.json",
		"spdx.schema.json":      "http://cyclonedx.org/schema/spdx.schema.json",
		"jsf-0.82.schemax.json": "http://cyclonedx.org/schema/jsf-0.82.schema.json",
	} {
		f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(url, document); err != nil {
			t.Fatal(err)
		}
	}
	s, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBillOfMaterialsIsValidAndNamesEveryModule(t *testing.T) {
	s := schema(t)
	for _, name := range []string{"nephoscope", "nephoscope-prometheus", "nephoscope-local"} {
		text, err := os.ReadFile(filepath.Join(packages(t), name+"_1.2.3_amd64.cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		spoilt, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(text), `"type": "library"`, `"type": "book"`, 1)))
		if err != nil || s.Validate(spoilt) == nil {
			t.Errorf("%s: the schema takes a component of type book (%v)", name, err)
		}

		var bom struct {
			Metadata   struct{ Component struct{ Version string } }
			Components []struct {
				Name, Version, PURL string
				Licenses            []any
				Hashes              []any
			}
		}
		if err := json.Unmarshal(text, &bom); err != nil {
			t.Fatal(err)
		}
		if bom.Metadata.Component.Version != "1.2.3" {
			t.Errorf("%s is of version %s", name, bom.Metadata.Component.Version)
		}
		var got []string
		for _, c := range bom.Components {
			got = append(got, c.Name+" "+c.Version)
			if c.PURL != "pkg:golang/"+c.Name+"@"+c.Version || len(c.Licenses) == 0 || len(c.Hashes) == 0 != (c.Name == std) {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if want := inside(t, name); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// inside is what the program in a package says of itself.
func inside(t *testing.T, name string) (modules []string) {
	t.Helper()
	dir := t.TempDir()
	unpack := exec.Command("tar", "-xf", "-", "-C", dir, "./usr/bin/"+name)
	unpack.Stdin = strings.NewReader(string(members(t, filepath.Join(packages(t), name+"_1.2.3_amd64.deb"))["data"]))
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	info, err := buildinfo.ReadFile(filepath.Join(dir, "usr/bin", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range info.Deps {
		modules = append(modules, dep.Path+" "+dep.Version)
	}
	modules = append(modules, std+" "+strings.TrimPrefix(info.GoVersion, "go"))
	slices.Sort(modules)
	return modules
}
