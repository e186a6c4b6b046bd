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
	raw, err := os.ReadFile(u.file)
	if err != nil {
		u.err = fmt.Errorf("read collectd_auth_file: %w", err)
		return
	}
	u.err, u.changed, u.size = nil, info.ModTime(), info.Size()
	u.known = map[string]string{}
	for line := range strings.Lines(string(raw)) {
		user, password, ok := strings.Cut(line, ":")
		if user = strings.TrimSpace(user); ok && user != "" && !strings.HasPrefix(user, "#") {
			u.known[user] = strings.TrimSpace(password)
		}
	}
}
