// Command tools makes what packages carry beside programs: licences, copyright, release notes, a bill of materials. It also
// compresses a .deb better than nfpm does. packaging/package.sh runs it; nothing of it is part of the product.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"
)

const usage = `usage:
  tools notices   -binary FILE -repo DIR -name PACKAGE -out DIR   THIRD-PARTY-LICENSES, NOTICE, copyright
  tools sbom      -binary FILE -repo DIR -name PACKAGE -version VERSION -out FILE   CycloneDX
  tools changelog -repo DIR -name PACKAGE -version VERSION -out DIR   RELEASE_NOTES, changelog.gz
  tools deb       -out FILE   compress a .deb that nfpm has left uncompressed`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

// job is what the command line says.
type job struct{ binary, repo, name, version, out string }

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	var j job
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&j.binary, "binary", "", "program")
	flags.StringVar(&j.repo, "repo", ".", "folder of the repository")
	flags.StringVar(&j.name, "name", "", "package")
	flags.StringVar(&j.version, "version", "", "its version")
	flags.StringVar(&j.out, "out", "", "where to")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "notices":
		return notices(j)
	case "sbom":
		return sbom(j)
	case "changelog":
		return changelog(j)
	case "deb":
		return compress(j.out)
	}
	return errors.New(usage)
}

// made is when the commit was made: no other time goes into a package.
func made() (time.Time, error) {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
