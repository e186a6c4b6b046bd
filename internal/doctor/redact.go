package doctor

import (
	"bytes"
	"encoding/json"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// blot is what stands in the place of a secret.
const blot = "[blotted out]"

const secretWords = `(?:secret|passw|passphrase|passcode|pwd|token|credential|private_?-?key|access_?-?key|api_?-?key|auth_?-?key|signature|(?:^|[._-])(?:pass|sig)(?:$|[._-]))`

// Redactor takes secrets out of texts: those that it was told, and whatever looks like one. It rather takes too much.
type Redactor struct {
	literals [][]byte
	secret   *regexp.Regexp // a word that makes a key sound secret
	value    *regexp.Regexp // what follows such a key
	argument *regexp.Regexp // what follows such a flag
	inURL    *regexp.Regexp // user and password
	noURL    *regexp.Regexp // a password, where the scheme was forgotten
	marked   []marked
}

// marked are secrets that begin with, or follow, a text of their own.
type marked struct {
	begin  string // in lower case
	secret *regexp.Regexp
	group  int
}

// NewRedactor makes one that knows some secrets of this host by heart. Those of less than four characters are not taken: they
// would be found everywhere.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{
		secret: regexp.MustCompile(`(?i)` + secretWords),
		// a list of strings, quoted, quoted within a quoted text, or a word
		value:    regexp.MustCompile(`\A\\*["']?\s*(?:=>|[:=>])\s*(\[\s*"[^\]]*(?:\]|\z)|\\+"[^"\n]*(?:"|\z)|"(?:\\.|[^"\\])*(?:"|\z)|'[^'\n]*(?:'|\z)|[^\s,;}&"'{\[\\][^\s,;}&]*)`),
		argument: regexp.MustCompile(`\A\s+([^\s"',]+)`),
		inURL:    regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*:(?:\\?/){2}(.*)@`),
		noURL:    regexp.MustCompile(`[^=:/@,;()]:([^@/:]+)@`),
		marked: []marked{
			{"-----begin ", regexp.MustCompile(`\A-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)`), 0},
			// AWS Signature Version 4, Bearer, Basic: to the end of the line
			{"authorization", regexp.MustCompile(`(?i)\Aauthorization\\*["']?\s*[:=]\s*([^\r\n]+)`), 1},
			{"bearer", regexp.MustCompile(`(?i)\Abearer\s+([A-Za-z0-9._~+/=-]{8,})`), 1},
			{"basic", regexp.MustCompile(`(?i)\Abasic\s+([A-Za-z0-9._~+/=-]{8,})`), 1},
			// GitHub, GitLab, Slack
			{"gh", regexp.MustCompile(`\Agh[a-z]_[A-Za-z0-9]{16,}`), 0},
			{"github_pat_", regexp.MustCompile(`\Agithub_pat_[A-Za-z0-9_]{16,}`), 0},
			{"glpat-", regexp.MustCompile(`\Aglpat-[A-Za-z0-9_-]{16,}`), 0},
			{"xox", regexp.MustCompile(`\Axox[a-z]-[A-Za-z0-9-]{10,}`), 0},
			{"eyj", regexp.MustCompile(`\AeyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*`), 0}, // a JSON web token
		},
	}
	// ids of keys, sessions, users and roles (IAM User Guide, "Understanding unique ID prefixes")
	id := regexp.MustCompile(`\AA[A-Z]{3}[A-Z0-9]{12,}`)
	for _, kind := range []string{"akia", "asia", "aida", "aroa", "abia", "acca", "agpa", "anpa", "anva", "apka", "asca"} {
		r.marked = append(r.marked, marked{kind, id, 0})
	}
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

// harmlessKey tells of a key that only sounds secret. What it holds is looked at by all other rules.
func harmlessKey(key string) bool {
	return slices.Contains([]string{
		"shared_credential_profile", "shared_credential_file", "aws_shared_credentials_file", "aws_web_identity_token_file",
		"aws_container_authorization_token_file", "pwd", "oldpwd",
	}, strings.ToLower(key))
}

type span struct{ from, to int }

// Redact returns the text without its secrets, and how many were taken out. Every rule looks at the text as it was: what one
// takes out must not hide a part of what another would have found.
func (r *Redactor) Redact(text []byte) ([]byte, int) {
	text = unescaped(text)
	spans := slices.Concat(r.known(text), r.begun(text), r.keyed(text), r.passwords(text), random(text))
	return blotted(text, spans)
}

// known finds what was learnt by heart.
func (r *Redactor) known(text []byte) (spans []span) {
	for _, l := range r.literals {
		for at := range occurrences(text, l) {
			spans = append(spans, span{at, at + len(l)})
		}
	}
	return spans
}

