package scrape

import (
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
)

// Nothing of what a target says, nor of a proxy's URL, is in a message.
func TestNothingThatATargetSaysIsSaid(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, response := range []string{
		"hunter2\r\n\r\n", "HTTP/1.1 hunter2\r\n\r\n", "HTTP/9.9.hunter2 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n hunter2\r\n\r\n", "HTTP/1.1 200 OK\r\nhunter2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: hunter2\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: hunter2\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: http://%zzhunter2\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: hunter2://x/\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: http://me:hunter2@127.0.0.1:1/hunter2\r\n\r\n", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("hunter2", 20_000) + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhunter2\r\n", "HTTP/1.1 302 Found\r\nLocation: http://hunter2.invalid:port/\r\n\r\n", "HTTP/1.1 599 hunter2\r\n\r\n",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, response)
				_ = c.Close()
			}
		}()
		_, said, counts := answer(t, "", listener.Addr().String())
		if counts.Failed != 1 || strings.Contains(said+counts.Targets[0].LastError, secret) || counts.Targets[0].LastError == "" {
			t.Errorf("%.60q: %.300s", response, said)
		}
		t.Log(counts.Targets[0].LastError)
		_ = listener.Close()
	}
	err := blame(&url.Error{Op: "Get", URL: "http://x", Err: errors.New(`invalid proxy address "http://me:hunter2@%zz": parse "http://me:hunter2@%zz"`)})
	if strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "invalid proxy address") {
		t.Error(err)
	}
}
