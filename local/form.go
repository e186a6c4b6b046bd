package local

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A form is a decoded Query body as the tree that its dotted names spell:
// MetricData.member.1.Dimensions.member.2.Value=idle.
// (net/url would do half of this, but refuses the number of parameters that a legal request has.)
type form struct {
	value string
	set   bool
	parts map[string]*form
}

const maxFormDepth = 12

var errDeepForm = errors.New("decode form: a name has too many parts")

func parseForm(body []byte) (*form, error) {
	root := &form{}
	for len(body) > 0 {
		pair, rest, _ := bytes.Cut(body, []byte{'&'})
		body = rest
		if len(pair) == 0 {
			continue
		}
		rawName, rawValue, _ := bytes.Cut(pair, []byte{'='})
		name, err := url.QueryUnescape(string(rawName))
		if err != nil {
			return nil, fmt.Errorf("decode form: %w", err)
		}
		value, err := url.QueryUnescape(string(rawValue))
		if err != nil {
			return nil, fmt.Errorf("decode form: %w", err)
		}
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, errors.New("decode form: the body is not UTF-8")
		}
		if err := root.add(name, value); err != nil {
			return nil, err
		}
	}
	return root, nil
}

func (f *form) add(name, value string) error {
	for depth := 0; name != ""; depth++ {
		if depth == maxFormDepth {
			return errDeepForm
		}
		part, rest, _ := strings.Cut(name, ".")
		if f.parts == nil {
			f.parts = make(map[string]*form)
		}
		next := f.parts[part]
		if next == nil {
			next = &form{}
			f.parts[part] = next
		}
		f, name = next, rest
	}
	f.value, f.set = value, true
	return nil
}

// text is the value of a name at the top of the form.
func (f *form) text(name string) string {
	if part := f.parts[name]; part != nil {
		return part.value
	}
	return ""
}

// items are a list's elements in the order of their numbers. CloudWatch writes Name.member.1, EC2
// writes Name.1.
func (f *form) items() []*form {
	list := f
	if member := f.parts["member"]; member != nil {
		list = member
	}
	numbers := make([]int, 0, len(list.parts))
	for part := range list.parts {
		if n, err := strconv.Atoi(part); err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	sort.Ints(numbers)
	items := make([]*form, len(numbers))
	for i, n := range numbers {
		items[i] = list.parts[strconv.Itoa(n)]
		if items[i] == nil { // written with leading zeros
			items[i] = &form{}
		}
	}
	return items
}

// into fills a shape: structs by the names of their json tags, pointers when the name is there.
func (f *form) into(v reflect.Value, path string) error {
	if reader, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := reader.UnmarshalText([]byte(f.value)); err != nil {
			return fmt.Errorf("decode form: %s: %w", path, err)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return f.into(v.Elem(), path)
	case reflect.Struct:
		return f.intoStruct(v, path)
	case reflect.Slice:
		items := f.items()
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			if err := item.into(v.Index(i), path+"."+strconv.Itoa(i+1)); err != nil {
				return err
			}
		}
	case reflect.String:
		v.SetString(f.value)
	case reflect.Bool:
		v.SetBool(f.value == "true")
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(f.value, 10, 64)
		if err != nil || v.OverflowInt(n) {
			return fmt.Errorf("decode form: %s: %q is not a whole number", path, f.value)
		}
		v.SetInt(n)
	case reflect.Map: // no operation here reads one from a form
	default:
		return fmt.Errorf("decode form: %s cannot be given in a form", path)
	}
	return nil
}

func (f *form) intoStruct(v reflect.Value, path string) error {
	for i := range v.NumField() {
		name := memberName(v.Type().Field(i))
		part := f.parts[name]
		if part == nil {
			continue
		}
		if err := part.into(v.Field(i), strings.TrimPrefix(path+"."+name, ".")); err != nil {
			return err
		}
	}
	return nil
}

// memberName is what a field of a shape is called on the wire.
func memberName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "" {
		return field.Name
	}
	return name
}
