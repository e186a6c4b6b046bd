package migrate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// draft is a piece of a config.json in the making: a value, a list or an object that knows what it was made from. What is
// here only because something is in it has no place.
type draft struct {
	at    config.Place
	value any // a string, an int or a bool
	keys  map[string]*draft
	list  bool
	items []*draft
	was   string // what the other agent did with it; "": nothing worth a word
}

func object(at config.Place) *draft { return &draft{at: at, keys: map[string]*draft{}} }

// set gives a key a value: a string, an int, a bool, or a draft.
func (d *draft) set(key string, at config.Place, value any) {
	if made, ok := value.(*draft); ok {
		d.keys[key] = made
		return
	}
	d.keys[key] = &draft{at: at, value: value}
}

// within is the object at the end of a path of keys; what is not there yet is made.
func (d *draft) within(path ...string) *draft {
	for _, key := range path {
		if d.keys[key] == nil {
			d.keys[key] = object(config.Place{})
		}
		d = d.keys[key]
	}
	return d
}

// add appends to the list of a key.
func (d *draft) add(key string, at config.Place, value any) {
	if d.keys[key] == nil {
		d.keys[key] = &draft{list: true, at: at}
	}
	item, ok := value.(*draft)
	if !ok {
		item = &draft{at: at, value: value}
	}
	d.keys[key].items = append(d.keys[key].items, item)
}

// text is the string of a key; "" if it has none.
func (d *draft) text(key string) string {
	if d.keys[key] == nil {
		return ""
	}
	t, _ := d.keys[key].value.(string)
	return t
}

// plain is the draft without its places, as encoding/json takes it.
func (d *draft) plain() any {
	switch {
	case d.keys != nil:
		all := make(map[string]any, len(d.keys))
		for key, v := range d.keys {
			all[key] = v.plain()
		}
		return all
	case d.list:
		all := make([]any, len(d.items))
		for i, v := range d.items {
			all[i] = v.plain()
		}
		return all
	}
	return d.value
}

// find is the piece at a JSON path, or the nearest one around it.
func (d *draft) find(path string) *draft {
	if rest, ok := strings.CutPrefix(path, "["); ok && d.list {
		number, rest, _ := strings.Cut(rest, "]")
		if i, err := strconv.Atoi(number); err == nil && i >= 0 && i < len(d.items) {
			return d.items[i].find(rest)
		}
		return d
	}
	path = strings.TrimPrefix(path, ".")
	best := ""
	for key := range d.keys { // a key may hold a dot
		rest, ok := strings.CutPrefix(path, key)
		if ok && len(key) > len(best) && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			best = key
		}
	}
	if best == "" {
		return d
	}
	return d.keys[best].find(path[len(best):])
}

// without takes pieces out, wherever they are, and what was there only because of them.
func (d *draft) without(pieces map[*draft]bool) {
	for _, v := range d.keys {
		v.without(pieces)
	}
	for _, v := range d.items {
		v.without(pieces)
	}
	d.items = slices.DeleteFunc(d.items, func(v *draft) bool { return pieces[v] })
	maps.DeleteFunc(d.keys, func(_ string, v *draft) bool { return pieces[v] || v.isHollow() })
}

// isHollow tells whether nothing is in a list, or in an object that was made for what is in it.
func (d *draft) isHollow() bool {
	return d.list && len(d.items) == 0 || d.keys != nil && len(d.keys) == 0 && d.at.File == ""
}

// each visits the draft and everything in it with its JSON path.
func (d *draft) each(path string, visit func(path string, d *draft)) {
	visit(path, d)
	for key, v := range d.keys {
		below := key
		if path != "" {
			below = path + "." + key
		}
		v.each(below, visit)
	}
	for i, v := range d.items {
		v.each(path+"["+strconv.Itoa(i)+"]", visit)
	}
}
