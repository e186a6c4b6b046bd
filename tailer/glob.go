package tailer

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// compressed tells whether a name is that of a compressed file or an archive, which the original passes over as well.
func compressed(name string) bool {
	return slices.Contains([]string{".tar", ".zst", ".gz", ".zip", ".bz2", ".rar", ".xz"}, strings.ToLower(filepath.Ext(name)))
}

// pattern is the file_path of an entry. It is matched one folder at a time: in each folder it stands for a few ways to go on.
type pattern struct {
	text   string
	folder string // what stands before the first wildcard: where the operator pointed
	wild   bool
	ways   []string // in that folder; slashes on every system
}

// maxWays bounds what braces may multiply to. Each way is tried on every name in a folder.
const maxWays = 1000

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
	p := pattern{text: filepath.FromSlash(slashed), wild: strings.ContainsAny(rest, "*?[{")}
	if !p.wild {
		p.folder, p.ways = filepath.Dir(p.text), []string{filepath.Base(p.text)}
		return p, nil
	}
	var ways []string
	for _, way := range spread(rest) {
		way = strings.Trim(path.Clean(way), "/") // an alternative may be empty, or end with a slash
		if ways = append(ways, deepen(way)...); len(ways) > maxWays {
			break
		}
	}
	if len(ways) > maxWays {
		return pattern{}, fmt.Errorf("file_path %q: its braces stand for more than %d paths (name fewer folders in braces, or use two entries)", text, maxWays)
	}
	for _, way := range ways {
		for name := range strings.SplitSeq(way, "/") {
			if !doublestar.ValidatePattern(name) {
				return pattern{}, fmt.Errorf("file_path %q: bad pattern (a slash stands within [ and ])", text)
			}
		}
	}
	p.folder, p.ways = filepath.FromSlash(base), onward(nil, ways)
	return p, nil
}

// spread writes out the braces that stand for different folders, so that a slash in a way always parts two names. It ends early,
// with too many, when there are more than maxWays.
func spread(rest string) (ways []string) {
	from, to := folderBraces(rest)
	if from < 0 {
		return []string{rest}
	}
	for _, one := range alternatives(rest[from+1 : to]) {
		if ways = append(ways, spread(rest[:from]+one+rest[to+1:])...); len(ways) > maxWays {
			break
		}
	}
	return ways
}

// deepen gives ** beside other characters the original's meaning: any characters and any folders. /var/log/**.log stands for
// the .log files of the whole tree, not of the folder alone.
func deepen(way string) []string {
	names := strings.Split(way, "/")
	for i, name := range names {
		before, behind, doubled := strings.Cut(name, "**")
		if !doubled || name == "**" {
			continue
		}
		behind = strings.TrimLeft(behind, "*")
		flat, deep := before+"*"+behind, "**/*"+behind
		if before != "" {
			deep = before + "*/" + deep
		}
		head, tail := names[:i], names[i+1:]
		ways := deepen(strings.Join(slices.Concat(head, []string{flat}, tail), "/"))
		if len(ways) > maxWays {
			return ways
		}
		return append(ways, deepen(strings.Join(slices.Concat(head, []string{deep}, tail), "/"))...)
	}
	return []string{way}
}

// folderBraces finds the first braces that hold a slash or **; from is -1 if there are none.
func folderBraces(s string) (from, to int) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			end := closing(s, i)
			if inside := s[i:end]; strings.Contains(inside, "/") || strings.Contains(inside, "**") {
				return i, end
			}
			i = end
		}
	}
	return -1, -1
}

// closing finds the brace that closes the one at an offset; the end of s if none does.
func closing(s string, at int) int {
	deep := 0
	for i := at; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			deep++
		case '}':
			if deep--; deep == 0 {
				return i
			}
		}
	}
	return len(s)
}

// alternatives cuts what stands between braces at its own commas.
func alternatives(s string) (all []string) {
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			i = closing(s, i)
		case ',':
			all, from = append(all, s[from:i]), i+1
		}
	}
	return append(all, s[min(from, len(s)):])
}

// onward adds ways to those there are, each once; ** stands for no folder as well.
func onward(ways, more []string) []string {
	for _, way := range more {
		for {
			if !slices.Contains(ways, way) {
				ways = append(ways, way)
			}
			behind, deep := strings.CutPrefix(way, "**/")
			if !deep {
				break
			}
			way = behind
		}
	}
	return ways
}

func (p pattern) fits(glob, name string) bool {
	if !p.wild {
		return glob == name
	}
	return glob == "**" || doublestar.MatchUnvalidated(glob, name)
}

// below tells how the pattern goes on in a folder of the given name; nil: it does not lead there.
func (p pattern) below(ways []string, name string) (deeper []string) {
	for _, way := range ways {
		first, behind, more := strings.Cut(way, "/")
		switch {
		case first == "**":
			deeper = onward(deeper, []string{way})
		case more && p.fits(first, name):
			deeper = onward(deeper, []string{behind})
		}
	}
	if slices.Equal(deeper, ways) {
		return ways // most folders below a ** are alike: they share one list
	}
	return deeper
}

// names tells whether the pattern ends with the given name.
func (p pattern) names(ways []string, name string) bool {
	return slices.ContainsFunc(ways, func(way string) bool { return !strings.Contains(way, "/") && p.fits(way, name) })
}

// leadsTo tells whether the pattern matches a path, whatever is there.
func (p pattern) leadsTo(path string) bool {
	if !p.wild {
		return path == p.text
	}
	return slices.ContainsFunc(p.ways, func(way string) bool {
		return doublestar.MatchUnvalidated(strings.TrimSuffix(filepath.ToSlash(p.folder), "/")+"/"+way, filepath.ToSlash(path))
	})
}

// mayName tells whether some path that ends with the given name may match.
func (p pattern) mayName(name string) bool {
	return slices.ContainsFunc(p.ways, func(way string) bool { return p.fits(way[strings.LastIndexByte(way, '/')+1:], name) })
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
	if !within(folder, real) {
		return fmt.Errorf("%w to %s, outside of %s (to follow it, name it without wildcards)", errAstray, real, p.folder)
	}
	return nil
}

// errAstray says that a symbolic link leads to where the operator did not point.
var errAstray = errors.New("it is a symbolic link")

// within tells whether a path lies in a folder or is it; both without symbolic links.
func within(folder, path string) bool {
	inside, err := filepath.Rel(folder, path)
	return err == nil && inside != ".." && !strings.HasPrefix(inside, ".."+string(filepath.Separator))
}
