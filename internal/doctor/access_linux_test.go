package doctor

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// strangers are a user and groups that this machine need not know.
const (
	strangerUser  = 64990
	strangerGroup = 64991
	extraGroup    = 64992
)

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" || os.Getenv("NEPHOSCOPE_FULL") == "1" {
		t.Fatal("it needs root (to become another user)")
	}
	t.Skip("NOT RUN: it needs root (to become another user)")
}

// asStranger runs a function as another user, on a thread that ends with it. It must start no other goroutine.
func asStranger(t *testing.T, do func()) {
	t.Helper()
	done := make(chan error, 1)
	var become func()
	become = func() {
		runtime.LockOSThread()              // and never unlocked: the thread is not to be used by others again
		if unix.Gettid() == unix.Getpid() { // but the first one, which is kept, stays who it is: another goes
			defer runtime.UnlockOSThread()
			over := make(chan struct{})
			go func() {
				defer close(over)
				become()
			}()
			<-over
			return
		}
		groups := []uint32{extraGroup}
		if _, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&groups[0])), 0); e != 0 {
			done <- e
			return
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, strangerGroup, strangerGroup, strangerGroup); e != 0 {
			done <- e
			return
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, strangerUser, strangerUser, strangerUser); e != 0 {
			done <- e
			return
		}
		do()
		done <- nil
	}
	go become()
	if err := <-done; err != nil {
		t.Fatalf("become another user: %v", err)
	}
}

// The kernel is asked about random modes, owners and ACLs, and has to agree with every verdict.
func TestVerdictsAreTheKernels(t *testing.T) {
	needsRoot(t)
	dir := openTempDir(t)
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...int) int { return of[random.IntN(len(of))] }
	owners := []int{0, strangerUser, 4}
	groups := []int{0, strangerGroup, extraGroup, 4}
	var paths []string
	for i := range 400 {
		path := filepath.Join(dir, fmt.Sprint(i))
		if i%4 == 0 {
			must(t, os.Mkdir(path, 0o700))
		} else {
			must(t, os.WriteFile(path, nil, 0o600))
		}
		must(t, os.Chmod(path, os.FileMode(random.IntN(0o1000))))
		if random.IntN(2) == 0 {
			perm := func() uint16 { return uint16(random.IntN(8)) }
			const none = ^uint32(0)
			acl := ACL{{aclOwner, perm(), none}}
			for _, uid := range []uint32{4, strangerUser} {
				if random.IntN(2) == 0 {
					acl = append(acl, aclEntry{aclUser, perm(), uid})
				}
			}
			acl = append(acl, aclEntry{aclGroup, perm(), none})
			for _, gid := range []uint32{4, strangerGroup, extraGroup} {
				if random.IntN(2) == 0 {
					acl = append(acl, aclEntry{aclGroups, perm(), gid})
				}
			}
			acl = append(acl, aclEntry{aclMask, perm(), none}, aclEntry{aclOther, perm(), none})
			must(t, unix.Setxattr(path, "system.posix_acl_access", acl.bytes(), 0))
		}
		must(t, os.Chown(path, pick(owners...), pick(groups...)))
		paths = append(paths, path)
	}
	type question struct {
		path string
		want uint16
	}
	var questions []question
	for _, path := range paths {
		for want := uint16(1); want < 8; want++ {
			questions = append(questions, question{path, want})
		}
	}
	kernel := make([]bool, len(questions))
	asStranger(t, func() {
		for i, q := range questions {
			kernel[i] = unix.Faccessat2(unix.AT_FDCWD, q.path, uint32(q.want), unix.AT_EACCESS) == nil
		}
	})
	who := Who{UID: strangerUser, GIDs: []int{strangerGroup, extraGroup}}
	allowed := 0
	for i, q := range questions {
		b := reach(nodeOf, who, q.path, q.want)
		if b != nil && b.err != nil {
			t.Fatal(b.err)
		}
		if got := b == nil; got != kernel[i] {
			n, _ := nodeOf(q.path)
			t.Errorf("%s %+v: may %s? got %t, the kernel says %t", n, n, letters(q.want), got, kernel[i])
		}
		if kernel[i] {
			allowed++
		}
	}
	if allowed < len(questions)/10 || allowed > len(questions)*9/10 {
		t.Errorf("%d of %d are allowed: that proves little", allowed, len(questions))
	}
}

