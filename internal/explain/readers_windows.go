package explain

import "os"

// readers cannot tell who may: access lists say that here.
func readers(os.FileInfo) string { return "its access list does not let this user" }

// runner is nobody: whom a service runs as is not the configuration's to say here.
type runner struct{}

func runnerNamed(string) *runner { return &runner{} }

func (*runner) mayNot(string, os.FileInfo) string { return "" }
