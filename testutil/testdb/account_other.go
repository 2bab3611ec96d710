//go:build !unix

package testdb

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

type account struct{}

func accountFor(string) (account, error) {
	return account{}, fmt.Errorf("a private database server is %w here: set %s and %s", errMissing, postgresVariable, mysqlVariable)
}

func (account) own(string) error { return nil }

func detached(account) *syscall.SysProcAttr { return nil }

func terminate(cmd *exec.Cmd, _ string) error { return cmd.Process.Kill() }

func killTree(server *os.Process) error { return server.Kill() }
