//go:build race

package main

// underRace tells that this was built with the race detector.
const underRace = true
