package collectors

import "testing"

func TestKindsOfFileSystemsAndDevices(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"squashfs": true, "overlay": true, "tmpfs": true, "ext4": false, "xfs": false, "nfs4": false, "": false} {
		if got := PseudoFileSystem(name); got != want {
			t.Errorf("file system %q: got %v", name, got)
		}
	}
	for name, want := range map[string]bool{"loop3": true, "ram0": true, "zram1": true, "sda": false, "nvme0n1p1": false, "loops": false} {
		if got := VirtualDevice(name); got != want {
			t.Errorf("device %q: got %v", name, got)
		}
	}
}
