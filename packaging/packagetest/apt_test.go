//go:build packages

package packagetest

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A repository is served to the host as its operator's web server would.
func (h *host) serveRepository(folder string) (turn func(to string)) {
	h.Helper()
	listener, err := listenIn(h.keeper.Process.Pid, repositoryAt)
	h.must(err)
	var files atomic.Value
	turn = func(to string) { files.Store(http.FileServer(http.Dir(filepath.Join(to, "apt")))) }
	turn(folder)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { files.Load().(http.Handler).ServeHTTP(w, r) })}
	go func() { _ = server.Serve(listener) }()
	h.Cleanup(func() { _ = server.Close() })
	return turn
}

const repositoryAt = "127.0.0.3:8080"

func TestSignedRepositoryInstallsAndUpgrades(t *testing.T) {
	t.Parallel()
	h := boot(t)
	turn := h.serveRepository(bed.packages)
	const url = "http://" + repositoryAt
	// As make apt-repo prints it.
	h.types("/", "sudo curl -fsSo /usr/share/keyrings/nephoscope-archive-keyring.asc "+url+"/nephoscope-archive-keyring.asc")
	h.types("/", `echo "deb [signed-by=/usr/share/keyrings/nephoscope-archive-keyring.asc] `+url+` stable main" | sudo tee /etc/apt/sources.list.d/nephoscope.list`)
	h.types("/", "sudo apt-get update && sudo apt-get install -y nephoscope")
	w := h.writes(oneLog)
	h.configure(fmt.Sprintf(shipsOneLog, ""))
	w.more(300)
	w.arrives(logGroup, "s")

	turn(bed.newer)
	h.types("/", "sudo apt-get update && sudo apt-get upgrade -y")
	if got := h.run("dpkg-query -W -f '${Version}' nephoscope"); !strings.HasSuffix(got, "newer") {
		t.Errorf("the version is %s", got)
	}
	h.untilRunning()
	w.more(300)
	w.account(logGroup, "s").clean(t, false)
	if said := h.run("nephoscope --version"); !strings.Contains(said, "newer") {
		t.Errorf("it calls itself %s", said)
	}

	// What somebody else has put there is not taken.
	h.run("rm -rf /var/lib/apt/lists/*; sed -i 's/signed-by=[^]]*/signed-by=\\/usr\\/share\\/keyrings\\/debian-archive-keyring.gpg/' /etc/apt/sources.list.d/nephoscope.list")
	if out, err := h.try("apt-get update"); err == nil && !strings.Contains(out, "not signed") {
		t.Errorf("apt takes another's signature:\n%s", out)
	}
}
