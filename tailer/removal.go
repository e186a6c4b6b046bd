package tailer

import (
	"os"
	"path/filepath"

	"github.com/nephoscope/nephoscope/internal/durable"
	"go.uber.org/zap"
)

// dispose removes a file all of which has been acknowledged, if the entry wants that and a newer one has been found: this very
// file, and not what may have taken its name.
func (s *Source) dispose(f *file) (removed bool) {
	if !s.entry.file.AutoRemoval || !s.superseded || f.deleted {
		return false
	}
	info, err := os.Lstat(s.path)
	if err != nil || !os.SameFile(info, f.info) {
		return false
	}
	if own, err := f.f.Stat(); err != nil || own.Size() != f.offset {
		return false // somebody has written to it since: it is taken up again
	}
	if err := os.Remove(s.path); err != nil {
		s.complain("remove log file", durable.Cure(err, filepath.Dir(s.path)))
		return false
	}
	s.log.Info("log file removed: all of it has been acknowledged, and there is a newer one", zap.Int64("bytes", f.offset))
	return true
}
