//go:build packages

// Package packagetest tests the packages on hosts that boot: a Debian with systemd, an instance's metadata, AWS's names.
// scripts/test-package.sh makes what it needs and starts it.
package packagetest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bed is what all tests share, and none changes.
var bed struct {
	suite     string
	packages  string // the folder of make package
	newer     string // the same, of a version to upgrade to
	tree      string // a Debian
	imds      string // AWS's metadata service for tests, built
	tags      string // its configuration
	authority authority
}

// Where the tree has the packages.
const (
	now   = "/srv/nephoscope.deb"
	newer = "/srv/nephoscope-newer.deb"
	// scraper is the package of what scrapes Prometheus exporters.
	scraper      = "/srv/nephoscope-prometheus.deb"
	newerScraper = "/srv/nephoscope-prometheus-newer.deb"
)

func TestMain(m *testing.M) {
	if os.Getenv(keeperOrder) != "" {
		_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin)) // until the parent has prepared its place
		if err := keep(); err != nil {
			fmt.Println("keeper:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := furnish(); err != nil {
		fmt.Println("test bed:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// furnish reads what the script has made, and makes the tree an instance of EC2's.
func furnish() (err error) {
	for name, to := range map[string]*string{
		"SUITE": &bed.suite, "PACKAGES": &bed.packages, "NEWER": &bed.newer, "TREE": &bed.tree, "IMDS": &bed.imds,
	} {
		if *to = os.Getenv("NEPHOSCOPE_TEST_" + name); *to == "" {
			return fmt.Errorf("NEPHOSCOPE_TEST_%s is not set: run make test-package", name)
		}
	}
	if bed.tags, err = filepath.Abs("testdata/instance.json"); err != nil {
		return err
	}
	if bed.authority, err = newAuthority(serviceNames); err != nil {
		return err
	}
	files := map[string]string{
		"etc/hosts":    "127.0.0.1 localhost host\n" + servicesAt + " " + strings.Join(serviceNames, " ") + "\n",
		"etc/hostname": "host\n",
		"usr/local/share/ca-certificates/nephoscope-test.crt": string(bed.authority.certificate),
		"etc/sudoers.d/ubuntu":                                "ubuntu ALL=(ALL) NOPASSWD:ALL\n",
	}
	for name, text := range files {
		path := filepath.Join(bed.tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for place, from := range map[string]struct{ folder, name string }{
		now: {bed.packages, "nephoscope"}, newer: {bed.newer, "nephoscope"}, scraper: {bed.packages, "nephoscope-prometheus"},
		newerScraper: {bed.newer, "nephoscope-prometheus"},
	} {
		if err := bringPackage(from.folder, from.name, filepath.Join(bed.tree, place)); err != nil {
			return err
		}
	}
	out, err := exec.Command("chroot", bed.tree, "sh", "-ec", `
		update-ca-certificates
		id ubuntu || useradd --create-home --shell /bin/bash --groups adm,sudo ubuntu`).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make an instance of the tree: %w\n%s", err, out)
	}
	return nil
}

func bringPackage(folder, name, place string) error {
	found, err := filepath.Glob(filepath.Join(folder, name+"_*.deb"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%s holds %d packages of %s, want one: %v", folder, len(found), name, found)
	}
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(found[0])
	if err != nil {
		return err
	}
	return os.WriteFile(place, raw, 0o644)
}
