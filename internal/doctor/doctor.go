// Package doctor looks for what keeps the agent from working.
package doctor
