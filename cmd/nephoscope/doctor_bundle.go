package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/nephoscope/nephoscope/internal/doctor"
	"github.com/nephoscope/nephoscope/internal/output"
)

// newArchive makes the file of a bug report, for its owner alone. It takes no file that is there already.
func newArchive(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("write bundle: %s is there already, and is not overwritten; name another", path)
	}
	if err != nil {
		return nil, fmt.Errorf("write bundle: %w", err)
	}
	return file, nil
}

// discard removes an archive that is not whole; nil is none.
func discard(file *os.File, why error) error {
	if file == nil {
		return why
	}
	return errors.Join(why, file.Close(), os.Remove(file.Name()))
}

// pack writes the archive, and says what is in it.
func (f *doctorFlags) pack(out io.Writer, file *os.File, w *doctor.World, report doctor.Report) error {
	var text bytes.Buffer
	_ = output.JSON(&text, report)
	parts := append([]doctor.Part{{Name: "version.txt", Text: []byte(versionText() + "\n")}}, doctor.Parts(w, text.Bytes())...)
	var variables []byte
	for _, p := range parts {
		if p.Environment {
			variables = p.Text
		}
	}
	redactor := doctor.NewRedactor(doctor.Secrets(os.Environ(), variables, w.Common.HTTPProxy, w.Common.HTTPSProxy)...)
	packed, err := doctor.Pack(file, redactor, parts, w.Now())
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	fmt.Fprintf(out, "\n%s, for you alone to read; have a look before you send it:\n%s", f.bundle, doctor.Contents(packed))
	return nil
}
