package testutil_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// Digest is the input of the definition under test.
type Digest struct {
	Week int `json:"week"`
}

func (Digest) JobType() string { return "mail:digest" }

// SendDigest is the definition under test: it collects articles and mails them.
func SendDigest(collect func(week int) []string, mail func(key string, articles []string) error) *steps.Definition[Digest] {
	digest := steps.Define[Digest]()
	collected := steps.Add(digest, "collect", func(_ context.Context, run *steps.Run[Digest]) ([]string, error) {
		return collect(run.Input().Week), nil
	})
	steps.Do(digest, "mail", func(_ context.Context, run *steps.Run[Digest]) error {
		return mail(run.IdempotencyKey(), collected.Output(run))
	})
	return digest
}

// A digest whose process is killed while it is mailed is not collected twice, and its
// reader gets one mail: the mail server knows the key.
func ExampleHarness() {
	t := newExample() // a test has this already

	collections, mails := 0, map[string][]string{}
	definition := SendDigest(
		func(week int) []string {
			collections++
			return []string{"Rust", "Sourdough"}
		},
		func(key string, articles []string) error {
			mails[key] = articles
			return nil
		},
	)

	h := testutil.NewHarness(t, definition)
	h.Enqueue(Digest{Week: 43})

	status := h.Kill(testutil.BeforeRecord("mail")) // mailed, and not recorded
	fmt.Println(status.Status, "with", status.StepsCompleted, "of", status.StepsTotal, "steps; mails:", len(mails))

	h.Resume()
	status = h.Run()
	fmt.Println(status.Status, "with", status.StepsCompleted, "of", status.StepsTotal, "steps; mails:", len(mails))

	var articles []string
	h.Output("collect", &articles)
	fmt.Println("collected", articles, collections, "time")
	for _, record := range h.Records() {
		fmt.Println(record.Name, "took", record.Attempts, "attempt(s)")
	}
	if status.Status != model.Succeeded {
		t.Error("the digest was not sent")
	}

	// Output:
	// failed with 1 of 2 steps; mails: 1
	// succeeded with 2 of 2 steps; mails: 1
	// collected [Rust Sourdough] 1 time
	// collect took 1 attempt(s)
	// mail took 2 attempt(s)
}

// example replaces a *testing.T in a runnable example.
type example struct{ testing.TB }

func newExample() testing.TB { return example{} }

func (example) Helper()                  {}
func (example) Cleanup(func())           {}
func (example) Context() context.Context { return context.Background() }
func (example) Fatal(args ...any)        { panic(fmt.Sprint(args...)) }
func (example) Error(args ...any)        { panic(fmt.Sprint(args...)) }
