package tailer

import "time"

// expects tells whether a source is going to look by itself so soon that a write needs not wake it.
func (s *Source) expects(time.Time) bool { return false }
