// Package wizard asks the operator what to collect and writes the config.json that does it.
package wizard
