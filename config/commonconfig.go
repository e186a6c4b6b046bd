package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// CommonConfig is common-config.toml: what the host says about credentials, proxies and certificates. What is empty is left
// to the environment, as for the original.
type CommonConfig struct {
	SharedCredentialProfile string // [credentials] shared_credential_profile
	SharedCredentialFile    string // [credentials] shared_credential_file
	HTTPProxy               string // [proxy] http_proxy
	HTTPSProxy              string // [proxy] https_proxy
	NoProxy                 string // [proxy] no_proxy
	CABundlePath            string // [ssl] ca_bundle_path
	IMDSRetries             int    // [imds] imds_retries; default 1
}

// commonKeys are the sections and keys of common-config.toml with their TOML types.
func commonKeys() map[string]string {
	return map[string]string{
		"credentials": "Hash", "credentials.shared_credential_profile": "String", "credentials.shared_credential_file": "String",
		"proxy": "Hash", "proxy.http_proxy": "String", "proxy.https_proxy": "String", "proxy.no_proxy": "String",
		"ssl": "Hash", "ssl.ca_bundle_path": "String",
		"imds": "Hash", "imds.imds_retries": "Integer",
	}
}

// ParseCommon reads common-config.toml; name stands in the places of its problems. The error is Problems, every mistake at
// once. Keys that nobody knows are warnings: the original ignores them.
func ParseCommon(name string, src []byte) (CommonConfig, []Problem, error) {
	src = []byte(strings.TrimPrefix(string(src), "\ufeff"))
	meta, err := toml.Decode(string(src), &struct{}{})
	if err != nil {
		return CommonConfig{}, nil, Problems{commonMistake(name, src, err)}
	}
	r := &reading{}
	known := commonKeys()
	var ignored []string // sections; what is in them needs no word of its own
	for _, key := range meta.Keys() {
		path := strings.Join(key, ".")
		if slices.ContainsFunc(ignored, func(s string) bool { return strings.HasPrefix(path, s+".") }) {
			continue
		}
		at := Place{File: name, Path: path}
		at.Line, at.Column = findKey(src, key)
		want, ok := known[strings.ToLower(path)] // the TOML reader does not mind the case of keys
		ok = ok && strings.Count(path, ".") == len(key)-1
		switch got := meta.Type(key...); {
		case !ok:
			ignored = append(ignored, path)
			r.warn(at, fmt.Sprintf("unknown key %q is ignored", path), commonHint(path, known))
		case got != want:
			ignored = append(ignored, path)
			r.wrong(at, fmt.Sprintf("must be %s, not %s", tomlWords(want), tomlWords(got)), "")
		}
	}
	file := struct {
		Credentials struct {
			Profile string `toml:"shared_credential_profile"`
			File    string `toml:"shared_credential_file"`
		}
		Proxy struct {
			HTTP  string `toml:"http_proxy"`
			HTTPS string `toml:"https_proxy"`
			No    string `toml:"no_proxy"`
		}
		SSL struct {
			CABundle string `toml:"ca_bundle_path"`
		}
		IMDS struct {
			Retries int `toml:"imds_retries"`
		}
	}{}
	file.IMDS.Retries = 1
	mistakes, warnings := split(r.problems)
	if len(mistakes) > 0 {
		return CommonConfig{}, warnings, mistakes
	}
	if _, err := toml.Decode(string(src), &file); err != nil {
		return CommonConfig{}, warnings, Problems{commonMistake(name, src, err)}
	}
	if n := file.IMDS.Retries; n < 0 {
		at := Place{File: name, Path: "imds.imds_retries"}
		at.Line, at.Column = findKey(src, toml.Key{"imds", "imds_retries"})
		return CommonConfig{}, warnings, Problems{Mistake(at, fmt.Sprintf("must not be negative, but is %d", n), "0 means no second try")}
	}
	return CommonConfig{
		SharedCredentialProfile: file.Credentials.Profile, SharedCredentialFile: file.Credentials.File,
		HTTPProxy: file.Proxy.HTTP, HTTPSProxy: file.Proxy.HTTPS, NoProxy: file.Proxy.No,
		CABundlePath: file.SSL.CABundle, IMDSRetries: file.IMDS.Retries,
	}, warnings, nil
}

func commonHint(path string, known map[string]string) string {
	var paths []string
	for k := range known {
		paths = append(paths, k)
	}
	slices.Sort(paths)
	for _, p := range paths { // the right key in the wrong section
		if known[p] != "Hash" && path[strings.LastIndexByte(path, '.')+1:] == p[strings.LastIndexByte(p, '.')+1:] {
			return fmt.Sprintf("did you mean %q?", p)
		}
	}
	return didYouMean(path, paths)
}

// tomlWords names a TOML type in the words of JSON.
func tomlWords(t string) string {
	switch t {
	case "Hash":
		return "a [section]"
	case "String":
		return "a string"
	case "Integer":
		return "a whole number"
	case "Bool":
		return "true or false"
	case "Array", "ArrayHash":
		return "a list"
	case "Float":
		return "a number with a fraction"
	}
	return "a " + strings.ToLower(t)
}

// commonMistake places what the TOML reader has to say.
func commonMistake(name string, src []byte, err error) Problem {
	at := Place{File: name, Line: 1, Column: 1}
	text := err.Error()
	if e, ok := errors.AsType[toml.ParseError](err); ok {
		text = e.Message
		at.Line, at.Column = lineColumn(src, e.Position.Start)
		at.Path = e.LastKey
	}
	return Mistake(at, "not TOML: "+strings.TrimPrefix(text, "toml: "), "")
}

func lineColumn(src []byte, offset int) (line, column int) {
	before := string(src[:min(max(offset, 0), len(src))])
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

// findKey is where a key is written; the TOML reader does not tell. Line by line: a [section], then its key.
func findKey(src []byte, key toml.Key) (line, column int) {
	section, last := strings.Join(key[:len(key)-1], "."), key[len(key)-1]
	line, column = 1, 1
	var in string
	n := 0
	for l := range strings.Lines(string(src)) {
		n++
		t := strings.TrimSpace(l)
		indent := 1 + len(l) - len(strings.TrimLeft(l, " \t"))
		if strings.HasPrefix(t, "[") {
			in = bare(strings.Trim(strings.SplitN(t, "]", 2)[0], "[] \t"))
			if in == section {
				line, column = n, indent
			}
			if in == key.String() || in == strings.Join(key, ".") {
				return n, indent
			}
			continue
		}
		name, _, ok := strings.Cut(t, "=")
		if name = bare(name); ok && (in == section && name == last || in == "" && name == strings.Join(key, ".")) {
			return n, indent
		}
	}
	return line, column
}

// bare is a key without its quotes and blanks.
func bare(key string) string {
	parts := strings.Split(key, ".")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(p), `"'`)
	}
	return strings.Join(parts, ".")
}
