package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// newKey makes a key and writes it into a file; its keyring is gone when it returns.
func newKey() (string, error) {
	ring, err := os.MkdirTemp("", "ring-") // a short path: there is a socket in it
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(ring)
	file := filepath.Join(dist, "key.asc")
	command := exec.Command("sh", "-ec", `gpg --batch --quiet --passphrase '' --quick-generate-key 'Test <test@example.com>' ed25519 sign never
		gpg --batch --armor --export-secret-keys >"$0"
		gpgconf --kill all`, file)
	command.Env = append(os.Environ(), "GNUPGHOME="+ring)
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a key: %w\n%s", err, out)
	}
	return file, nil
}

// verified says whether the signature is one of the key that the repository hands out.
func verified(t *testing.T, files ...string) bool {
	t.Helper()
	ring := filepath.Join(t.TempDir(), "ring.gpg")
	armoured := filepath.Join(dist, "apt/nephoscope-archive-keyring.asc")
	if out, err := exec.Command("gpg", "--batch", "--yes", "--dearmor", "--output", ring, armoured).CombinedOutput(); err != nil {
		t.Fatalf("read the public key: %v\n%s", err, out)
	}
	return exec.Command("gpgv", append([]string{"--keyring", ring}, files...)...).Run() == nil
}

func TestEverythingIsSigned(t *testing.T) {
	needs(t, "gpg", "gpgv", "apt-ftparchive")
	packages(t)
	sums, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	files := []string{"SHA256SUMS"}
	for line := range strings.Lines(string(sums)) {
		files = append(files, strings.Fields(line)[1])
	}
	for _, name := range files {
		if full := filepath.Join(dist, name); !verified(t, full+".asc", full) {
			t.Errorf("%s.asc is no signature of it", name)
		}
	}
	if len(files) != 10 || verified(t, filepath.Join(dist, "SHA256SUMS.asc"), filepath.Join(dist, files[1])) {
		t.Errorf("%d files, or a signature holds for another one", len(files))
	}
}

func TestRepositoryIsSignedAndNamesWhatItHolds(t *testing.T) {
	needs(t, "gpg", "gpgv", "apt-ftparchive")
	packages(t)
	stable := filepath.Join(dist, "apt/dists/stable")
	release, err := os.ReadFile(filepath.Join(stable, "Release"))
	if err != nil {
		t.Fatal(err)
	}
	if !verified(t, filepath.Join(stable, "InRelease")) || !verified(t, filepath.Join(stable, "Release.gpg"), filepath.Join(stable, "Release")) {
		t.Error("its signatures do not hold")
	}
	index, err := os.ReadFile(filepath.Join(stable, "main/binary-amd64/Packages"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(release), checksum(index)) {
		t.Errorf("the release does not hold the index:\n%s", release)
	}
	for _, name := range []string{"nephoscope", "nephoscope-prometheus", "nephoscope-local"} {
		file := "pool/main/n/" + name + "/" + name + "_1.2.3_amd64.deb"
		deb, err := os.ReadFile(filepath.Join(dist, "apt", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Package: " + name + "\n", "Filename: " + file + "\n", "SHA256: " + checksum(deb) + "\n"} {
			if !strings.Contains(string(index), want) {
				t.Errorf("the index lacks %q:\n%s", want, index)
			}
		}
	}
}

func checksum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func TestRepositoryWithoutAKeyIsRefused(t *testing.T) {
	for key, want := range map[string]string{
		"":                "apt-repo: SIGN_KEY names no key",
		"../../LICENSE":   "holds no key that gpg can read",
		"no such key, so": "gpg has no secret key no such key, so",
	} {
		if key != "" {
			needs(t, "gpg", "apt-ftparchive")
		}
		if strings.HasPrefix(key, "../") {
			full, err := filepath.Abs(key)
			if err != nil {
				t.Fatal(err)
			}
			key = full
		}
		command := exec.Command("../apt-repo.sh")
		command.Env = append(os.Environ(), "SIGN_KEY="+key, "DIST="+t.TempDir())
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("SIGN_KEY=%s: %v\n%s\nwant %s", key, err, out, want)
		}
	}
}

// What signs nothing is told before minutes are spent: keys that have expired, and names of several.
func TestKeyThatCannotSignIsRefusedAtOnce(t *testing.T) {
	needs(t, "gpg")
	ring, err := os.MkdirTemp("", "ring-") // a short path: there is a socket in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(ring) })
	home := append(os.Environ(), "GNUPGHOME="+ring)
	keys := exec.Command("sh", "-ec", `gpg --batch --quiet --passphrase '' --faked-system-time 20200101T000000 --quick-generate-key 'Old <old@example.com>' ed25519 sign 1d
		for name in one two; do gpg --batch --quiet --passphrase '' --quick-generate-key "Twin $name" ed25519 sign never; done`)
	keys.Env = home
	if out, err := keys.CombinedOutput(); err != nil {
		t.Fatalf("make keys: %v\n%s", err, out)
	}
	for key, want := range map[string]string{
		"Old":  "gpg cannot sign with Old, see above: has it expired",
		"Twin": "Twin is more than one secret key",
	} {
		command := exec.Command("../package.sh")
		command.Env = append(home, "VERSION=1.2.3", "SOURCE_DATE_EPOCH=1795200000", "SIGN_KEY="+key, "DIST="+t.TempDir())
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "building") {
			t.Errorf("SIGN_KEY=%s: %v\n%s\nwant %s", key, err, out, want)
		}
	}
	stop := exec.Command("gpgconf", "--kill", "all")
	stop.Env = home
	_ = stop.Run()
}

// Each override has its reason beside it, in packaging/nfpm.
func TestLintianFindsNothing(t *testing.T) {
	needs(t, "lintian")
	packages(t)
	args := []string{"--allow-root", "--fail-on", "error,warning"} // once for both: most of it is lintian's own start
	for _, name := range []string{"nephoscope", "nephoscope-prometheus", "nephoscope-local"} {
		args = append(args, filepath.Join(dist, name+"_1.2.3_amd64.deb"))
	}
	if out, err := exec.Command("lintian", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
