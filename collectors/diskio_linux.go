package collectors

import (
	"fmt"
	"strconv"
	"strings"
)

// sectorBytes is the unit of /proc/diskstats, whatever the device's own sector size is (Documentation/admin-guide/iostats.rst).
const sectorBytes = 512

// deviceReader reads /proc/diskstats. gopsutil also would, but it loses every device behind one bad line, and it looks up the
// serial number and label of each device in /dev, /run/udev and /sys at every call, for nobody.
type deviceReader struct{ file procFile }

func newDeviceReader(h Host) *deviceReader {
	return &deviceReader{procFile{path: h.proc("diskstats")}}
}

func (r *deviceReader) read() ([]device, error) {
	text, err := r.file.read()
	if err != nil {
		return nil, fmt.Errorf("read disk counters: %w", err)
	}
	devices, err := parseDiskstats(string(text))
	if err != nil {
		return devices, fmt.Errorf("read disk counters: %w", err)
	}
	return devices, nil
}

// parseDiskstats leaves out devices that never did anything, as the original does. What it cannot read is an error; the
// other lines still count.
func parseDiskstats(text string) ([]device, error) {
	devices := make([]device, 0, strings.Count(text, "\n")+1)
	var bad badLines
	for line := range strings.Lines(text) {
		d, ok := parseDevice(line)
		switch {
		case !ok:
			bad.add(line)
		case d != device{name: d.name}:
			devices = append(devices, d)
		}
	}
	return devices, bad.err()
}

// parseDevice reads major, minor, name and the eleven counters that every kernel since 2.6 has. Newer ones have more.
func parseDevice(line string) (d device, ok bool) {
	var n [11]uint64
	field := 0
	for word := range strings.FieldsSeq(line) {
		switch {
		case field == 2:
			d.name = word
		case field > 2 && field-3 < len(n):
			var err error
			if n[field-3], err = strconv.ParseUint(word, 10, 64); err != nil {
				return d, false
			}
		}
		field++
	}
	d.counters = [deviceCounted]uint64{
		deviceReads: n[0], deviceReadBytes: n[2] * sectorBytes, deviceReadTime: n[3],
		deviceWrites: n[4], deviceWriteBytes: n[6] * sectorBytes, deviceWriteTime: n[7],
		deviceIOTime: n[9],
	}
	d.inProgress = n[8]
	d.merged, d.weightedTime = n[1]+n[5], n[10]
	return d, field >= 3+len(n)
}
