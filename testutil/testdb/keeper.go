package testdb

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
)

// keeper is a small process that ends the servers and removes their folder when this
// process has ended, however it ended. It reads from a pipe that only this process holds
// open, and acts when that ends. It alone stops servers for good, so a kill is handled like
// each other end.
type keeper struct {
	root string   // the folder of all servers of this process
	pipe *os.File // to the keeper's standard input
	cmd  *exec.Cmd
}

// keeperScript understands two lines: "watch PID SIGNAL" and "forget PID".
//
// A PostgreSQL that is killed leaves a segment of System V shared memory, whose number is
// in its postmaster.pid.
const keeperScript = `
root=$1
watched=
while read -r what pid signal; do
	kept=
	for one in $watched; do
		[ "${one%%:*}" = "$pid" ] || kept="$kept $one"
	done
	watched=$kept
	[ "$what" = watch ] && watched="$watched $pid:$signal"
done
for one in $watched; do kill -s "${one#*:}" "${one%%:*}" 2>/dev/null; done
tries=0
for one in $watched; do
	while kill -0 "${one%%:*}" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -eq 500 ] && kill -s KILL "${one%%:*}" 2>/dev/null
		[ $tries -gt 600 ] && break
		sleep 0.02
	done
done
for file in "$root"/*/data/postmaster.pid; do
	[ -f "$file" ] || continue
	set -- $(sed -n 7p "$file")
	[ -n "$2" ] && ipcrm -m "$2" 2>/dev/null
done
for disk in "$root"/disk-*; do
	[ -d "$disk" ] && umount "$disk" 2>/dev/null
done
rm -rf "$root"
`

func startKeeper() (*keeper, error) {
	root, err := makeRoot()
	if err != nil {
		return nil, fmt.Errorf("make a folder for test servers: %w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, os.Remove(root))
	}
	defer read.Close()
	// Output to nowhere: go test waits for all processes that hold its own.
	cmd := exec.Command("/bin/sh", "-c", keeperScript, "keeper", root)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), searchPath())
	cmd.Stdin = read
	cmd.SysProcAttr = detached(account{})
	if err := cmd.Start(); err != nil {
		write.Close()
		return nil, errors.Join(fmt.Errorf("start the keeper of test servers: %w", err), os.Remove(root))
	}
	return &keeper{root: root, pipe: write, cmd: cmd}, nil
}

// searchPath returns the variable PATH with the system's own folders, which the tests' may
// lack.
func searchPath() string {
	return "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin"
}

// makeRoot makes the folder in which servers live. A server that runs as another user must
// be able to enter it, and a unix socket's whole path must fit into 107 bytes.
func makeRoot() (string, error) {
	base := cmp.Or(os.Getenv(dirVariable), os.TempDir())
	if len(base) > 50 || !openToAll(base) {
		base = "/tmp"
	}
	root, err := os.MkdirTemp(base, "jobsystem-test-")
	if err != nil {
		return "", err
	}
	// Other users may enter it and see nothing: each server's folder inside is private.
	return root, os.Chmod(root, 0o711)
}

func openToAll(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return true
	}
}

// watch registers a server with the keeper before the server's first instruction: the
// process reports its own number and then becomes the server. If this process reported the
// number, a kill in between would leave a server that the keeper does not know.
func (k *keeper) watch(server *exec.Cmd, signal string) {
	const announce = `echo "watch $$ $1" >&3; exec 3>&-; shift; exec "$@"`
	server.Args = append([]string{"/bin/sh", "-c", announce, "server", signal, server.Path}, server.Args[1:]...)
	server.Path = "/bin/sh"
	server.ExtraFiles = []*os.File{k.pipe}
}

func (k *keeper) forget(pid int) {
	// If the keeper itself has ended, the error does not matter.
	_, _ = k.pipe.WriteString("forget " + strconv.Itoa(pid) + "\n")
}

// close ends the servers and removes their folder. It returns when that is done.
func (k *keeper) close() error {
	return errors.Join(k.pipe.Close(), k.cmd.Wait())
}

// processKeeper is the keeper of this process.
var processKeeper lazyKeeper

type lazyKeeper struct {
	mu     sync.Mutex
	keeper *keeper
}

// get returns the keeper, and starts it at the first call.
func (l *lazyKeeper) get() (*keeper, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keeper != nil {
		return l.keeper, nil
	}
	k, err := startKeeper()
	if err != nil {
		return nil, err
	}
	l.keeper = k
	return k, nil
}

// close ends all servers of this process.
func (l *lazyKeeper) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keeper == nil {
		return nil
	}
	err := l.keeper.close()
	l.keeper = nil
	return err
}
