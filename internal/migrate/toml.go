package migrate

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/nephoscope/nephoscope/config"
)

// table is a TOML table that knows where its keys stand. The TOML reader does not tell, so the file is looked through line by
// line: a [header], then its keys.
type table struct {
	path   string // such as inputs.cpu[1]
	values map[string]any
	places map[string]config.Place // of the whole file, by path
	near   config.Place            // of the table itself
}

// readTOML reads one file. nil: it cannot be read, which is noted as a mistake.
func (m *importing) readTOML(d document) *table {
	if !m.isText(d) {
		return nil
	}
	values := map[string]any{}
	if _, err := toml.Decode(d.body(), &values); err != nil {
		at, text := d.at(1, 1, ""), err.Error()
		if e, ok := errors.AsType[toml.ParseError](err); ok {
			text = e.Message
			before := d.body()[:min(max(e.Position.Start, 0), len(d.body()))]
			at.Line, at.Column = strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n')
		}
		text = withoutValues(strings.TrimPrefix(text, "toml: "))
		hint := ""
		if strings.HasPrefix(text, "expected value") || strings.HasPrefix(text, "expected a top-level item") {
			hint = "texts stand in quotes, and so do variables of the environment, which are not known here"
		}
		m.wrong(at, "not TOML: "+text, hint)
		return nil
	}
	return &table{values: values, places: tomlPlaces(d), near: d.at(1, 1, "")}
}

// quotation is what a message of the TOML reader quotes.
var quotation = regexp.MustCompile(`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'`)

// withoutValues is a message that names keys and single characters, and nothing else of a file that may hold secrets.
func withoutValues(text string) string {
	if strings.HasPrefix(text, "Key '") {
		return text
	}
	return quotation.ReplaceAllStringFunc(text, func(quoted string) string {
		if quoted[0] == '\'' && len(quoted) <= len(`'\n'`) {
			return quoted
		}
		return "a text"
	})
}

// tomlPlaces finds headers and keys. What it takes for a key within a text of several lines does no harm: nobody asks for it.
func tomlPlaces(d document) map[string]config.Place {
	places := map[string]config.Place{}
	count := map[string]int{} // of the tables of an array, by their name
	in, number := "", 0
	for line := range strings.Lines(d.body()) {
		number++
		said := strings.TrimSpace(line)
		at := d.at(number, indentation(line)+1, "")
		if strings.HasPrefix(said, "[") && strings.Contains(said, "]") {
			name := bareKey(strings.Trim(said[:strings.IndexByte(said, ']')], "[ \t"))
			in = latest(name, count)
			if strings.HasPrefix(said, "[[") {
				in = fmt.Sprintf("%s[%d]", latest(parent(name), count)+name[len(parent(name)):], count[name])
				count[name]++
			}
			said = ""
		}
		path := in
		if key, _, ok := strings.Cut(said, "="); ok {
			path = dotted(in, bareKey(key))
		} else if said != "" {
			continue
		}
		if _, known := places[path]; !known && path != "" {
			at.Path = path
			places[path] = at
		}
	}
	return places
}

// latest is a header's name with the number of the last table of each array on the way: inputs.cpu.tags is inputs.cpu[2].tags.
func latest(name string, count map[string]int) string {
	for prefix := name; prefix != ""; prefix = parent(prefix) {
		if n := count[prefix]; n > 0 {
			return latest(parent(prefix), count) + prefix[len(parent(prefix)):] + "[" + strconv.Itoa(n-1) + "]" + name[len(prefix):]
		}
	}
	return name
}

func parent(name string) string { return name[:max(strings.LastIndexByte(name, '.'), 0)] }

// bareKey is a key without its quotes and blanks.
func bareKey(key string) string {
	parts := strings.Split(key, ".")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(p), `"'`)
	}
	return strings.Join(parts, ".")
}

func dotted(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// at is where a key stands.
func (t *table) at(key string) config.Place {
	path := dotted(t.path, key)
	if p, ok := t.places[path]; ok {
		return p
	}
	p := t.near
	p.Path = path
	return p
}

// has tells whether a key is there.
func (t *table) has(key string) bool { return t != nil && t.values[key] != nil }

// within is the table of a key; nil if it has none.
func (t *table) within(key string) *table {
	if t == nil {
		return nil
	}
	values, ok := t.values[key].(map[string]any)
	if !ok {
		return nil
	}
	return &table{dotted(t.path, key), values, t.places, t.at(key)}
}

// all are the tables of an array, or the one table that stands for an array of one.
func (t *table) all(key string) (all []*table) {
	if t == nil {
		return nil
	}
	if one := t.within(key); one != nil {
		return []*table{one}
	}
	array, _ := t.values[key].([]map[string]any)
	for i, values := range array {
		numbered := fmt.Sprintf("%s[%d]", key, i)
		all = append(all, &table{dotted(t.path, numbered), values, t.places, t.at(numbered)})
	}
	return all
}

// text is a string; "" if there is none.
func (t *table) text(key string) string {
	if t == nil {
		return ""
	}
	s, _ := t.values[key].(string)
	return s
}

// texts is a list of strings; a string stands for a list of one.
func (t *table) texts(key string) (all []string) {
	if s := t.text(key); s != "" {
		return []string{s}
	}
	list, _ := t.values[key].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// flag is true or false.
func (t *table) flag(key string, otherwise bool) bool {
	if v, ok := t.values[key].(bool); ok {
		return v
	}
	return otherwise
}
