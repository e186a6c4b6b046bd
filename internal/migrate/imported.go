// Package migrate reads the configurations of other agents and says what becomes of them here.
package migrate

import "github.com/nephoscope/nephoscope/config"

// Imported is what another agent's configuration amounts to here.
type Imported struct {
	// Config is a config.json: what encoding/json makes of it, keys sorted, is the file.
	Config map[string]any
	// Notes are what could not be taken over, or means something else here, with their places in the files that were read.
	Notes []config.Problem
}
