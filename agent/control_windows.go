package agent

import "syscall"

// forOwner has nothing to do: the file takes over who may open it from the state folder, which is in the user's own.
func forOwner(string, string, syscall.RawConn) error { return nil }