// What the doctor prints is done, and the file can be read.
func TestCuresWork(t *testing.T) {
	needsRoot(t)
	dir := openTempDir(t)
	must(t, os.Mkdir(filepath.Join(dir, "app"), 0o700))
	log := filepath.Join(dir, "app", "a.log")
	must(t, os.WriteFile(log, nil, 0o600))
	readable := func() (ok bool) {
		asStranger(t, func() {
			f, err := os.Open(log)
			if ok = err == nil; ok {
				_ = f.Close()
			}
		})
		return ok
	}
	if readable() {
		t.Fatal("it can be read without a cure")
	}
	w := world(t, strings.ReplaceAll(oneLog, "/logs/app/a.log", log))
	w.User = Who{Name: fmt.Sprint(strangerUser), UID: strangerUser, GIDs: []int{strangerGroup}}
	w.Host = ThisHost()
	expect(t, examine(t, w, "files"), Failed, "1 log file behind it", fmt.Sprintf("sudo setfacl -R -m u:%d:rX %s/app && sudo setfacl -d -m u:%[1]d:rX %[2]s/app", strangerUser, dir))
	// setfacl need not be installed: this is what it does.
	const none = ^uint32(0)
	grant := func(path, attribute string, own, named uint16) {
		acl := ACL{{aclOwner, own, none}, {aclUser, named, strangerUser}, {aclGroup, 0, none}, {aclMask, named, none}, {aclOther, 0, none}}
		must(t, unix.Setxattr(path, attribute, acl.bytes(), 0))
	}
	grant(filepath.Dir(log), "system.posix_acl_access", 7, mayRead|mayEnter)
	grant(filepath.Dir(log), "system.posix_acl_default", 7, mayRead|mayEnter)
	grant(log, "system.posix_acl_access", 6, mayRead)
	if !readable() {
		t.Fatal("the cure does not do")
	}
	expect(t, examine(t, w, "files"), Fine, "1 file, readable by")
	// The next file after a rotation inherits it, if logrotate does not take it back.
	must(t, os.Rename(log, log+".1"))
	w.Host = ThisHost()
	must(t, os.WriteFile(log, nil, 0o640))
	expect(t, examine(t, w, "files"), Fine)
	if !readable() {
		t.Error("the file that came after cannot be read")
	}
	must(t, os.Chmod(log, 0o600)) // as create 0600 does
	expect(t, examine(t, w, "files"), Failed, "mask takes it back", "create 0640")
	if readable() {
		t.Error("it can be read all the same")
	}
}

func TestUserOfThisProcess(t *testing.T) {
	who, err := UserOfProcess(os.Getpid())
	if err != nil || who.UID != os.Geteuid() || !slices.Contains(who.GIDs, os.Getegid()) || who.Name == "" {
		t.Errorf("got %+v, %v", who, err)
	}
	if _, err := UserOfProcess(1 << 30); err == nil {
		t.Error("a process that is not there has a user")
	}
}

func TestThisHostAnswers(t *testing.T) {
	h := ThisHost()
	if d, err := h.Disk("/"); err != nil || d.Size == 0 {
		t.Errorf("got %+v, %v", d, err)
	}
	all, err := h.Processes()
	if err != nil || !slices.ContainsFunc(all, func(p Process) bool { return p.PID == os.Getpid() && strings.HasSuffix(p.Name, ".test") }) {
		t.Errorf("this process is not among %d, %v", len(all), err)
	}
	if n, err := h.OpenFiles(); err != nil || n == 0 {
		t.Errorf("got %d, %v", n, err)
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	must(t, err)
	defer unix.Close(fd)
	if _, err := h.Inotify(os.Geteuid(), 0); err != nil {
		t.Error(err)
	}
}

// openTempDir is a folder that others can get to.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for d := dir; d != "/"; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		must(t, err)
		if info.Mode()&0o005 != 0o005 {
			must(t, os.Chmod(d, 0o755)) // those that this test has made
		}
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOwnLogIsNotReadThroughALink(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(string) error{
		"link": func(path string) error {
			return errors.Join(os.WriteFile(dir+"/shadow", []byte("root:x\n"), 0o600), os.Symlink(dir+"/shadow", path))
		},
		"pipe": func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if raw, err := ThisHost().Tail(path, 1<<10); err == nil {
			t.Errorf("%s: %q", name, raw)
		}
	}
}

func TestUnitIsOursByWhatItsLinkLeadsTo(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	link, other := filepath.Join(dir, "start-amazon-cloudwatch-agent"), filepath.Join(dir, "amazon-cloudwatch-agent")
	if err := errors.Join(os.Symlink(self, link), os.WriteFile(other, nil, 0o700)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{link: true, other: false, "/usr/bin/nephoscope": true, filepath.Join(dir, "gone"): false} {
		if got := startsUs("{ path=" + path + " ; argv[]=" + path + " ; ignore_errors=no }"); got != want {
			t.Errorf("%s: got %t, want %t", path, got, want)
		}
	}
	if all, err := processes(); err != nil || !slices.ContainsFunc(all, func(p Process) bool { return p.PID == os.Getpid() && p.Ours }) {
		t.Errorf("this process is not taken for ours: %v", err)
	}
}
