package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
)

// sbom writes the bill of materials of a program.
func sbom(j job) error {
	p, err := linked(j)
	if err != nil {
		return err
	}
	binary, err := os.ReadFile(j.binary)
	if err != nil {
		return err
	}
	when, err := made()
	if err != nil {
		return err
	}
	bom, err := bill(p, j, sha256.Sum256(binary), when)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return fmt.Errorf("encode bill of materials: %w", err)
	}
	return os.WriteFile(j.out, b.Bytes(), 0o644)
}

// bill is the same for the same binary: its serial number is made of the binary's checksum.
func bill(p program, j job, sum [sha256.Size]byte, when time.Time) (*cdx.BOM, error) {
	main := component(j.name, j.version, "pkg:golang/"+p.module+"@"+escape(j.version)+"#"+strings.TrimPrefix(p.path, p.module+"/"), []string{"Apache-2.0"})
	main.Type = cdx.ComponentTypeApplication
	main.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}}

	bom := cdx.NewBOM()
	bom.SerialNumber = uuid.NewSHA1(uuid.NameSpaceURL, sum[:]).URN()
	bom.Metadata = &cdx.Metadata{Timestamp: when.Format(time.RFC3339), Component: &main}

	reference := map[string]string{}
	var components []cdx.Component
	var all []string
	for _, m := range p.modules {
		version := m.version
		if m.path == std {
			version = strings.TrimPrefix(version, "go")
		}
		c := component(m.path, version, "pkg:golang/"+m.path+"@"+escape(version), m.licences)
		if m.path != std {
			hash, err := treeHash(m.sum)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.path, err)
			}
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hash}}
		}
		reference[m.path] = c.BOMRef
		components, all = append(components, c), append(all, c.BOMRef)
	}
	dependencies := []cdx.Dependency{{Ref: main.BOMRef, Dependencies: &all}}
	for _, m := range p.modules {
		d := cdx.Dependency{Ref: reference[m.path]}
		if len(m.needs) > 0 {
			needs := make([]string, len(m.needs))
			for i, path := range m.needs {
				needs[i] = reference[path]
			}
			d.Dependencies = &needs
		}
		dependencies = append(dependencies, d)
	}
	bom.Components, bom.Dependencies = &components, &dependencies
	return bom, nil
}

func component(name, version, purl string, licences []string) cdx.Component {
	var all cdx.Licenses
	for _, id := range licences {
		all = append(all, cdx.LicenseChoice{License: &cdx.License{ID: id}})
	}
	return cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: name, Version: version, PackageURL: purl, Licenses: &all}
}

// escape is a version as it stands in a package URL.
func escape(version string) string { return strings.ReplaceAll(version, "+", "%2B") }

// treeHash is the SHA-256 in a line of go.sum, which is one over the names and checksums of a module's files.
func treeHash(sum string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:"))
	if err != nil || len(raw) != sha256.Size {
		return "", fmt.Errorf("checksum %q is none of go.sum", sum)
	}
	return hex.EncodeToString(raw), nil
}
