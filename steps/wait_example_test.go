package steps_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

type invoice struct {
	Total int `json:"total"`
}

func (invoice) JobType() string { return "invoices:pay" }

type decision struct {
	Approved bool `json:"approved"`
}

// A large invoice is paid after a person has approved it, however long that takes.
func ExampleAwaitSignal() {
	pay := steps.Define[invoice]()
	steps.Do(pay, "check", func(context.Context, *steps.Run[invoice]) error { return nil })
	approve := steps.AwaitSignal[invoice, decision](pay, "approve", steps.Timeout(30*24*time.Hour))
	steps.Add(pay, "pay", func(_ context.Context, run *steps.Run[invoice]) (string, error) {
		if !approve.Output(run).Approved {
			return "declined", nil
		}
		return fmt.Sprint("paid ", run.Input().Total), nil
	})

	status := waitingExample(invoice{Total: 900}, func(ctx context.Context, eng *engine.Engine, id uuid.UUID) error {
		status, err := untilWaiting(ctx, eng, id)
		if err != nil {
			return err
		}
		fmt.Println(status.Status, "for", status.WaitsFor)
		_, err = eng.Signal(ctx, id, "approve", decision{Approved: true}, "ann@example.org")
		return err
	}, pay)
	fmt.Println("approved by", status.Steps[1].SentBy)
	fmt.Println(status.Status, string(status.Result))
	// Output:
	// scheduled for the signal "approve"
	// approved by ann@example.org
	// succeeded "paid 900"
}

// While the job sleeps, it holds no lock. Another process may continue it.
func ExampleSleep() {
	pay := steps.Define[invoice]()
	steps.Sleep(pay, "time to object", 50*time.Millisecond)
	steps.Do(pay, "pay", func(_ context.Context, run *steps.Run[invoice]) error {
		fmt.Println("paid", run.Input().Total)
		return nil
	})
	fmt.Println(waitingExample(invoice{Total: 900}, nil, pay).Status)
	// Output:
	// paid 900
	// succeeded
}

// The function is called once; here the time has passed already.
func ExampleSleepUntil() {
	pay := steps.Define[invoice]()
	steps.SleepUntil(pay, "due date", func(run *steps.Run[invoice]) time.Time {
		return run.Job().CreatedAt.AddDate(0, 0, -run.Input().Total)
	})
	fmt.Println(waitingExample(invoice{Total: 30}, nil, pay).Status)
	// Output: succeeded
}

type reminder struct {
	To string `json:"to"`
}

func (reminder) JobType() string { return "invoices:remind" }

// A job enqueues several jobs of another type, and continues when they have ended.
func ExampleChildJobs() {
	remind := steps.Define[reminder]()
	steps.Add(remind, "send", func(_ context.Context, run *steps.Run[reminder]) (string, error) {
		if run.Input().To == "" {
			return "", fmt.Errorf("no address")
		}
		return "sent to " + run.Input().To, nil
	})

	pay := steps.Define[invoice]()
	reminders := steps.ChildJobs(pay, "remind", func(context.Context, *steps.Run[invoice]) ([]steps.Child, error) {
		return []steps.Child{{Input: reminder{To: "ann"}}, {Input: reminder{}}, {Input: reminder{To: "bob"}, Name: "The last one"}}, nil
	}, steps.AllowFailures())
	steps.Do(pay, "report", func(_ context.Context, run *steps.Run[invoice]) error {
		for _, r := range reminders.Output(run) {
			fmt.Println(r.Status, string(r.Result)+r.Error)
		}
		return nil
	})
	fmt.Println(waitingExample(invoice{}, nil, pay, remind).Status)
	// Output:
	// succeeded "sent to ann"
	// failed step "send": no address
	// succeeded "sent to bob"
	// succeeded
}

// waitingExample runs a job to its end. If meanwhile is not nil, it is called after the
// job was enqueued.
func waitingExample(in steps.Input, meanwhile func(context.Context, *engine.Engine, uuid.UUID) error, definitions ...steps.Handler) *model.JobView {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	status, err := func() (*model.JobView, error) {
		db, err := dsn.Open(ctx, "sqlite://:memory:")
		if err != nil {
			return nil, err
		}
		defer func() { _ = db.Close() }()
		if err := migrations.Migrate(ctx, db); err != nil {
			return nil, err
		}
		eng, err := engine.New(db, engine.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			return nil, err
		}
		for _, d := range definitions {
			if err := eng.Register(d); err != nil {
				return nil, err
			}
		}
		done := make(chan error, 1)
		go func() { done <- eng.Run(ctx) }()
		defer func() { stop(); <-done }()
		job, err := eng.Enqueue(ctx, in)
		if err == nil && meanwhile != nil {
			err = meanwhile(ctx, eng, job.ID)
		}
		if err != nil {
			return nil, err
		}
		return eng.Wait(ctx, job.ID, nil)
	}()
	if err != nil {
		fmt.Println(err)
		return &model.JobView{}
	}
	return status
}

// untilWaiting returns a job's status once it waits for something.
func untilWaiting(ctx context.Context, eng *engine.Engine, id uuid.UUID) (*model.JobView, error) {
	for {
		status, err := eng.Status(ctx, id)
		if err != nil || status.WaitsFor != "" {
			return status, err
		}
		time.Sleep(time.Millisecond)
	}
}
