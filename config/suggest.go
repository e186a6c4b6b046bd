package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// didYouMean is the hint for a word that is none of those known: the nearest of them, "" if none is near.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// nearest is the known word that a reader would take word for; "" if there is none.
func nearest(word string, known []string) string {
	word = plain(word)
	if other := formerly(word); other != "" {
		for _, k := range known {
			if k == other {
				return k
			}
		}
	}
	size := utf8.RuneCountInString(word)
	if size > 64 { // nobody misspells that much
		return ""
	}
	best, bound := "", 1+size/4
	if size < 3 {
		bound = 0
	}
	for _, k := range known {
		if d := distance(word, plain(k)); d <= bound && (best == "" || d < bound) {
			best, bound = k, d
		}
	}
	for _, k := range known { // memory for mem
		if p := plain(k); best == "" && size >= 3 && len(p) >= 3 && (strings.HasPrefix(word, p) || strings.HasPrefix(p, word)) {
			best = k
		}
	}
	return best
}

// keyHint is the hint for an unknown key.
func keyHint(key string, known []string) string {
	switch key {
	case "buffer_duration", "batch_count", "batch_size", "file_fingerprint_lines", "initial_position", "use_gzip_http_content_encoding":
		return "a key of the older awslogs agent; nothing takes its place"
	}
	if ours := nephoscopeShape(); ours.key(key) != nil && !slices.Contains(known, key) {
		return `it belongs into "nephoscope", at the root`
	}
	return didYouMean(key, known)
}

// instead is what to write for a word that stands where true or false should be; "" if that is not clear.
func instead(word string) string {
	switch strings.ToLower(word) {
	case "true", "yes", "on", "1":
		return "write true"
	case "false", "no", "off", "0":
		return "write false"
	case "none", "nil", "undefined", "nan", "infinity":
		return "leave the key out"
	}
	return ""
}

// plain takes away what people vary freely: case and separators.
func plain(word string) string {
	return strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(strings.TrimSpace(word)))
}

// formerly is today's name of a key of the awslogs agent or of another habit.
func formerly(word string) string {
	switch word {
	case "datetime_format", "time_format", "date_format":
		return "timestamp_format"
	case "multi_line_pattern", "multiline_pattern", "multiline_start_pattern", "multi_line_regex":
		return "multi_line_start_pattern"
	case "flush_interval", "force_flush":
		return "force_flush_interval"
	case "time_zone":
		return "timezone"
	case "file", "path":
		return "file_path"
	case "log_group", "group", "log_group_names":
		return "log_group_name"
	case "log_stream", "stream":
		return "log_stream_name"
	case "retention", "retention_days":
		return "retention_in_days"
	case "exclude", "file_fingerprint_blacklist":
		return "blacklist"
	case "interval", "collection_interval":
		return "metrics_collection_interval"
	case "dimensions":
		return "append_dimensions"
	case "measurements", "metrics", "counters":
		return "measurement"
	case "ignore_fs", "ignore_file_system_type", "ignore_filesystems":
		return "ignore_file_system_types"
	case "pattern", "regex", "regexp":
		return "expression"
	}
	return ""
}

// distance is the number of edits between two words: letters added, left out, replaced, or swapped with their neighbour.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			differ := 1
			if x[i-1] == y[j-1] {
				differ = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
