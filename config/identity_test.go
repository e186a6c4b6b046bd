package config

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Every field except the place and the spelling of a name is part of a section's identity: a field that someone adds and Key forgets fails here.
func TestEveryFieldIsPartOfTheKey(t *testing.T) {
	t.Run("plugin", func(t *testing.T) {
		p := Plugin{
			Measurements: []Measurement{{}}, Resources: []string{""}, AppendDimensions: map[string]string{"a": ""},
			DropOriginal: []string{""}, IgnoreFileSystemTypes: []string{""},
			InterfaceInclude: []string{""}, InterfaceExclude: []string{""}, MetricsInclude: []string{""},
		}
		changesOf(t, reflect.ValueOf(&p).Elem(), "Plugin", func() string { return p.Key() })
	})
	t.Run("file", func(t *testing.T) {
		f := File{Blacklist: regexp.MustCompile(""), MultiLineStart: regexp.MustCompile(""), Timezone: time.UTC,
			Filters: []Filter{{Expression: regexp.MustCompile("")}}}
		changesOf(t, reflect.ValueOf(&f).Elem(), "File", func() string { return f.Key() })
	})
}

// changesOf changes v and everything in it one by one, and wants the key to follow each time.
func changesOf(t *testing.T, v reflect.Value, name string, key func() string) {
	t.Helper()
	change := func(to reflect.Value) {
		t.Helper()
		before, old := key(), reflect.New(v.Type()).Elem()
		old.Set(v)
		v.Set(to)
		if key() == before {
			t.Errorf("%s is not part of the key", name)
		}
		v.Set(old)
		if key() != before {
			t.Errorf("the key changes by itself")
		}
	}
	if strings.HasSuffix(name, ".Written") {
		before, old := key(), v.String()
		v.SetString("other")
		if key() != before {
			t.Errorf("%s is part of the key", name)
		}
		v.SetString(old)
		return
	}
	switch v.Interface().(type) {
	case Place:
		before, old := key(), v.Interface()
		v.Set(reflect.ValueOf(Place{File: "other", Line: 7, Column: 7, Path: "other"}))
		if key() != before {
			t.Errorf("%s is part of the key", name)
		}
		v.Set(reflect.ValueOf(old))
		return
	case *regexp.Regexp:
		change(reflect.ValueOf(regexp.MustCompile("x")))
		change(reflect.Zero(v.Type()))
		return
	case *time.Location:
		change(reflect.ValueOf(time.FixedZone("X", 1)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		change(reflect.ValueOf("x").Convert(v.Type()))
	case reflect.Bool:
		change(reflect.ValueOf(!v.Bool()))
	case reflect.Int, reflect.Int64:
		change(reflect.ValueOf(v.Int() + 1).Convert(v.Type()))
	case reflect.Map:
		change(reflect.ValueOf(map[string]string{"b": ""}))
		change(reflect.ValueOf(map[string]string{"a": "x"}))
	case reflect.Slice:
		change(reflect.Append(v, v.Index(0)))
		change(reflect.Zero(v.Type()))
		changesOf(t, v.Index(0), name+"[0]", key)
	case reflect.Struct:
		for i := range v.NumField() {
			changesOf(t, v.Field(i), name+"."+v.Type().Field(i).Name, key)
		}
	default:
		t.Fatalf("%s: how is a %s changed?", name, v.Kind())
	}
}

func TestKeyIgnoresFormatting(t *testing.T) {
	f := func(a, b string, same bool) {
		t.Helper()
		x, y := mustParse(t, a), mustParse(t, b)
		if got := x.Metrics.Plugins[0].Key() == y.Metrics.Plugins[0].Key(); got != same {
			t.Errorf("%s\n%s\nequal keys: got %t, want %t", a, b, got, same)
		}
	}
	plugin := func(s string) string { return `{"metrics": {"metrics_collected": {` + s + `}}}` }
	f(plugin(`"cpu": {"measurement": ["usage_idle"], "totalcpu": true}`), plugin("\n\t"+`"cpu":{"totalcpu":true,"measurement":[ "cpu_usage_idle" ]}`), true)
	f(plugin(`"cpu": {"measurement": ["usage_idle"]}`), plugin(`"cpu": {"measurement": ["usage_idle"], "metrics_collection_interval": 60}`), true)
	f(plugin(`"mem": {"measurement": ["used"], "append_dimensions": {"a": "1", "b": "2"}}`), plugin(`"mem": {"append_dimensions": {"b": "2", "a": "1"}, "measurement": [{"name": "used"}]}`), true)
	f(plugin(`"cpu": {"measurement": ["usage_idle"]}`), plugin(`"cpu": {"measurement": ["usage_user"]}`), false)
	f(plugin(`"disk": {"measurement": ["used"]}`), plugin(`"disk": {"measurement": ["used"], "resources": []}`), false)
}

// No way of cutting strings into fields makes two different sections equal.
func TestKeyQuotes(t *testing.T) {
	a := File{Path: "/a", LogGroupName: `g" stream="s`}
	b := File{Path: "/a", LogGroupName: "g", LogStreamName: "s"}
	if a.Key() == b.Key() {
		t.Error("equal keys for different entries:", strconv.Quote(a.Key()))
	}
}

func mustParse(t *testing.T, src string) *Config {
	t.Helper()
	c, err := Parse("test.json", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
