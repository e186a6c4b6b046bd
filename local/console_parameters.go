package local

import "net/http"

type consoleParameter struct {
	Name        string  `json:"name"`
	Type        string  `json:"type"`
	Tier        string  `json:"tier"`
	Description string  `json:"description"`
	Version     int64   `json:"version"`
	Modified    int64   `json:"modified"` // millisecond
	Bytes       int     `json:"bytes"`
	Value       *string `json:"value"` // null for a SecureString
}

// maxConsoleParameters bounds what the page shows.
const maxConsoleParameters = 500

// consoleParameters lists the parameters as they are now. What the service would encrypt is not shown.
func (s *Server) consoleParameters(r *http.Request) ([]consoleParameter, error) {
	found, err := s.store.parameters(r.Context(), parameterFilter{limit: maxConsoleParameters})
	list := make([]consoleParameter, len(found))
	for i, p := range found {
		list[i] = consoleParameter{p.name, p.kind, p.tier, p.description, p.version, p.modified, len(p.value), &found[i].value}
		if p.kind == typeSecureString {
			list[i].Value = nil
		}
	}
	return list, err
}
