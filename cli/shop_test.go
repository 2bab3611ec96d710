package cli

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// orderType is the job type of the shop, the host of these tests.
const orderType = "shop:order"

type order struct {
	// Fail and Wait name a step: one that fails, and one that waits until the
	// shop opens or its context ends.
	Fail string `json:"fail,omitempty"`
	Wait string `json:"wait,omitempty"`
	// Deaf makes the waiting step ignore its context.
	Deaf bool `json:"deaf,omitempty"`
	// Fixed lets the failing step succeed from the first resumption on.
	Fixed bool `json:"fixed,omitempty"`
}

func (order) JobType() string { return orderType }

type parcel struct {
	Packed string `json:"packed"`
}

// shop is a host with one definition.
type shop struct {
	entered chan string   // gets the name of each step that begins
	open    chan struct{} // closed to let waiting steps continue
}

func (h *shop) register(r *Registry) error { return r.Register(h.definition()) }

func (h *shop) definition() *steps.Definition[order] {
	d := steps.Define[order]()
	for _, name := range []string{"pick", "pack", "ship"} {
		steps.Add(d, name, h.step)
	}
	return d
}

func (h *shop) step(ctx context.Context, run *steps.Run[order]) (parcel, error) {
	in := run.Input()
	run.Progress(1, 2, "at work on %s", run.StepName())
	h.entered <- run.StepName()
	if in.Fail == run.StepName() && !(in.Fixed && run.Job().Resumptions > 0) {
		return parcel{}, errors.New("out of stock")
	}
	if in.Wait == run.StepName() {
		stop := ctx.Done()
		if in.Deaf {
			stop = nil
		}
		select {
		case <-h.open:
		case <-stop:
			return parcel{}, context.Cause(ctx)
		}
	}
	return parcel{Packed: run.StepName()}, nil
}

func whereOrder(j *model.JobView) string { return "the parcel is " + string(j.Result) }

// renamed returns the shop's definition with a step of another name.
func renamed() *steps.Definition[order] {
	d := steps.Define[order]()
	for _, name := range []string{"pick", "wrap", "ship"} {
		steps.Do(d, name, func(context.Context, *steps.Run[order]) error { return nil })
	}
	return d
}

func (h *shop) noStep(context.Context, *steps.Run[order]) error { return nil }

// enqueueOrder returns a step that enqueues an order.
func (h *shop) enqueueOrder(eng *engine.Engine, db *bun.DB) func(context.Context, *steps.Run[order]) error {
	return func(ctx context.Context, _ *steps.Run[order]) error {
		return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := eng.WithTx(tx).Enqueue(ctx, order{})
			return err
		})
	}
}
