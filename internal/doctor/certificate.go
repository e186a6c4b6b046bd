package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/internal/install"
)

// certificateTrouble says what is wrong with the certificate of an endpoint; "": nothing is.
func (w *World) certificateTrouble(at url.URL, err error) (what, cure string) {
	failed, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(failed.UnverifiedCertificates) == 0 {
		return "", ""
	}
	leaf := failed.UnverifiedCertificates[0]
	issuer := certificateName(leaf.Issuer.Organization, leaf.Issuer.CommonName)
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		if w.Now().Before(leaf.NotBefore) {
			return fmt.Sprintf("the certificate of %s is valid from %s on, and this host's clock says %s", at.Host, leaf.NotBefore.UTC().Format(time.RFC3339), w.Now().UTC().Format(time.RFC3339)),
				"is the clock right? sudo timedatectl set-ntp true"
		}
		return fmt.Sprintf("the certificate of %s has expired at %s (this host's clock says %s)", at.Host, leaf.NotAfter.UTC().Format(time.RFC3339), w.Now().UTC().Format(time.RFC3339)),
			"is the clock right? sudo timedatectl set-ntp true; if it is, whoever runs the endpoint has to renew its certificate"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		names := leaf.DNSNames
		for _, ip := range leaf.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Sprintf("the certificate is not for %s but for %s", at.Hostname(), strings.Join(names[:min(len(names), 5)], ", ")),
			"does the endpoint have another name, or does something on the way answer in its place?"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		cure := "write the certificate of that authority into a file, and name it as ca_bundle_path in common-config.toml"
		if w.Net.Bundle != "" {
			cure = "the authority is not in " + w.Net.Bundle + " either: add its certificate there"
		}
		if strings.Contains(at.Hostname(), ".amazonaws.com") && !strings.Contains(issuer, "Amazon") {
			return fmt.Sprintf("something on the way to %s puts its own certificate in the place of AWS's: it is issued by %s, whom nobody here trusts", at.Host, issuer), cure
		}
		return fmt.Sprintf("the certificate of %s is issued by %s, whom nobody here trusts", at.Host, issuer), cure
	}
	return fmt.Sprintf("the certificate of %s is not accepted: %v", at.Host, failed.Err), "who answers there? openssl s_client -connect " + install.ShellWord(at.Host)
}

// certificateName is whom people know it by.
func certificateName(organization []string, common string) string {
	if len(organization) > 0 && organization[0] != common {
		return fmt.Sprintf("%s (%s)", common, organization[0])
	}
	return common
}
