package testutil_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// Reminder awaits an approval, waits a day, and sends a mail, which may fail once.
func Reminder(send func(key string)) *steps.Definition[Digest] {
	reminder := steps.Define[Digest]()
	approve := steps.AwaitSignal[Digest, string](reminder, "approve")
	steps.Sleep(reminder, "a day", 24*time.Hour)
	steps.Add(reminder, "send", func(_ context.Context, run *steps.Run[Digest]) (string, error) {
		send(run.IdempotencyKey())
		return "as " + approve.Output(run) + " said", nil
	}, steps.Retry(3, time.Hour))
	return reminder
}

// A test need not wait: it sends the signal, skips the day, and the delay after an attempt
// that it makes fail.
func ExampleHarness_SkipWait() {
	h := testutil.NewHarness(testutil.Example(), Reminder(func(string) { fmt.Println("sent") }))
	h.Enqueue(Digest{Week: 43})
	fmt.Println("waits for", h.RunToWait().WaitsFor)
	h.Signal("approve", "ann")
	fmt.Println("waits for", h.RunToWait().WaitsFor)
	h.SkipWait()
	h.FailStep("send", 1)
	fmt.Println("waits for", h.RunToWait().WaitsFor)
	fmt.Println(h.RequireStep("send", model.StepWaiting).Failures, "attempt has failed")
	h.SkipWait()
	fmt.Println(h.Run().Status, string(h.Status().Result))
	// Output:
	// waits for the signal "approve"
	// waits for step "a day" to end
	// waits for the next attempt of step "send"
	// 1 attempt has failed
	// sent
	// succeeded "as ann said"
}

// The job ends alike wherever its process dies, and one reminder is sent, by its key,
// however often that was tried.
func ExampleCrashEverywhere() {
	var sent map[string]bool
	testutil.CrashEverywhere(testutil.Example(), func() steps.Handler {
		sent = make(map[string]bool)
		return Reminder(func(key string) { sent[key] = true })
	}, Digest{Week: 43}, func(t testing.TB, h *testutil.Harness) {
		if len(sent) != 1 {
			t.Errorf("%d reminders were sent", len(sent))
		}
	}, testutil.Prepare(func(h *testutil.Harness) { h.Signal("approve", "ann") }))
	fmt.Println("always the same end")
	// Output: always the same end
}

// A moment is named by the value of a checkpoint.
func ExampleAtCheckpointWhen() {
	count := steps.Define[Digest]()
	steps.Do(count, "count", func(ctx context.Context, run *steps.Run[Digest]) error {
		for n := range 10 {
			if err := run.Checkpoint(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
	h := testutil.NewHarness(testutil.Example(), count)
	h.Enqueue(Digest{})
	s := h.Kill(testutil.AtCheckpointWhen("count", func(n int) bool { return n >= 5 }))
	fmt.Println(s.Status, string(s.Checkpoints))
	// Output: failed {"step":"count","value":5}
}
