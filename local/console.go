package local

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed console
var consoleFiles embed.FS // the page, its style and its scripts; read only

// console serves the web page and the data behind it.
func (s *Server) console() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", servePage("index.html"))
	mux.HandleFunc("GET /console/{file}", func(w http.ResponseWriter, r *http.Request) {
		servePage(r.PathValue("file"))(w, r)
	})
	mux.HandleFunc("GET /favicon.ico", servePage("icon.svg"))
	mux.HandleFunc("GET /api/metrics", answer(s.consoleMetrics))
	mux.HandleFunc("GET /api/series", answer(s.consoleSeries))
	mux.HandleFunc("GET /api/groups", answer(s.consoleGroups))
	mux.HandleFunc("GET /api/streams", answer(s.consoleStreams))
	mux.HandleFunc("GET /api/events", answer(s.consoleEvents))
	mux.HandleFunc("GET /api/agents", answer(s.consoleAgents))
	mux.HandleFunc("GET /api/parameters", answer(s.consoleParameters))
	mux.HandleFunc("GET /api/tail", s.consoleTail)
	mux.HandleFunc("GET /faults", answer(s.getFaults))
	mux.HandleFunc("PUT /faults", answer(s.putFaults))
	mux.HandleFunc("DELETE /faults", answer(s.deleteFaults))
	return secured(mux)
}

// servePage serves one embedded file. It names no time or version: the browser asks again each time,
// so that a new binary is a new page.
func servePage(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		content, err := fs.ReadFile(consoleFiles, "console/"+name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		kinds := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
			".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
		w.Header().Set("Content-Type", kinds[name[strings.LastIndexByte(name, '.'):]])
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(content) // the browser has gone: nobody is left to tell
	}
}

// errNotFound and errBadRequest are how the console's functions ask for a status.
var (
	errNotFound   = errors.New("not found")
	errBadRequest = errors.New("bad request")
)

// answer serves a function's result as JSON.
func answer[T any](get func(*http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		result, err := get(r)
		status := statusOf(err)
		var body []byte
		if err == nil {
			body, err = json.Marshal(result)
		}
		if err != nil {
			status = max(status, statusOf(err))
			body, _ = json.Marshal(map[string]string{"error": err.Error()}) // strings always marshal
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write(body) // the browser has gone: nobody is left to tell
	}
}

// statusOf is the status that an error, or its absence, is answered with.
func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, errNotFound):
		return http.StatusNotFound
	case errors.Is(err, errBadRequest):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
