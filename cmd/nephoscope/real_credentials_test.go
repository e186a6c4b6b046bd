package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"
)

// credentials replaces the shared credentials file the way tools do that renew a session.
func (b *bed) credentials(key string) {
	b.Helper()
	b.must(os.MkdirAll(b.path(".aws"), 0o700))
	text := "[default]\naws_access_key_id = " + key + "\naws_secret_access_key = x\naws_session_token = t\n"
	b.must(os.WriteFile(b.path(".aws/credentials.new"), []byte(text), 0o600))
	b.must(os.Rename(b.path(".aws/credentials.new"), b.path(".aws/credentials")))
}

func TestSessionThatExpiresIsReplacedByTheOneInTheFile(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.without("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
	b.credentials("FIRST")
	var expired atomic.Bool
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		if expired.Load() && keyOf(r) == "FIRST" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`)
			return
		}
		b.service.ServeHTTP(w, r)
	})
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	expired.Store(true)
	b.write("access.log", "c\nd\n")
	b.until("a complaint that names the reason", func() bool { return b.said("ExpiredToken") })
	b.credentials("SECOND")
	want := []string{"a", "b", "c", "d"}
	b.account("g", "s", func([]string) []string { return want }).clean(t, false)
}

func TestEndpointWhoseCertificateNobodyTrustsIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	front := httptest.NewUnstartedServer(b.service)
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	defer front.Close()
	b.env = append(b.env, "AWS_ENDPOINT_URL="+front.URL)
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("a complaint about the certificate", func() bool { return b.said("certificate signed by unknown authority") })
	b.write("access.log", "c\n")
	b.stop()
	if slices.Contains(b.events("g", "s"), "a") {
		t.Error("the agent trusts anybody")
	}
	b.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})))
	b.write("common-config.toml", "[ssl]\nca_bundle_path = \""+b.path("ca.pem")+"\"\n")
	b.write("access.log", "d\n")
	b.start()
	want := []string{"a", "b", "c", "d"}
	b.account("g", "s", func([]string) []string { return want }).clean(t, false)
}
