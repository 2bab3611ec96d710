//go:build unix

package testdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// killTree kills a server and its children. PostgreSQL's backends notice the death of their
// parent only when they next wait, so they would finish, and commit, what they are doing;
// and a new server does not start while they live. Without /proc, only the parent is
// killed.
func killTree(server *os.Process) error {
	// A stopped parent neither starts children while they are listed, nor reaps the dead,
	// so that no listed number can be reused.
	if err := server.Signal(syscall.SIGSTOP); err != nil {
		if errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		return err
	}
	if err := waitState(server.Pid, "T"); err != nil {
		return err
	}
	children := childrenOf(server.Pid)
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may be dead already
	}
	if err := server.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	for _, pid := range children {
		if err := waitState(pid, ""); err != nil {
			return err
		}
	}
	return nil
}

func childrenOf(parent int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // only fails on a bad pattern
	var children []int
	for _, path := range stats {
		if p := readStat(path); p.parent == parent {
			children = append(children, p.id)
		}
	}
	return children
}

type stat struct {
	id, parent int
	state      string
}

// readStat reads "pid (name) state parent ...", whose name may have any characters. For a
// process that does not exist it returns the zero stat.
func readStat(path string) stat {
	text, err := os.ReadFile(path)
	if err != nil {
		return stat{}
	}
	line := string(text)
	id, _, _ := strings.Cut(line, " ")
	rest := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(rest) < 2 {
		return stat{}
	}
	var s stat
	s.id, _ = strconv.Atoi(id)
	s.parent, _ = strconv.Atoi(rest[1])
	s.state = rest[0]
	return s
}

// waitState waits until a process is in a state or has ended. A zombie has ended: it holds
// nothing any more.
func waitState(pid int, state string) error {
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		switch s := readStat(fmt.Sprintf("/proc/%d/stat", pid)); s.state {
		case "", "Z", "X", state:
			return nil
		}
		time.Sleep(time.Millisecond) // there is no signal for the end of a process that is not our child
	}
	return fmt.Errorf("process %d is still there after %v", pid, patience)
}
