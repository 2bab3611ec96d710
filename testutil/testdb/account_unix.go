//go:build unix

package testdb

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user that a server runs as. The zero value is this process's own.
type account struct {
	other    bool
	uid, gid int
}

// accountFor returns the ordinary user that runs a server: database servers do not run as
// root.
func accountFor(name string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, candidate := range []string{name, "nobody"} {
		u, err := user.Lookup(candidate)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			continue
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			continue
		}
		return account{other: true, uid: uid, gid: gid}, nil
	}
	return account{}, fmt.Errorf("a database server does not run as root, and there is no user %s nor nobody to run it as: create one, or run the tests as an ordinary user", name)
}

func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// detached starts a process in a session of its own, so that a Ctrl-C at the terminal
// reaches only the tests, whose end then stops the process properly.
func detached(as account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if as.other {
		attr.Credential = &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)} //nolint:gosec // ids of the system
	}
	return attr
}

func terminate(cmd *exec.Cmd, signal string) error {
	return cmd.Process.Signal(map[string]syscall.Signal{
		"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "QUIT": syscall.SIGQUIT, "KILL": syscall.SIGKILL,
	}[signal])
}
