package tailer

import "time"

// The safety net: everything is looked at now and then in case something was not announced. How often depends on how much can be
// trusted.
const (
	// sureNet is for files on file systems that announce everything: it is there for our own mistakes.
	sureNet = time.Minute
	// unsureNet is for those that another host may write to, or another name (NFS, overlayfs, hard links).
	unsureNet = 10 * time.Second
	// deafNet is for files in folders that cannot be watched at all; the original looks as often.
	deafNet = time.Second
	// sureWalk is how often all folders are read where everything is announced: for what was mounted over them, and for names
	// that a file was given elsewhere. Elsewhere they are read with every unsureNet.
	sureWalk = 5 * time.Minute
)

// net is when things were looked at last.
type net struct {
	narrow                   time.Duration
	deaf, unsure, sure, walk time.Time
}

func newNet(now time.Time) *net { return &net{deafNet, now, now, now, now} }

// next is when something is to be looked at.
func (n *net) next(e *Entry) time.Time {
	at := n.sure.Add(sureNet)
	if e.isDoubtful() && n.unsure.Add(unsureNet).Before(at) {
		at = n.unsure.Add(unsureNet)
	}
	for _, t := range e.trusts {
		if t == silent && n.deaf.Add(deafNet).Before(at) {
			at = n.deaf.Add(deafNet)
			break
		}
	}
	if e.stale && !e.all && e.chosenAt.Add(choosing).Before(at) {
		at = e.chosenAt.Add(choosing)
	}
	return at
}

// look looks at what is due.
func (n *net) look(e *Entry, now time.Time) {
	due := func(last *time.Time, every time.Duration) bool {
		if now.Sub(*last) < every {
			return false
		}
		*last = now
		return true
	}
	if due(&n.walk, sureWalk) {
		e.everything()
	}
	whole, most, least := due(&n.sure, sureNet), due(&n.unsure, unsureNet), due(&n.deaf, deafNet)
	switch {
	case whole:
		e.shipChanged()
	case most:
		e.shipDoubted(unsure)
	case least:
		e.shipDoubted(silent)
	}
	if whole || most && e.isDoubtful() {
		e.tree.retry()
		e.tree.reread()
		e.tryHeld()
		if e.overdue {
			e.makeUp()
		}
		e.stale = e.stale || whole || e.tree.doubted > 0 || e.tree.links > 0 // a file that is not followed may have become the newest
	}
}

// isDoubtful tells whether there is anything that the kernel may keep to itself.
func (e *Entry) isDoubtful() bool {
	return e.overdue || len(e.trusts) > 0 || e.tree.doubted > 0 || len(e.tree.again) > 0 || e.tree.base == nil || e.tree.base.real != e.tree.base.path || len(e.tree.linked) > 0 ||
		len(e.leaving) > 0 || len(e.held) > 0 || !e.all && e.tree.links > 0
}
