package collectors

import (
	"os"
	"path/filepath"
	"strings"
)

// serialNumbers lists the serial numbers of disks by name: of an EBS volume that is an NVMe device it is the volume's id. Other
// systems have none, nor have the disks of Xen.
func serialNumbers(h Host) map[string]string {
	serials := map[string]string{}
	disks, _ := os.ReadDir(h.sys("block")) // where there is none, there are none
	for _, d := range disks {
		text, err := os.ReadFile(h.sys(filepath.Join("block", d.Name(), "device", "serial")))
		if serial := strings.TrimSpace(string(text)); err == nil && serial != "" {
			serials[d.Name()] = serial
		}
	}
	return serials
}

// volumeBehind is the volume that a device is, or is a partition of; "": that is not known.
func volumeBehind(device string, serials map[string]string) string {
	disk := strings.TrimRight(device, "0123456789") // sda1; nvme0n1p1 has a p before its number
	for _, name := range []string{device, disk, strings.TrimSuffix(disk, "p")} {
		if serial := serials[name]; serial != "" {
			return volumeOf(serial)
		}
	}
	return ""
}
