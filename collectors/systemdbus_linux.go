package collectors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	systemBus   = "dbus/system_bus_socket" // below /run
	systemdName = "org.freedesktop.systemd1"
	systemdPath = dbus.ObjectPath("/org/freedesktop/systemd1")
	managerFace = systemdName + ".Manager"
	getProperty = "org.freedesktop.DBus.Properties.Get"
)

// systemdBus is the connection to the system bus: made when it is needed, kept while it works.
type systemdBus struct {
	at   string // the socket
	conn net.Conn
	bus  *dbus.Conn
	stop func() bool
}

// manager is systemd, on a connection.
type manager struct{ bus *dbus.Conn }

// unitStatus is one unit as ListUnits has it (man 5 org.freedesktop.systemd1).
type unitStatus struct {
	Name, Description, Load, Active, Sub, Following string

	Path    dbus.ObjectPath
	Job     uint32
	JobType string
	JobPath dbus.ObjectPath
}

// isActive is what systemctl is-active says.
func (u unitStatus) isActive() bool {
	return u.Active == "active" || u.Active == "reloading" || u.Active == "refreshing"
}

// isService tells whether it is a service that there is: of others nobody counts restarts.
func (u unitStatus) isService() bool {
	return strings.HasSuffix(u.Name, ".service") && u.Load == "loaded"
}

// talk asks, for as long as patience lasts. After a failure on the way there, or a late answer, the next talk connects anew. A
// connection lives no longer than ctx, which is that of a collector's whole life.
func (b *systemdBus) talk(ctx context.Context, patience time.Duration, ask func(context.Context, *manager) error) error {
	end := time.Now().Add(patience)
	asking, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	err := b.connect(ctx, asking, end)
	if err == nil {
		_ = b.conn.SetWriteDeadline(end) // of a connection that is closed the request fails
		err = ask(asking, &manager{b.bus})
	}
	if _, refused := errors.AsType[dbus.Error](err); err == nil || refused {
		return explained(err)
	}
	b.close()
	if late := asking.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded); late && ctx.Err() == nil {
		return fmt.Errorf("no answer within %s", patience)
	}
	return err
}

func (b *systemdBus) connect(life, asking context.Context, end time.Time) (err error) {
	if b.bus != nil && b.bus.Connected() {
		return nil
	}
	b.close()
	conn, err := (&net.Dialer{}).DialContext(asking, "unix", b.at)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no system bus at %s: does systemd run here, and dbus?", b.at)
	} else if err != nil {
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	_ = conn.SetDeadline(end) // as above
	bus, err := dbus.NewConn(conn, dbus.WithIncomingInterceptor(answersOnly))
	if err == nil {
		if err = bus.Auth([]dbus.Auth{dbus.AuthExternal(fmt.Sprint(os.Geteuid()))}); err == nil {
			err = bus.Hello()
		}
		if err != nil {
			_ = bus.Close() // it is of no use
		}
	}
	if err != nil {
		_ = conn.Close() // the same
		return fmt.Errorf("connect to the system bus: %w", err)
	}
	_ = conn.SetDeadline(time.Time{}) // as above
	b.conn, b.bus = conn, bus
	b.stop = context.AfterFunc(life, func() { _ = bus.Close() }) // nothing was written
	return nil
}

// answersOnly has dbus pass over all that nobody asked for: it would answer calls, and end the program over a signal that lacks
// what it should have.
func answersOnly(m *dbus.Message) {
	if m.Type != dbus.TypeMethodReply && m.Type != dbus.TypeError {
		m.Type = 0
	}
}

func (b *systemdBus) close() {
	if b.bus == nil {
		return
	}
	b.stop()
	_ = b.bus.Close() // nothing was written
	b.bus = nil
}

// explained says what an answer of the bus means that is not of systemd.
func explained(err error) error {
	refusal, _ := errors.AsType[dbus.Error](err)
	switch refusal.Name {
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner":
		return errors.New("nobody on the system bus is systemd: does it run here?")
	case "org.freedesktop.DBus.Error.AccessDenied":
		return fmt.Errorf("the system bus does not let this user ask: %w", err)
	}
	return err
}

// call never has the bus start systemd: where it does not run, all that would come of it is a line in the bus's log.
func (m *manager) call(ctx context.Context, of dbus.ObjectPath, method string, result any, args ...any) error {
	return m.bus.Object(systemdName, of).CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...).Store(result)
}

// list is all units that are loaded, without those that others only mention.
func (m *manager) list(ctx context.Context) (units []unitStatus, err error) {
	var all []unitStatus
	if err = m.call(ctx, systemdPath, managerFace+".ListUnits", &all); err != nil {
		return nil, err
	}
	for _, u := range all {
		if u.Load != "not-found" || u.Active != "inactive" {
			units = append(units, u)
		}
	}
	return units, nil
}

// named looks units up, in the order of their names, which may be aliases. One that there is not is inactive.
func (m *manager) named(ctx context.Context, names []string) (units []unitStatus, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	if err = m.call(ctx, systemdPath, managerFace+".ListUnitsByNames", &units, names); err == nil && len(units) != len(names) {
		return nil, fmt.Errorf("it tells of %d units, asked for %d: %s", len(units), len(names), strings.Join(names, ", "))
	}
	return units, err
}

func (m *manager) state(ctx context.Context) (state string, err error) {
	err = m.call(ctx, systemdPath, getProperty, &state, managerFace, "SystemState")
	return state, err
}

// restarts is how often systemd has started a service again by itself (NRestarts, since systemd 235); counted is false for one
// that is gone by now.
func (m *manager) restarts(ctx context.Context, u unitStatus) (n uint32, counted bool, err error) {
	err = m.call(ctx, u.Path, getProperty, &n, systemdName+".Service", "NRestarts")
	if refusal, refused := errors.AsType[dbus.Error](err); refused {
		switch refusal.Name {
		case "org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownProperty", "org.freedesktop.systemd1.NoSuchUnit":
			return 0, false, nil
		}
	}
	if err != nil {
		return 0, false, fmt.Errorf("restarts of %s: %w", u.Name, err)
	}
	return n, true, nil
}
