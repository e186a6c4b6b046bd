package tailer

import "os"

// trusted trusts the folder's access list, which files in it inherit.
func trusted(_, _ os.FileInfo) error { return nil }
