// Package explain says what a configuration would do on this host, without doing it.
package explain
