package config

// Document is one configuration file, as it was read.
type Document struct {
	Name   string // stands in the places of its problems
	Source []byte
}

// ReadDocument reads one file.
func ReadDocument(path string) (Document, error) {
	d, err := readFile(path)
	return Document{d.name, d.src}, err
}

// ReadFolder reads what Load reads of a folder, which may be empty. The problems are about files that are left out.
func ReadFolder(folder string) ([]Document, []Problem, error) {
	found, skipped, err := readFolder(folder)
	var all []Document
	for _, d := range found {
		all = append(all, Document{d.name, d.src})
	}
	return all, skipped, err
}

// Merge is Load for what has been read already: Parse for several documents at once.
func Merge(documents ...Document) (*Config, error) {
	var all []document
	for _, d := range documents {
		all = append(all, document{d.Name, d.Source})
	}
	return build(all)
}
