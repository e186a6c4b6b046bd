package local

import (
	"bytes"
	"encoding"
	"encoding/xml"
	"reflect"
	"sort"
	"strconv"
)

// An xmlBody writes an output shape as the Query protocol does: lists as <member> elements
// (<item> in EC2's dialect), maps as entries of a key and a value, absent members not at all.
type xmlBody struct {
	bytes.Buffer
	element string // of a list
}

func newXMLBody(c *call) *xmlBody {
	b := &xmlBody{element: "member"}
	if c.service == "ec2" {
		b.element = "item"
	}
	b.WriteString(xml.Header)
	b.WriteString("<" + c.operation + `Response xmlns="` + queryNamespace(c.service) + `">`)
	return b
}

func (b *xmlBody) open(name string)  { b.WriteString("<" + name + ">") }
func (b *xmlBody) close(name string) { b.WriteString("</" + name + ">") }

func (b *xmlBody) text(name, text string) {
	b.open(name)
	// Writing to memory does not fail.
	_ = xml.EscapeText(b, []byte(text))
	b.close(name)
}

// members writes a struct's fields.
func (b *xmlBody) members(v reflect.Value) {
	for i := range v.NumField() {
		field := v.Field(i)
		if !field.IsZero() || field.Kind() == reflect.Slice {
			b.value(memberName(v.Type().Field(i)), field)
		}
	}
}

func (b *xmlBody) value(name string, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if !v.IsNil() {
			b.value(name, v.Elem())
		}
		return
	}
	if writer, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := writer.MarshalText()
		if err == nil {
			b.text(name, string(text))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		b.open(name)
		b.members(v)
		b.close(name)
	case reflect.Slice:
		b.open(name)
		for i := range v.Len() {
			b.value(b.element, v.Index(i))
		}
		b.close(name)
	case reflect.Map:
		b.entries(name, v)
	case reflect.String:
		b.text(name, v.String())
	case reflect.Float64:
		b.text(name, strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case reflect.Int, reflect.Int32, reflect.Int64:
		b.text(name, strconv.FormatInt(v.Int(), 10))
	case reflect.Bool:
		b.text(name, strconv.FormatBool(v.Bool()))
	}
}

func (b *xmlBody) entries(name string, v reflect.Value) {
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	b.open(name)
	for _, key := range keys {
		b.open("entry")
		b.text("key", key.String())
		b.value("value", v.MapIndex(key))
		b.close("entry")
	}
	b.close(name)
}
