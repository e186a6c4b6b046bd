package tailer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"go.uber.org/zap"
)

// compressed tells whether a name is that of a compressed file or an archive, which the original passes over as well.
func compressed(path string) bool {
	return slices.Contains([]string{".tar", ".zst", ".gz", ".zip", ".bz2", ".rar"}, strings.ToLower(filepath.Ext(path)))
}

// pattern is the file_path of an entry.
type pattern struct {
	text   string
	folder string // what stands before the first wildcard: where the operator pointed
	wild   bool
}

func parsePattern(text string) (pattern, error) {
	if !filepath.IsAbs(text) {
		abs, err := filepath.Abs(text)
		if err != nil {
			return pattern{}, fmt.Errorf("file_path %q: %w", text, err)
		}
		text = abs
	}
	slashed := filepath.ToSlash(filepath.Clean(text))
	if !doublestar.ValidatePattern(slashed) {
		return pattern{}, fmt.Errorf("file_path %q: bad pattern (a [ or { is not closed)", text)
	}
	base, rest := doublestar.SplitPattern(slashed)
	wild := strings.ContainsAny(rest, "*?[{")
	return pattern{text: filepath.FromSlash(slashed), folder: filepath.FromSlash(base), wild: wild}, nil
}

// matches are the files that the pattern leads to now.
func (p pattern) matches() []string {
	if !p.wild {
		if info, err := os.Stat(p.text); err != nil || info.IsDir() {
			return nil
		}
		return []string{p.text}
	}
	found, _ := doublestar.FilepathGlob(p.text, doublestar.WithFilesOnly())
	return found
}

// permits tells whether what a matching path leads to lies where the operator pointed: whoever may write to a log folder
// must not be able to have any file of the host shipped by a symbolic link. A path without wildcards may lead anywhere.
func (p pattern) permits(path string) error {
	if !p.wild {
		return nil
	}
	folder, err := filepath.EvalSymlinks(p.folder)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if inside, err := filepath.Rel(folder, real); err != nil || inside == ".." || strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
		return fmt.Errorf("%s is a symbolic link to %s, outside of %s (to follow it, name it without wildcards)", path, real, p.folder)
	}
	return nil
}

// choose applies the entry's rules to what the pattern matches: what is permitted and, unless all are wanted, only the file
// that changed last.
func (e *Entry) choose(found []string) []string {
	chosen := e.permitted(found)
	if e.all || len(chosen) < 2 {
		return chosen
	}
	newest, at := "", int64(0)
	for _, path := range chosen {
		if info, err := os.Stat(path); err == nil && (newest == "" || info.ModTime().UnixNano() > at) {
			newest, at = path, info.ModTime().UnixNano()
		}
	}
	if newest == "" {
		return nil
	}
	return []string{newest}
}

// permitted leaves out archives, what is on the blacklist, and links that lead elsewhere.
func (e *Entry) permitted(found []string) (chosen []string) {
	for _, path := range found {
		if compressed(path) || e.blacklist != nil && e.blacklist.MatchString(filepath.Base(path)) {
			continue
		}
		if err := e.pattern.permits(path); err != nil {
			if e.pattern.wild && !os.IsNotExist(err) && !e.refused[path] {
				e.refused[path] = true
				e.log.Warn("a matching file is left out", zap.String("reason", err.Error()))
			}
			continue
		}
		chosen = append(chosen, path)
	}
	return chosen
}
