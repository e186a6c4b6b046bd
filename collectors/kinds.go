package collectors

import "slices"

// PseudoFileSystem tells of a file system's type that no disk of its own stands behind it.
func PseudoFileSystem(fstype string) bool { return slices.Contains(pseudoTypes, fstype) }

// VirtualDevice tells of a block device's name that it is memory, or a file of another device.
func VirtualDevice(name string) bool { return virtual.MatchString(name) }
