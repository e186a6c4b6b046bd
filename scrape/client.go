package scrape

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// client asks the targets of one job.
type client struct {
	http     *http.Client
	settings clientSettings
}

// newClient makes connections as the settings say. Certificates and credentials in files are read when they are used, so that
// ones that are renewed need no restart; the CA is read here.
func newClient(s clientSettings) (*client, error) {
	t := s.tls
	secure := &tls.Config{ServerName: t.serverName, InsecureSkipVerify: t.insecure, MinVersion: tlsVersions[t.min], MaxVersion: tlsVersions[t.max]}
	if t.ca != "" || t.caFile != "" {
		pem, err := textOrFile(t.ca, t.caFile)
		if err != nil {
			return nil, err
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM([]byte(pem)) {
			return nil, fmt.Errorf("read the CA of tls_config: there is no certificate in it")
		}
	}
	if t.cert != "" || t.certFile != "" {
		secure.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := textOrFile(t.cert, t.certFile)
			if err != nil {
				return nil, err
			}
			key, err := textOrFile(t.key, t.keyFile)
			if err != nil {
				return nil, err
			}
			pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
			return &pair, err
		}
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, ControlContext: stayHere}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        secure,
		DisableCompression:     true, // we ask for it ourselves, to bound what it unpacks to
		MaxIdleConnsPerHost:    1,
		MaxIdleConns:           1000,
		IdleConnTimeout:        5 * time.Minute,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if s.proxy != nil {
		transport.Proxy = http.ProxyURL(s.proxy)
	} else if s.proxyFromEnvironment {
		transport.Proxy = http.ProxyFromEnvironment
	}
	c := &client{settings: s, http: &http.Client{Transport: transport}}
	c.http.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		switch {
		case !s.redirects:
			return http.ErrUseLastResponse
		case len(via) >= maxRedirects:
			return fmt.Errorf("it redirects in a circle: more than %d times", maxRedirects)
		case via[0].URL.Scheme == "https" && request.URL.Scheme != "https":
			return errors.New("it redirects from https to http")
		}
		if request.URL.Host != via[0].URL.Host { // net/http keeps the header for subdomains
			request.Header.Del("Authorization")
			request.Header.Del("Referer") // the URL, with its parameters
			for name := range s.headers {
				request.Header.Del(name)
			}
		}
		if seen, ok := request.Context().Value(redirected{}).(*bool); ok {
			*seen = true
		}
		return nil
	}
	return c, nil
}

// redirected is the key of whether a request has been redirected.
type redirected struct{}

// ec2Metadata is the instance metadata service's address of version 6; its other address is link-local.
var ec2Metadata = netip.MustParseAddr("fd00:ec2::254")

// stayHere refuses connections to link-local addresses that a redirect asks for: what a cloud's metadata service says is for this
// host alone, and whoever answers for a target must not have us read it. A target that is one by its own address is scraped.
func stayHere(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if was, ok := ctx.Value(redirected{}).(*bool); !ok || !*was {
		return nil
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil //nolint:nilerr // no IP address: it cannot be one of those
	}
	if ip := to.Addr().Unmap().WithZone(""); ip.IsLinkLocalUnicast() || ip == ec2Metadata {
		return errors.New("it redirects to a link-local address, where a cloud's metadata is; if that is meant, make it a target")
	}
	return nil
}

// accept is what Prometheus asks for by default (prometheus config/config.go, DefaultScrapeProtocols; scrape/scrape.go).
const accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4," +
	"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"

// userAgent is what targets see.
const userAgent = "nephoscope-prometheus"

// request asks one URL.
func (c *client) get(ctx context.Context, url string, timeout time.Duration, compression bool) (*http.Response, error) {
	request, err := http.NewRequestWithContext(context.WithValue(ctx, redirected{}, new(bool)), http.MethodGet, url, nil)
	if err != nil {
		return nil, errors.New("the target makes no URL")
	}
	for name, values := range c.settings.headers {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept-Encoding", "identity")
	if compression {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", fmt.Sprint(timeout.Seconds()))
	if err := c.authorize(request); err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, blame(err)
	}
	return response, nil
}

func (c *client) authorize(request *http.Request) error {
	s := c.settings
	switch {
	case s.basic != nil:
		user, err := textOrFile(s.basic.user, s.basic.userFile)
		if err != nil {
			return err
		}
		password, err := textOrFile(s.basic.password, s.basic.passwordFile)
		if err != nil {
			return err
		}
		request.SetBasicAuth(strings.TrimSpace(user), strings.TrimSpace(password))
	case s.credentials != "" || s.credentialsFile != "":
		token, err := textOrFile(s.credentials, s.credentialsFile)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", s.kind+" "+strings.TrimSpace(token))
	}
	return nil
}

func textOrFile(text, file string) (string, error) {
	if file == "" {
		return text, nil
	}
	raw, err := readSmall(file)
	return string(raw), err
}

// blame is why a request failed, without its URL: that has been said, and there may be a secret in it (also in one that a target
// redirects to). Nor is what net/http quotes: the target has said that, or it is a proxy's URL.
func blame(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("it did not answer in time (scrape_timeout)")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it closed the connection in the middle of its answer")
	case errors.Is(err, io.EOF):
		return errors.New("it closed the connection and had not answered")
	}
	if of, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		if other, ok := errors.AsType[x509.HostnameError](of.Err); ok { // it would list all that the certificate names
			return fmt.Errorf("its certificate is not trusted: it is for other names than %s: is there server_name in tls_config?", other.Host)
		}
		return fmt.Errorf("its certificate is not trusted: %w", of.Err)
	}
	if of, ok := errors.AsType[*net.OpError](err); ok {
		if of.Op == "proxyconnect" {
			return fmt.Errorf("connect to the proxy: %w", blame(of.Err))
		}
		if dns, ok := errors.AsType[*net.DNSError](of.Err); ok {
			return fmt.Errorf("look up its address: %s", dns.Err)
		}
		return of.Err
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	if text, _, quotes := strings.Cut(err.Error(), `"`); quotes && !strings.Contains(text, "invalid header field") { // of what we send
		return errors.New(strings.Trim(text, " :"))
	}
	return err
}

// close lets go of idle connections.
func (c *client) close() { c.http.CloseIdleConnections() }
