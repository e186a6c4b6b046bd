package doctor

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// blot is what stands in the place of a secret.
const blot = "[blotted out]"

// Redactor takes secrets out of texts: those that it was told, and whatever looks like one. It rather takes too much.
type Redactor struct {
	literals [][]byte
	rules    []rule
}

// rule finds secrets: the group of its pattern that is to go, where keep agrees that the match may stay.
type rule struct {
	pattern *regexp.Regexp
	group   int
	keep    func(groups [][]byte) bool
}

const (
	secretWords = `(?:secret|passw|passphrase|passcode|pwd|token|credential|private_?-?key|access_?-?key|api_?-?key|auth_?-?key|signature)`
	// value is what follows a key: quoted, quoted within a quoted text, or a word.
	value = `(\\+"[^"\n]*(?:"|$)|"(?:\\.|[^"\\])*(?:"|$)|'[^'\n]*(?:'|$)|[^\s,;}&"'{\[\\][^\s,;}&]*)`
)

// NewRedactor makes one that knows some secrets of this host by heart. Those of less than four characters are not taken: they
// would be found everywhere.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{rules: []rule{
		{pattern: regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)`)},
		// AWS Signature Version 4, Bearer, Basic: to the end of the line.
		{pattern: regexp.MustCompile(`(?i)authorization\\*["']?\s*[:=]\s*([^\r\n]+)`), group: 1},
		{pattern: regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{8,})`), group: 1},
		{pattern: regexp.MustCompile(`(?im)([A-Za-z0-9_.-]*` + secretWords + `[A-Za-z0-9_.-]*)\\*["']?\s*[:=]\s*` + value), group: 2, keep: harmlessKey},
		{pattern: regexp.MustCompile(`(?im)--?[a-z-]*` + secretWords + `[a-z-]*\s+([^\s"',]+)`), group: 1},
		// user:password@ in a URL, and where the scheme was forgotten
		{pattern: regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*:(?:\\?/){2}([^\s"'<>]*)@`), group: 1},
		{pattern: regexp.MustCompile(`[^\s"'=:/@,;()]+:([^\s"'@/:]+)@`), group: 1},
		// ids of keys, sessions, users and roles (IAM User Guide, "Understanding unique ID prefixes")
		{pattern: regexp.MustCompile(`A(?:KIA|SIA|IDA|ROA|BIA|CCA|GPA|NPA|NVA|PKA|SCA)[A-Z0-9]{12,}`)},
		// a JSON web token
		{pattern: regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*`)},
		// secret keys have forty characters of base 64, session tokens hundreds
		{pattern: regexp.MustCompile(`(?:[A-Za-z0-9+/=]|\\/|%[0-9A-Fa-f]{2}){40,}`), keep: plainLetters},
	}}
	for _, s := range secrets {
		if len(s) < 4 {
			continue
		}
		inJSON, _ := json.Marshal(s)
		for _, form := range []string{s, strings.Trim(string(inJSON), `"`), url.QueryEscape(s), url.PathEscape(s)} {
			if raw := []byte(form); !slices.ContainsFunc(r.literals, func(l []byte) bool { return bytes.Equal(l, raw) }) {
				r.literals = append(r.literals, raw)
			}
		}
	}
	return r
}

// harmlessKey keeps the values of keys that only sound secret. What they hold is looked at by the other rules all the same.
func harmlessKey(groups [][]byte) bool {
	key := strings.ToLower(string(groups[1]))
	return slices.Contains([]string{
		"shared_credential_profile", "shared_credential_file", "aws_shared_credentials_file", "aws_web_identity_token_file",
		"aws_container_authorization_token_file",
	}, key)
}

// plainLetters keeps what is no base 64 of a secret: paths and sums, which have letters of one case alone.
func plainLetters(groups [][]byte) bool {
	lower := bytes.ContainsFunc(groups[0], func(r rune) bool { return r >= 'a' && r <= 'z' })
	upper := bytes.ContainsFunc(groups[0], func(r rune) bool { return r >= 'A' && r <= 'Z' })
	return !lower || !upper
}

type span struct{ from, to int }

// Redact returns the text without its secrets, and how many were taken out. Every rule looks at the text as it was: what one
// takes out must not hide a part of what another would have found.
func (r *Redactor) Redact(text []byte) ([]byte, int) {
	text = unescaped(text)
	var spans []span
	for _, l := range r.literals {
		for at := 0; ; {
			i := bytes.Index(text[at:], l)
			if i < 0 {
				break
			}
			spans = append(spans, span{at + i, at + i + len(l)})
			at += i + 1
		}
	}
	for _, rule := range r.rules {
		spans = append(spans, rule.find(text)...)
	}
	return blotted(text, spans)
}

// find gives all secrets of a rule. What may be a secret may hold a key whose value is one: it is looked through as well.
func (r rule) find(text []byte) (spans []span) {
	for from := 0; from < len(text); {
		at := r.pattern.FindSubmatchIndex(text[from:])
		if at == nil {
			return spans
		}
		groups := make([][]byte, len(at)/2)
		for i := range groups {
			if at[2*i] >= 0 {
				groups[i] = text[from+at[2*i] : from+at[2*i+1]]
			}
		}
		secret := span{from + at[2*r.group], from + at[2*r.group+1]}
		if r.keep == nil || !r.keep(groups) {
			spans = append(spans, inside(text, secret))
		}
		next := secret.to
		if r.group > 0 {
			next = secret.from
		}
		from = max(next, from+1)
	}
	return spans
}

// inside leaves the quotes of a value, so that JSON stays JSON.
func inside(text []byte, s span) span {
	for s.to-s.from >= 2 && text[s.from] == '"' && text[s.to-1] == '"' {
		s.from, s.to = s.from+1, s.to-1
	}
	for s.to-s.from >= 2 && bytes.HasPrefix(text[s.from:s.to], []byte(`\"`)) && bytes.HasSuffix(text[s.from:s.to], []byte(`\"`)) {
		s.from, s.to = s.from+2, s.to-2
	}
	return s
}

// blotted replaces spans, which may overlap.
func blotted(text []byte, spans []span) ([]byte, int) {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var out []byte
	at, n := 0, 0
	for i := 0; i < len(spans); {
		s := spans[i]
		for i++; i < len(spans) && spans[i].from <= s.to; i++ {
			s.to = max(s.to, spans[i].to)
		}
		if s.to <= s.from {
			continue
		}
		out = append(append(out, text[at:s.from]...), blot...)
		at = s.to
		n++
	}
	return append(out, text[at:]...), n
}

// unescaped writes JSON anew in which characters are escaped that need not be: p\u0061ssword is a password too.
func unescaped(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\u`)) && !bytes.Contains(text, []byte(`\/`)) || !json.Valid(text) {
		return text
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return text
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return text
	}
	return out.Bytes()
}

// harmlessVariables are those of env-config.json whose values are no secrets.
func harmlessVariables() []string {
	return []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "AWS_SDK_LOG_LEVEL", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT", "AWS_PROFILE",
		"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_V1_DISABLED", "CWAGENT_LOG_LEVEL", "CWAGENT_USAGE_DATA", "CWAGENT_LOGS_BACKPRESSURE_MODE",
		"NO_PROXY", "no_proxy", "RUN_IN_CONTAINER", "RUN_IN_AWS", "RUN_WITH_IRSA", "RUN_WITH_SELINUX", "IMDS_NUMBER_RETRY", "SYSTEM_METRICS_ENABLED", "GOMEMLIMIT",
	}
}

// RedactEnvironment is Redact for env-config.json, whose values may be anything: all go but those of a few names. A file that
// cannot be understood goes altogether.
func (r *Redactor) RedactEnvironment(src []byte) ([]byte, int) {
	values, err := environmentOf(src)
	if err != nil {
		return []byte(blot + ": it is not a JSON object of strings\n"), 1
	}
	n := 0
	for name := range values {
		if !slices.Contains(harmlessVariables(), name) {
			values[name] = blot
			n++
		}
	}
	raw, _ := json.MarshalIndent(values, "", "  ") // strings alone
	out, more := r.Redact(append(raw, '\n'))
	return out, n + more
}

func environmentOf(src []byte) (values map[string]string, err error) {
	err = json.Unmarshal(src, &values)
	return values, err
}

// Secrets are those of this host that can be known by heart: passwords in proxies, and variables that are none of the
// harmless ones.
func Secrets(environ []string, environmentFile []byte, proxies ...string) (secrets []string) {
	secretName := regexp.MustCompile(`(?i)` + secretWords)
	for _, pair := range environ {
		name, v, _ := strings.Cut(pair, "=")
		if secretName.MatchString(name) && !harmlessKey([][]byte{nil, []byte(name)}) {
			secrets = append(secrets, v)
		}
		if strings.HasSuffix(strings.ToLower(name), "_proxy") {
			proxies = append(proxies, v)
		}
	}
	values, _ := environmentOf(environmentFile) // one that cannot be understood is left out of the archive
	for name, v := range values {
		if strings.HasSuffix(strings.ToLower(name), "_proxy") {
			proxies = append(proxies, v)
		} else if !slices.Contains(harmlessVariables(), name) && len(v) >= 8 {
			secrets = append(secrets, v)
		}
	}
	for _, p := range proxies {
		_, rest, ok := strings.Cut(p, "://")
		if !ok {
			rest = p
		}
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			_, password, _ := strings.Cut(rest[:at], ":")
			secrets = append(secrets, password)
			if plain, err := url.PathUnescape(password); err == nil {
				secrets = append(secrets, plain)
			}
		}
	}
	slices.Sort(secrets)
	return slices.Compact(secrets)
}
