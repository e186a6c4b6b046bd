package local

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// refusesOrigin says why a request may not be served, or "" when it may.
//
// A page on the internet must not reach this server through the browser of someone on this
// machine. Two ways lead there, and each leaves a trace that the page cannot forge:
//   - a name of the page's own that resolves to 127.0.0.1 (DNS rebinding): the Host header has it;
//   - a cross-site request: the Origin or Sec-Fetch-Site header says so.
func (s *Server) refusesOrigin(r *http.Request) string {
	if !s.knowsHost(r.Host) {
		return "This server does not answer to the name " + printable(r.Host) + "."
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return "Requests from another site's page are not served."
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return ""
	}
	// A link on another site may lead to the console's page, and to nothing else.
	if r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		return ""
	}
	return "Requests from another site's page are not served."
}

// knowsHost tells if a Host header can only have come from someone who meant this server: an
// address cannot be rebound, a name can.
func (s *Server) knowsHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback() || s.AllowRemote
	}
	return slices.ContainsFunc(s.Hosts, func(known string) bool { return strings.EqualFold(known, name) })
}

// secured sets the headers that keep the console's page to itself.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
			"img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// printable is a piece of a request that is safe to show: short, and without control characters.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}
