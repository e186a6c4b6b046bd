package tailer

import "time"

// landmark is a place in a file before which its bytes are known by a checksum.
//
// What a program has written and nobody has synced is in memory alone for a while: a power cut, or a kernel that stops, takes
// it, though it may long have been read and acknowledged. The file then ends earlier than it did, or holds there what was
// written after the boot. Landmarks tell how much of it is as it was.
type landmark struct {
	Offset int64  `json:"offset"`
	Sum    uint64 `json:"sum"` // of the last bytes before it
}

// landmarks are those of a position, the older ones first; the last of them is at the position itself.
type landmarks [3]landmark

// landmarkEvery is how far apart landmarks are taken that stay: of two, one is older than anything that a kernel keeps in
// memory alone. Linux, Documentation/admin-guide/sysctl/vm.rst, dirty_expire_centisecs: "Data which has been dirty in-memory
// for longer than this interval will be written out next time a flusher thread wakes up"; it is 30 s.
const landmarkEvery = time.Minute

// landmarksTo are those of a position at an offset; none if what precedes it cannot be read any more.
func (f *file) landmarksTo(offset int64) (all landmarks) {
	here := landmark{offset, tailSum(f.f, offset)}
	if f.packed || here.Sum == 0 {
		return landmarks{}
	}
	all = f.landmarks.before(offset).with(here)
	if now := time.Now(); now.Sub(f.landmarked) >= landmarkEvery {
		f.landmarks, f.landmarked = all, now
	}
	return all
}

// with has one more, and the newest two of the others.
func (l landmarks) with(one landmark) landmarks {
	for i := range l {
		if l[i] == (landmark{}) {
			l[i] = one
			return l
		}
	}
	return landmarks{l[1], l[2], one}
}

// before are those in front of an offset.
func (l landmarks) before(offset int64) (all landmarks) {
	for _, one := range l {
		if one.Sum != 0 && one.Offset < offset {
			all = all.with(one)
		}
	}
	return all
}

// endsAlike tells whether what precedes a position in a file is what did when the position was taken, as far as that is known.
func (p position) endsAlike(f *file) bool {
	for _, one := range p.Landmarks {
		if one.Sum != 0 && one.Offset == p.Offset && one.Sum != tailSum(f.f, one.Offset) {
			return false
		}
	}
	return true
}

// kept is the last landmark up to which a file is as it was; 0: there is none.
func (p position) kept(f *file) (offset int64) {
	for _, one := range p.Landmarks {
		if one.Sum != 0 && one.Offset > offset && one.Sum == tailSum(f.f, one.Offset) {
			offset = one.Offset
		}
	}
	return offset
}

// keep takes over the landmarks of a position.
func (f *file) keep(l landmarks) {
	if f.landmarks = l.before(f.offset + 1); f.landmarks != (landmarks{}) {
		f.landmarked = time.Now()
	}
}
