package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// Config is what a worker needs. All fields are set, but for those that say otherwise.
type Config struct {
	Store     *store.Store
	Owner     store.Owner
	Heartbeat time.Duration
	Poll      time.Duration
	Grace     time.Duration
	// MaxRunning bounds the jobs that run at once; 0 is one for each type.
	MaxRunning int
	Limits     Limits
	Listener   Listener // nil for none
	Log        *slog.Logger
	Handlers   map[string]Handler
}

// Limits bound what a job may put into its row.
type Limits struct {
	Output  int // bytes of one step's output, cursor or result
	Data    int // bytes of the data document
	Steps   int
	Message int // characters; longer ones are cut
	Error   int // characters; longer ones are cut
}

// Handler is a definition and what its jobs' contexts are made with.
type Handler struct {
	steps.Handler
	// Context makes the context of a job's steps; nil leaves it as it is.
	Context func(context.Context, *model.Job) (context.Context, error)
}