// begun finds what begins with a text of its own.
func (r *Redactor) begun(text []byte) (spans []span) {
	lower := bytes.Clone(text)
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + 'a' - 'A' // bytes.ToLower knows letters that are longer in lower case
		}
	}
	for _, m := range r.marked {
		past := 0
		for at := range occurrences(lower, []byte(m.begin)) {
			if at < past {
				continue // within the one before, as in ever so many of them in a row
			}
			if found := m.secret.FindSubmatchIndex(text[at:]); found != nil {
				s := span{at + found[2*m.group], at + found[2*m.group+1]}
				spans = append(spans, s)
				if m.group == 0 || m.begin == "authorization" {
					past = s.to
				}
			}
		}
	}
	return spans
}

func occurrences(text, of []byte) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := 0; ; at++ {
			i := bytes.Index(text[at:], of)
			if i < 0 || !yield(at+i) {
				return
			}
			at += i
		}
	}
}

// maxNested bounds the work on token=token=token=…
const maxNested = 32

// keyed finds the values of keys, and the arguments of flags, that sound secret.
func (r *Redactor) keyed(text []byte) (spans []span) {
	inKey := func(c byte) bool { return isLetter(c) || c == '_' || c == '.' || c == '-' }
	var last span // the value that reaches farthest
	nested := 0   // keys within it: their values may reach farther
	for w := range words(text, inKey) {
		key := text[w.from:w.to]
		if w.to-w.from < 3 || nested > maxNested && w.to <= last.to || !r.secret.Match(key) {
			continue
		}
		if found := r.value.FindSubmatchIndex(text[w.to:]); found != nil && !harmlessKey(string(key)) {
			value := span{w.to + found[2], w.to + found[3]}
			if w.from >= last.to {
				nested = 0
			}
			if nested++; nested > maxNested { // no text that means anything: the line goes
				if end := bytes.IndexByte(text[value.to:], '\n'); end >= 0 {
					value.to += end
				} else {
					value.to = len(text)
				}
			}
			if value.to > last.to {
				last = value
			}
			spans = append(spans, inside(text, value))
		}
		if found := r.argument.FindSubmatchIndex(text[w.to:]); found != nil && key[0] == '-' {
			spans = append(spans, span{w.to + found[2], w.to + found[3]})
		}
	}
	return spans
}

// passwords finds user:password@ in URLs, and where the scheme was forgotten.
func (r *Redactor) passwords(text []byte) (spans []span) {
	inURL := func(c byte) bool { return c > ' ' && !strings.ContainsRune(`"'<>`, rune(c)) }
	for w := range words(text, inURL) {
		run := text[w.from:w.to]
		if !bytes.Contains(run, []byte("@")) {
			continue
		}
		if found := r.inURL.FindSubmatchIndex(run); found != nil {
			spans = append(spans, span{w.from + found[2], w.from + found[3]})
		}
		for _, found := range r.noURL.FindAllSubmatchIndex(run, -1) {
			spans = append(spans, span{w.from + found[2], w.from + found[3]})
		}
	}
	return spans
}

// randomLength is that of a secret key: forty characters of base 64. Session tokens have hundreds.
const randomLength = 40

// random finds what looks like base 64 of something random: letters of both cases. Paths and sums mostly have one.
func random(text []byte) (spans []span) {
	in := func(c byte) bool { return isLetter(c) || strings.ContainsRune(`+/=%\`, rune(c)) }
	for w := range words(text, in) {
		run := text[w.from:w.to]
		if len(run) < randomLength {
			continue
		}
		if bytes.ContainsFunc(run, func(c rune) bool { return c >= 'a' && c <= 'z' }) && bytes.ContainsFunc(run, func(c rune) bool { return c >= 'A' && c <= 'Z' }) {
			spans = append(spans, w)
		}
	}
	return spans
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// words are the longest runs of certain characters.
func words(text []byte, in func(byte) bool) iter.Seq[span] {
	return func(yield func(span) bool) {
		for at := 0; at < len(text); at++ {
			from := at
			for at < len(text) && in(text[at]) {
				at++
			}
			if at > from && !yield(span{from, at}) {
				return
			}
		}
	}
}

// inside leaves the quotes of a value, and the brackets of a list, so that JSON stays JSON.
func inside(text []byte, s span) span {
	if text[s.from] == '[' {
		s.from += bytes.IndexByte(text[s.from:s.to], '"')
		s.to = s.from + len(bytes.TrimRight(text[s.from:s.to], " \t\r\n]"))
	}
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
		if secretName.MatchString(name) && !harmlessKey(name) {
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
