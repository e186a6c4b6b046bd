package cloudwatch

import (
	"errors"
	"fmt"
)

// Class says what a refusal of the service means for the one who asked. Whoever speaks to the service classifies;
// whoever asked decides; nobody else reads error codes.
type Class int

const (
	Unavailable Class = iota // no answer, a garbled one, or a 5xx: the service may or may not have acted
	Throttled                // asked to slow down
	Denied                   // credentials missing, expired or not allowed
	NotFound                 // log group or stream does not exist
	Exists                   // it already does
	Invalid                  // this very request can never succeed
)

func (c Class) String() string {
	return [...]string{"unavailable", "throttled", "denied", "not found", "exists", "invalid"}[c]
}

// Failure is a refusal with its class.
type Failure struct {
	Class Class
	Err   error
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %v", f.Class, f.Err) }
func (f *Failure) Unwrap() error { return f.Err }

// ClassOf finds the class of an error. What nobody classified is taken to be a failure of the way there.
func ClassOf(err error) Class {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Class
	}
	return Unavailable
}
