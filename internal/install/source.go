package install

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

// source is where a configuration comes from: the -c of the control command.
type source struct {
	kind string // default, file, ssm or all
	name string // what follows the colon
}

func parseSource(text string) (source, error) {
	kind, name, colon := strings.Cut(text, ":")
	s := source{kind, name}
	switch {
	case text == "all", text == "default":
		return s, nil
	case kind == "default" && colon:
		hint := `use "default"`
		if name == "otel" {
			hint = "it is made for the opentelemetry section, which this version does not do; use \"default\""
		}
		return s, fmt.Errorf("unknown default config %q (%s)", name, hint)
	case kind != "file" && kind != "ssm" && colon:
		return s, badLine("Invalid configuration source: %s (%s: is not supported; expected default, file:PATH or ssm:NAME)", text, kind)
	case !colon && strings.ContainsAny(text, "/."):
		return s, badLine("Invalid configuration source: %s (did you mean file:%s?)", text, text)
	case !colon:
		return s, badLine("Invalid configuration source: %s (expected default, file:PATH or ssm:NAME)", text)
	case name == "":
		return s, badLine("Invalid configuration source: %s (nothing follows the colon)", text)
	}
	return s, nil
}

// storedName is the name of the file in the store, by the rules of the original.
func (c *Control) storedName(s source) string {
	switch {
	case s.kind == "default":
		return "default"
	case s.kind == "file" && c.isStored(s.name):
		return readable(filepath.Base(s.name)) // not file_file_x.json
	case s.kind == "file":
		return readable("file_" + escaped(filepath.Base(s.name)))
	}
	return readable("ssm_" + escaped(s.name))
}

func escaped(name string) string {
	return strings.NewReplacer("/", "_", " ", "_", ":", "_").Replace(name)
}

// longest leaves room in the 255 bytes of a file name for what a temporary file adds to it.
const longest = 220

// readable makes a name of one that run would leave out, or that no file can have.
func readable(name string) string {
	if len(name) > longest {
		name = fmt.Sprintf("%s_%x", name[:longest-20], sha256.Sum256([]byte(name)))[:longest]
	}
	if slices.Contains([]string{".tmp", ".yaml", ".yml"}, filepath.Ext(name)) || strings.HasPrefix(name, ".") {
		name = strings.TrimLeft(name, ".") + ".json"
	}
	return name
}

// isStored tells whether a path leads into the store itself.
func (c *Control) isStored(path string) bool {
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return false
	}
	store, err := os.Stat(c.Layout.Configs())
	return err == nil && os.SameFile(folder, store)
}

// read fetches what a source holds. The document's name is what its mistakes are told by: the file that the user named.
func (c *Control) read(ctx context.Context, s source, mode agent.Mode) (config.Document, error) {
	switch s.kind {
	case "default":
		return config.Document{Name: "default", Text: Default(mode)}, nil
	case "ssm":
		text, err := c.Fetch(ctx, s.name, mode)
		if err != nil {
			return config.Document{}, fmt.Errorf("fetch configuration: %w", err)
		}
		return config.Document{Name: "ssm:" + s.name, Text: text}, nil
	}
	path, err := c.find(s.name)
	if err != nil {
		return config.Document{}, err
	}
	documents, _, err := config.ReadDocuments(path)
	if err != nil {
		return config.Document{}, fmt.Errorf("fetch configuration: %w", err)
	}
	return documents[0], nil
}

// find is the file that file:PATH means: as given, else from the root, else from the working folder. file://opt/x and
// file:opt/x have been typed by people who meant /opt/x.
func (c *Control) find(path string) (string, error) {
	bare := strings.TrimLeft(path, "/")
	tries := []string{filepath.Clean(path)}
	for _, other := range []string{filepath.Clean("/" + bare), filepath.Clean(bare)} {
		if filepath.VolumeName(path) == "" && !slices.Contains(tries, other) {
			tries = append(tries, other)
		}
	}
	for _, try := range tries {
		info, err := os.Stat(try)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", fmt.Errorf("fetch configuration: %w", err)
		case info.IsDir():
			return "", fmt.Errorf("fetch configuration: %s is a folder (name a file in it)", try)
		case !info.Mode().IsRegular():
			return "", fmt.Errorf("fetch configuration: %s is no regular file, but a pipe or a device (write it to a file first)", try)
		}
		if try != path {
			c.say("Reading %s", c.absolute(try))
		}
		return try, nil
	}
	hint := ""
	if strings.HasPrefix(path, "~") {
		hint = "; the shell does not fill in ~ behind file: - write the whole path"
	}
	return "", fmt.Errorf("fetch configuration: there is no file %s%s", strings.Join(tries, " and none at "), hint)
}

func (c *Control) absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}
