// Package migrate reads the configurations of other agents and says what becomes of them here.
package migrate

import (
	"bytes"
	"encoding/json"

	"github.com/nephoscope/nephoscope/config"
)

// Imported is what another agent's configuration amounts to here.
type Imported struct {
	// Config is a config.json.
	Config map[string]any
	// Notes are what could not be taken over, or means something else here, with their places in the files that were read.
	Notes []config.Problem
	// Carried are what was taken over: where it went before, and where it goes now.
	Carried []Carried
	// Files are those that were read.
	Files []string
}

// Carried is one thing that both agents send.
type Carried struct {
	config.Place
	Before string `json:"before"`
	After  string `json:"after"`
}

// JSON is the Config as a file.
func (i Imported) JSON() []byte { return JSON(i.Config) }

// JSON is a configuration as a file: keys in order, indented by tabs, the last line ended.
func JSON(c map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "\t")
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		panic(err) // it is made of objects, lists, strings and numbers
	}
	return b.Bytes()
}

// IsEmpty tells whether nothing at all could be taken over.
func (i Imported) IsEmpty() bool {
	return i.Config["metrics"] == nil && i.Config["logs"] == nil && i.Config["traces"] == nil
}
