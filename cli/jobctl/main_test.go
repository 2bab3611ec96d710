package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/internal/capture"
	"github.com/ntxdev/jobsystem/examples/demosteps"
	"github.com/ntxdev/jobsystem/model"
)

// jobctl is the built binary and a database of its own.
type jobctl struct {
	t      *testing.T
	binary string
	folder string // the working folder, where jobsystem.db is made
}

// folder holds the binary that all tests of this process run.
var folder string

func TestMain(m *testing.M) {
	os.Exit(withFolder(m))
}

func withFolder(m *testing.M) int {
	var err error
	if folder, err = os.MkdirTemp("", "jobctl-test-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	return m.Run()
}

// build makes the binary once.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(folder, "jobctl")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build jobctl: %w\n%s", err, out)
	}
	return binary, nil
})

func setup(t *testing.T) *jobctl {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a binary and runs processes")
	}
	binary, err := build()
	require.NoError(t, err)
	return &jobctl{t: t, binary: binary, folder: t.TempDir()}
}

// process is a jobctl that runs.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr *capture.Stream
	ended          chan struct{}
}

// start starts jobctl; it is killed with the test at the latest.
func (j *jobctl) start(args ...string) *process {
	j.t.Helper()
	p := &process{t: j.t, cmd: exec.Command(j.binary, args...), stdout: capture.NewStream(j.t), stderr: capture.NewStream(j.t), ended: make(chan struct{})}
	p.cmd.Dir = j.folder
	p.cmd.Env = append(os.Environ(), "JOBSYSTEM_DSN=")
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	require.NoError(j.t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // its exit code is in cmd.ProcessState
		p.stdout.End()
		p.stderr.End()
	}()
	j.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// wait returns the exit code, -1 for a process that a signal has killed.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(capture.Patience):
		require.Fail(p.t, "the process does not end", "%s\n%s", p.stdout, p.stderr)
		return 0
	}
}

// run runs jobctl to its end.
func (j *jobctl) run(args ...string) (code int, stdout, stderr string) {
	j.t.Helper()
	p := j.start(args...)
	code = p.wait()
	return code, p.stdout.String(), p.stderr.String()
}

// ok runs a jobctl that must succeed.
func (j *jobctl) ok(args ...string) string {
	j.t.Helper()
	code, stdout, stderr := j.run(args...)
	require.Zero(j.t, code, "%s\n%s", stdout, stderr)
	return stdout
}

func (j *jobctl) enqueue(input string) (id string) {
	j.t.Helper()
	var job model.Job
	require.NoError(j.t, json.Unmarshal([]byte(j.ok("-o", "json", "enqueue", demosteps.Type, "--data", input)), &job))
	return job.ID.String()
}

func (j *jobctl) status(id string) (s model.JobView) {
	j.t.Helper()
	require.NoError(j.t, json.Unmarshal([]byte(j.ok("-o", "json", "show", id)), &s))
	return s
}

// reach returns when a job's step is under way.
func (j *jobctl) reach(id, step string) {
	j.t.Helper()
	watch := j.start("watch", id)
	watch.stdout.WaitFor("% " + step)
	watch.signal(syscall.SIGINT)
	require.Equal(j.t, 130, watch.wait())
}

func TestAKilledWorkersJobIsResumedWithoutTheStepsItCompleted(t *testing.T) {
	t.Parallel()
	j := setup(t)
	id := j.enqueue(`{"steps":3,"step_ms":300}`)
	w := j.start("worker", "--lease", "1s")
	w.stderr.WaitFor("job started")
	j.reach(id, "step-2")
	w.signal(syscall.SIGKILL)
	assert.Equal(t, -1, w.wait())
	killed := j.status(id)
	assert.Equal(t, model.Processing, killed.Status)
	assert.Equal(t, model.StepCompleted, killed.Steps[0].Status)

	second := j.start("worker", "--lease", "1s")
	second.stderr.WaitFor("settled an interrupted job")
	code, _, stderr := j.run("watch", id)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "interrupted")

	out := j.ok("resume", id, "--wait")
	assert.Regexp(t, `skipped step-1: completed at \S+ by an earlier run`, out)
	s := j.status(id)
	assert.Equal(t, model.Succeeded, s.Status)
	assert.Equal(t, killed.Steps[0], s.Steps[0], "it has not run again")
	second.signal(syscall.SIGTERM)
	assert.Zero(t, second.wait())
}

func TestATerminatedWorkerHandsItsJobToAnother(t *testing.T) {
	t.Parallel()
	j := setup(t)
	id := j.enqueue(`{"steps":3,"step_ms":1000}`)
	first := j.start("worker")
	first.stderr.WaitFor("job started")
	second := j.start("worker")
	second.stderr.WaitFor("worker started")
	first.signal(syscall.SIGTERM)
	first.stderr.WaitFor("stopping")
	assert.Zero(t, first.wait())
	assert.Contains(t, first.stderr.String(), "worker stopped")

	second.stderr.WaitFor("job started")
	out := j.ok("watch", id)
	assert.Contains(t, out, "skipped step-1")
	s := j.status(id)
	assert.EqualValues(t, 2, s.Attempt)
	assert.Equal(t, 1, s.Steps[0].Attempts)
}

func TestASecondSignalEndsAWorkerAtOnce(t *testing.T) {
	t.Parallel()
	j := setup(t)
	id := j.enqueue(`{"steps":1,"step_ms":3600000}`)
	w := j.start("worker", "--lease", "1s", "--grace", "1h")
	j.reach(id, "step-1") // a worker that stops before its first step hands the job over at once
	w.signal(os.Interrupt)
	w.stderr.WaitFor("stopping")
	w.signal(os.Interrupt)
	assert.Equal(t, 130, w.wait())
	assert.Equal(t, model.Processing, j.status(id).Status)
}

func TestTheDemoStepsAreServedUnderTenNames(t *testing.T) {
	t.Parallel()
	j := setup(t)
	j.ok("migrate", "up")
	out := j.ok("types")
	for _, name := range []string{"demo:steps ", "demo:steps-1 ", "demo:steps-9 ", "flights:report "} {
		assert.Contains(t, out, name)
	}
	code, _, stderr := j.run("enqueue", "demo:steps", "--data", `{"steps":5,"step_ms":200,"output_bytes":100,"fail_at":3}`)
	assert.Zero(t, code)
	assert.Empty(t, stderr)
}

func TestTheDemoMakesAReportAndSaysWhere(t *testing.T) {
	t.Parallel()
	j := setup(t)
	out := j.ok("demo", "--data", `{"resamples":200}`)
	path := filepath.Join(j.folder, "reports", "flights.html")
	assert.Contains(t, out, path)
	assert.FileExists(t, path)
}

func TestADemoThatWasKilledContinues(t *testing.T) {
	t.Parallel()
	j := setup(t)
	demo := j.start("demo", "--data", `{"resamples":20000}`)
	demo.stdout.WaitFor("% rank")
	demo.signal(syscall.SIGKILL)
	demo.wait()

	again := j.start("demo")
	assert.Zero(t, again.wait(), again.stderr)
	out := again.stdout.String()
	assert.Contains(t, out, "waiting for the killed run's lease to run out (")
	for _, step := range []string{"load", "clean", "aggregate"} {
		assert.Contains(t, out, "skipped "+step+": completed at ")
	}
	assert.Contains(t, out, "done rank in ")
	assert.FileExists(t, filepath.Join(j.folder, "reports", "flights.html"))
}
