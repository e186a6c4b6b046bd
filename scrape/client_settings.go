package scrape

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// clientSettings say how a job's targets are asked. Secrets are in it: it is never printed.
type clientSettings struct {
	basic *struct{ user, userFile, password, passwordFile string }
	// kind and credentials are the Authorization header.
	kind, credentials, credentialsFile string
	bearer, bearerFile                 string // the older way to write the same
	tls                                tlsSettings
	redirects                          bool
	proxy                              *url.URL
	proxyFromEnvironment               bool
	headers                            map[string][]string
}

type tlsSettings struct {
	ca, caFile, cert, certFile, key, keyFile, serverName, min, max string
	insecure                                                       bool
}

// tlsVersions are Prometheus's names (common config/http_config.go).
var tlsVersions = map[string]uint16{"": 0, "TLS10": tls.VersionTLS10, "TLS11": tls.VersionTLS11, "TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13}

// noReference is why what comes out of a secret manager is not taken.
const noReference = "there is no secret manager here; use a file"

func (s *clientSettings) keys(r *reader) keys {
	return keys{
		"basic_auth": func(n *yaml.Node, path string) {
			s.basic = &struct{ user, userFile, password, passwordFile string }{}
			r.mapping(n, path, keys{"username": r.text(&s.basic.user), "username_file": r.path(&s.basic.userFile), "password": r.text(&s.basic.password),
				"password_file": r.path(&s.basic.passwordFile), "username_ref": refuse(r, noReference), "password_ref": refuse(r, noReference)}, nil)
			if s.basic.user != "" && s.basic.userFile != "" || s.basic.password != "" && s.basic.passwordFile != "" {
				r.wrong(r.at(n, path), "the same is said in the configuration and in a file", "leave one of them")
			}
		},
		"authorization": func(n *yaml.Node, path string) {
			s.kind = "Bearer"
			r.mapping(n, path, keys{"type": r.text(&s.kind), "credentials": r.text(&s.credentials), "credentials_file": r.path(&s.credentialsFile),
				"credentials_ref": refuse(r, noReference)}, nil)
			switch s.kind = strings.TrimSpace(s.kind); {
			case strings.EqualFold(s.kind, "basic"):
				r.wrong(r.at(n, path), "the type is basic", "use basic_auth")
			case s.credentials != "" && s.credentialsFile != "":
				r.wrong(r.at(n, path), "there are credentials and credentials_file", "leave one of them")
			case s.kind == "":
				s.kind = "Bearer"
			}
		},
		"bearer_token": r.text(&s.bearer), "bearer_token_file": r.path(&s.bearerFile),
		"oauth2": refuse(r, "let a program that has a token write it to a file, and name that in authorization.credentials_file"),
		"tls_config": func(n *yaml.Node, path string) {
			t := &s.tls
			r.mapping(n, path, keys{"ca": r.text(&t.ca), "ca_file": r.path(&t.caFile), "cert": r.text(&t.cert), "cert_file": r.path(&t.certFile), "key": r.text(&t.key),
				"key_file": r.path(&t.keyFile), "server_name": r.text(&t.serverName), "min_version": r.text(&t.min), "max_version": r.text(&t.max),
				"insecure_skip_verify": r.yes(&t.insecure), "ca_ref": refuse(r, noReference), "cert_ref": refuse(r, noReference), "key_ref": refuse(r, noReference)}, nil)
			for _, v := range []string{t.min, t.max} {
				if _, ok := tlsVersions[v]; !ok {
					r.wrong(r.at(n, path), fmt.Sprintf("unknown version of TLS %q", v), "TLS10, TLS11, TLS12 or TLS13")
				}
			}
			if (t.cert+t.certFile == "") != (t.key+t.keyFile == "") {
				r.wrong(r.at(n, path), "there is a certificate without its key, or a key without its certificate", "add the other")
			}
		},
		"follow_redirects": r.yes(&s.redirects),
		"proxy_url": func(n *yaml.Node, path string) {
			var text string
			r.text(&text)(n, path)
			var err error
			if s.proxy, err = url.Parse(text); err != nil || text != "" && s.proxy.Host == "" {
				r.wrong(r.at(n, path), "not an URL", "such as http://proxy:3128")
			}
			if text == "" {
				s.proxy = nil
			}
		},
		"proxy_from_environment": r.yes(&s.proxyFromEnvironment),
		"no_proxy":               refuse(r, "set NO_PROXY and proxy_from_environment, or make a job of its own for targets without the proxy"),
		"proxy_connect_header":   refuse(r, "put a user and a password into proxy_url"),
		"http_headers":           func(n *yaml.Node, path string) { s.readHeaders(r, n, path) },
	}
}

// refuse reads a key that cannot be left without effect: targets would be asked in another way than the user meant.
func refuse(r *reader, hint string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) { r.wrong(r.at(n, path), "this is not supported", hint) }
}

// readHeaders reads http_headers: a mapping of names to values.
func (s *clientSettings) readHeaders(r *reader, n *yaml.Node, path string) {
	s.headers = map[string][]string{}
	if n.Kind != yaml.MappingNode {
		r.wrong(r.at(n, path), "here should be a mapping, not "+kind(n), "")
		return
	}
	for _, m := range r.members(n, path) {
		name := m.key.Value
		var values []string
		r.mapping(m.value, m.path, keys{"values": r.texts(&values), "secrets": r.texts(&values), "files": refuse(r, "use values or secrets")}, nil)
		switch strings.ToLower(name) { // common config/headers.go refuses these
		case "authorization", "host", "content-length", "accept", "accept-encoding", "user-agent", "x-prometheus-scrape-timeout-seconds":
			r.wrong(r.at(m.key, path), fmt.Sprintf("the header %s cannot be set", name), "use authorization or basic_auth to log in")
		default:
			s.headers[name] = values
		}
	}
}

// settle looks at what belongs together.
func (s *clientSettings) settle(r *reader, n *yaml.Node, path string) {
	ways := 0
	for _, is := range []bool{s.basic != nil, s.kind != "", s.bearer != "" || s.bearerFile != ""} {
		if is {
			ways++
		}
	}
	if ways > 1 || s.bearer != "" && s.bearerFile != "" {
		r.wrong(r.at(n, path), "there is more than one way to log in", "leave one of basic_auth, authorization, bearer_token and bearer_token_file")
	}
	if s.bearer != "" || s.bearerFile != "" {
		s.kind, s.credentials, s.credentialsFile = "Bearer", s.bearer, s.bearerFile
	}
	if s.proxy != nil && s.proxyFromEnvironment {
		r.wrong(r.at(n, path), "there are proxy_url and proxy_from_environment", "leave one of them")
	}
	used := map[string]string{"tls_config.ca_file": s.tls.caFile, "tls_config.cert_file": s.tls.certFile, "tls_config.key_file": s.tls.keyFile,
		"authorization.credentials_file": s.credentialsFile}
	if s.basic != nil {
		used["basic_auth.username_file"], used["basic_auth.password_file"] = s.basic.userFile, s.basic.passwordFile
	}
	for name, file := range used {
		if file == "" {
			continue
		}
		if _, err := readSmall(file); err != nil {
			r.warn(r.at(n, path+"."+name), err.Error(), "scrapes fail until it can be read by the agent's user")
		}
	}
}
