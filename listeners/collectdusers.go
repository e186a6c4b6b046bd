package listeners

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// users are those of collectd_auth_file: a line each, user: password. The file is looked at again after a while, and read if
// it has changed.
type users struct {
	file    string
	known   map[string]string
	looked  time.Time
	changed time.Time
	size    int64
	err     error // why the file could not be read; those known before stay
}

// lookAgain is how long a look at the file is good.
const lookAgain = 5 * time.Second

func (u *users) password(user string) (password string, known bool) {
	u.look()
	password, known = u.known[user]
	return password, known
}

func (u *users) look() {
	now := time.Now()
	if now.Sub(u.looked) < lookAgain {
		return
	}
	u.looked = now
	info, err := os.Stat(u.file)
	if err == nil && u.err == nil && info.ModTime().Equal(u.changed) && info.Size() == u.size {
		return
	}
	raw, err := readFile(u.file)
	if err != nil {
		u.err = fmt.Errorf("read collectd_auth_file: %w", err)
		return
	}
	u.err, u.changed, u.size = nil, info.ModTime(), info.Size()
	u.known = map[string]string{}
	for line := range strings.Lines(string(raw)) {
		user, password, ok := strings.Cut(line, ":")
		user, password = strings.TrimSpace(user), strings.TrimSpace(password)
		if ok && user != "" && password != "" && !strings.HasPrefix(user, "#") { // without a password anybody could be the user
			u.known[user] = password
		}
	}
}

// mostFile is more than a file of users or types has.
const mostFile = 16 << 20

// readFile reads a file that the configuration names: a regular one, since of a pipe the end may never come.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	case info.Size() > mostFile:
		return nil, fmt.Errorf("%s has more than %d MiB", name, mostFile>>20)
	}
	return os.ReadFile(name)
}
