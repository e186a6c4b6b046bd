//go:build !linux

package main

// pages are those of the program; elsewhere than on Linux they are left to the kernel.
type pages struct{}

func ownPages() pages { return pages{} }

func (pages) letGo() {}
