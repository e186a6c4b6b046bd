package local

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
)

// checkCase refuses a valid JSON document that spells a member of a shape in another case.
func checkCase(document []byte, shape reflect.Type) error {
	members := make(map[string]string)
	collectMembers(shape, members)
	for {
		start := bytes.IndexByte(document, '"')
		if start < 0 {
			return nil
		}
		document = document[start+1:]
		end := stringEnd(document)
		text, rest := document[:end], bytes.TrimLeft(document[end+1:], " \t\r\n")
		document = document[end+1:]
		if len(rest) == 0 || rest[0] != ':' || len(text) > 64 {
			continue // a value
		}
		if right, known := members[strings.ToLower(string(text))]; known && right != string(text) {
			return fmt.Errorf("decode JSON: %q is not a member, %q is", text, right)
		}
	}
}

// stringEnd is where the string ends whose beginning has been taken off.
func stringEnd(document []byte) int {
	for i := 0; i < len(document); i++ {
		switch document[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(document) - 1 // not in a valid document
}

// collectMembers finds the names of all members of a shape, at any depth, by their lower case.
func collectMembers(shape reflect.Type, into map[string]string) {
	switch shape.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collectMembers(shape.Elem(), into)
	case reflect.Struct:
		if shape == reflect.TypeFor[Timestamp]() {
			return
		}
		for i := range shape.NumField() {
			name := memberName(shape.Field(i))
			into[strings.ToLower(name)] = name
			collectMembers(shape.Field(i).Type, into)
		}
	}
}
