// Package migrate reads the configurations of other agents and says what becomes of them here.
package migrate

import (
	"bytes"
	"encoding/json"

	"github.com/nephoscope/nephoscope/config"
)

// Imported is what another agent's configuration amounts to here.
type Imported struct {
	// Config is a config.json: what encoding/json makes of it, keys sorted, is the file.
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

// JSON is the Config as a file, in the form in which the wizard writes it.
func (i Imported) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "\t")
	e.SetEscapeHTML(false)
	_ = e.Encode(i.Config) // strings, numbers, lists and objects: nothing in it can fail
	return b.Bytes()
}

// IsEmpty tells whether nothing at all could be taken over.
func (i Imported) IsEmpty() bool {
	return i.Config["metrics"] == nil && i.Config["logs"] == nil && i.Config["traces"] == nil
}
