package testutil

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// must ends the test if there is an error.
func (h *Harness) must(doing string, err error) {
	h.t.Helper()
	if err != nil {
		h.fatal("%s: %v", doing, err)
	}
}

// fatal stops all that runs, and ends the test with a message and all that helps to find
// the cause.
func (h *Harness) fatal(format string, args ...any) {
	h.t.Helper()
	text := fmt.Sprintf(format, args...) + h.describe()
	const patience = 2 * time.Second
	for _, p := range h.processes {
		if !h.stopped(p, min(patience, h.settings.deadline)) {
			text += "\nan engine did not stop: a step that is still running ignores its context"
		}
	}
	h.t.Fatal(text)
}

// waitHint returns what a test can do about a job that waits for long, empty if it does
// not.
func waitHint(s *model.JobView) string {
	switch {
	case s.Status != model.Scheduled || waitsForChildren(s):
		return ""
	case s.WaitsFor != "":
		return fmt.Sprintf(": the job waits for %s. RunToWait runs it until it waits, and SkipWait ends that, or Signal; or use virtual time, see the package", s.WaitsFor)
	case s.ScheduledAt.After(time.Now()):
		return ": the job is scheduled for later. SkipWait ends the wait; or use virtual time, see the package"
	default:
		return ""
	}
}

// describe returns the job and the last log lines of its engines, as far as they are known.
func (h *Harness) describe() string {
	out := ""
	if h.job != uuid.Nil && h.engine != nil {
		const patience = 5 * time.Second // a step may hold the only connection
		ctx, cancel := context.WithTimeout(context.WithoutCancel(h.t.Context()), patience)
		defer cancel()
		status, err := h.engine.Status(ctx, h.job)
		if err != nil {
			out = fmt.Sprintf("\nthe job cannot be shown: %v", err)
		} else {
			out = "\n" + statusText(status)
		}
	}
	if log := h.log.text(); log != "" {
		out += "\nthe engines' log:\n" + log
	}
	return out
}

// statusText returns a text for people about a job.
func statusText(s *model.JobView) string {
	var b strings.Builder
	fmt.Fprintf(&b, "job %s of type %q is %s, %d %%, attempt %d", s.ID, s.Type, s.Status, s.Percent, s.Attempt)
	for _, line := range []struct{ label, text string }{
		{"message", s.Message}, {"error", s.Error}, {"cancelled by", s.CancelledBy}, {"reason", s.CancelReason}, {"checkpoint", string(s.Checkpoints)},
	} {
		if line.text != "" {
			fmt.Fprintf(&b, "\n  %s: %s", line.label, line.text)
		}
	}
	if s.Status == model.Scheduled && !s.ScheduledAt.IsZero() {
		fmt.Fprintf(&b, "\n  scheduled at: %s", s.ScheduledAt.Format(time.RFC3339Nano))
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i, step := range s.Steps {
		fmt.Fprintf(table, "  %d\t%s\t%s\tattempts %d\t%s\t%s\n", i+1, step.Name, step.Status, step.Attempts, step.Duration, step.Error)
	}
	_ = table.Flush() // a strings.Builder does not fail
	return strings.TrimRight(b.String(), "\n")
}

// harnessLog keeps the last log lines of a harness's engines. A test that fails prints
// them; engines that outlive their test may write to it.
type harnessLog struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	news chan struct{} // has a value when engines have logged: a job began, waits or has ended
}

func newHarnessLog() *harnessLog { return &harnessLog{news: make(chan struct{}, 1)} }

func (l *harnessLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write keeps the last lines.
func (l *harnessLog) Write(line []byte) (int, error) {
	const most = 32 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(line)
	if over := l.buf.Len() - most; over > 0 {
		l.buf.Next(over)
		_, _ = l.buf.ReadBytes('\n') // lines are kept whole
	}
	l.wake()
	return len(line), nil
}

func (l *harnessLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// wake makes the harness read its job.
func (l *harnessLog) wake() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}
