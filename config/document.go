package config

// Document is a configuration file as it was read.
type Document struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// ReadDocuments reads what Load reads, and understands nothing of it: LoadDocuments does. The problems are warnings of files
// that were passed over.
func ReadDocuments(paths ...string) ([]Document, []Problem, error) {
	files, skipped, err := readAll(paths)
	var all []Document
	for _, d := range files {
		all = append(all, Document{d.name, string(d.src)})
	}
	return all, skipped, err
}

// LoadDocuments makes one configuration of files that were read, as Load does.
func LoadDocuments(files []Document) (*Config, error) {
	var all []document
	for _, d := range files {
		all = append(all, document{d.Name, []byte(d.Text)})
	}
	return build(all)
}
