package config

import "errors"

// ParseTogether merges a document that is in no file yet with files that are, as Load would
// if it were one more of them.
func ParseTogether(name string, src []byte, paths ...string) (*Config, error) {
	var files []document
	var unread []error
	for _, path := range paths {
		found, _, err := read(path)
		files = append(files, found...)
		if err != nil {
			unread = append(unread, err)
		}
	}
	if len(unread) > 0 {
		return nil, errors.Join(unread...)
	}
	return build(append(files, document{name, src}))
}
