package collectors

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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

// withAttached adds the volumes that are attached to serial numbers. One that a disk says it is, is no other disk: what EC2 attaches as
// sda1 may be nvme0n1, and sda be none of EC2's.
func withAttached(serials, attached map[string]string) map[string]string {
	told := map[string]bool{}
	for _, serial := range serials {
		told[volumeOf(serial)] = true
	}
	for name, volume := range attached {
		if serials[name] == "" && !told[volume] {
			serials[name] = volume
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

// attachedVolumes is what somebody else has found out about the disks of this host that do not say themselves which volume they
// are. The zero value: nobody is asked.
type attachedVolumes struct {
	mu      sync.Mutex
	waited  bool              // for the first answer
	known   map[string]string // volume ids by the kernel's names
	version int               // of what is known
}

// wordless are disks that may be EBS volumes and have no serial number: those of Xen.
var wordless = regexp.MustCompile(`^(xvd|sd)[a-z]+$`)

// isWordless tells whether a device is, or is a partition of, a disk that does not say which volume it is.
func isWordless(device string, serials map[string]string) bool {
	return wordless.MatchString(strings.TrimRight(device, "0123456789")) && volumeBehind(device, serials) == ""
}

// LacksVolumes tells whether the host has disks that do not say which volume they are.
func (h Host) LacksVolumes() bool {
	serials := serialNumbers(h)
	disks, _ := os.ReadDir(h.sys("block")) // where there is none, there are none
	for _, d := range disks {
		if wordless.MatchString(d.Name()) && serials[d.Name()] == "" {
			return true
		}
	}
	return false
}

// AwaitVolumes has collectors of a Shared host hold back what would lack its volume until KnowVolumes is called for the first time.
func (h Host) AwaitVolumes() {
	v := h.volumes
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.version == 0 {
		v.waited = true
		v.version = 1
	}
}

// KnowVolumes tells the collectors of a Shared host which volumes are attached: ids by device, as EC2 names it (/dev/sdf). nil: what
// was known before goes on; nobody has to wait for it any more.
func (h Host) KnowVolumes(attached map[string]string) {
	v := h.volumes
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waited || attached != nil {
		v.version++
	}
	v.waited = false
	if attached != nil {
		v.known = kernelNames(attached)
	}
}

// look is what is known, whether an answer is waited for, and which version that is.
func (v *attachedVolumes) look() (known map[string]string, waited bool, version int) {
	if v == nil {
		return nil, false, 0
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.known, v.waited, v.version
}

// kernelNames are the names that Linux has for devices that EC2 attaches: it calls sdf xvdf as a rule, and the whole disk xvda that
// EC2 attaches as sda1, unless sda2 is another volume.
func kernelNames(attached map[string]string) map[string]string {
	names := map[string]string{}
	whole := map[string][]string{}
	for device, volume := range attached {
		name := strings.TrimPrefix(device, "/dev/")
		for _, n := range []string{name, "xvd" + strings.TrimPrefix(name, "sd")} {
			if n == name || strings.HasPrefix(name, "sd") {
				names[n] = volume
				whole[strings.TrimRight(n, "0123456789")] = append(whole[strings.TrimRight(n, "0123456789")], volume)
			}
		}
	}
	for disk, volumes := range whole {
		if _, taken := names[disk]; !taken && len(volumes) == 1 {
			names[disk] = volumes[0]
		}
	}
	return names
}
