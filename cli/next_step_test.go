package cli

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/steps"
)

func TestShowNamesTheStepThatAResumeOfAFailedJobBeginsWith(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"fail":"pack"}`)
	f.process(id)
	restart := "\nStart over: " + f.program() + " restart " + id
	resume := ": " + f.program() + " resume "

	assert.Contains(t, f.ok("show", id), `Continue with step "pack"`+resume+id+restart)
	f.opts.Register = nil
	assert.Contains(t, f.ok("show", id), `Continue with step "pack"`+resume+id+restart, "without the definition, what is recorded")

	f.opts.Register = func(r *Registry) error { return r.Register(renamed()) }
	assert.Contains(t, f.ok("show", id), "A resume would fail; this says why"+resume+"--dry-run "+id+restart)
	assert.Contains(t, f.fails(ExitFailed, "resume", "--dry-run", id), `"pack"`)

	f.opts.Register = func(r *Registry) error {
		d := steps.Define[order]()
		for _, name := range []string{"pick", "weigh", "pack", "ship"} {
			steps.Add(d, name, f.shop.step)
		}
		return r.Register(d)
	}
	assert.Contains(t, f.ok("show", id), `Continue with step "weigh"`+resume+id+restart, "a step that the definition has since")
	assert.Equal(t, "job "+id+` is scheduled, to continue with step "weigh"`+"\n", f.ok("resume", id))
}

// The member of a group that failed is named, if it runs again.
func TestShowNamesTheMemberThatAResumeOfAFailedGroupBeginsWith(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	both := steps.Parallel(d, "both")
	steps.Do(both, "pack", func(ctx context.Context, _ *steps.Run[order]) error {
		<-ctx.Done()
		return ctx.Err()
	})
	steps.Do(both, "pay", fails)
	steps.Do(both, "weigh", fails, steps.When(func(*steps.Run[order]) bool { return false }, ""))
	steps.Do(d, "ship", done)
	f := setup(t)
	f.opts.Register = func(r *Registry) error { return r.Register(d) }
	id := f.enqueue(`{}`)
	f.process(id)
	assert.Contains(t, f.ok("show", id), `Continue with step "pay": `)
	assert.Equal(t, "job "+id+` is scheduled, to continue with step "pack"`+"\n", f.ok("resume", "--skip-step", "pay", id))

	f.ok("cancel", id)
	f.opts.Register = nil
	assert.Equal(t, "job "+id+` is scheduled, to continue with step "pack"`+"\n", f.ok("resume", id), "what is recorded")
}

func TestAResumeAfterTheLastStepSaysThatNoneIsLeft(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"fail":"ship"}`)
	f.process(id)
	assert.Equal(t, "job "+id+" is scheduled, with no step left to run\n", f.ok("resume", "--skip-step", "ship", id))
	f.ok("cancel", id)
	assert.Contains(t, f.ok("show", id), "Continue, with no step left to run: "+f.program()+" resume "+id)
	f.opts.Register = nil
	assert.Equal(t, "job "+id+" is scheduled\n", f.ok("resume", id))
}

// The definition's own code returns an error: so does a resume.
func TestShowSaysThatAResumeFailsForAJobWhosePlanCannotBeMade(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"fail":"pack"}`)
	f.process(id)
	made := 0
	f.opts.Register = func(r *Registry) error {
		return r.Register(steps.DefineFunc(func(order) (*steps.Definition[order], error) {
			made++
			return nil, errors.New("no credentials here")
		}))
	}
	assert.Contains(t, f.ok("show", id), "A resume would fail; this says why: "+f.program()+" resume --dry-run "+id)
	assert.Equal(t, 1, made)
	assert.Contains(t, f.fails(ExitFailed, "-o", "json", "resume", id), "no credentials here")
	assert.Equal(t, 2, made, "only what is printed is asked for")
}

func TestShowSaysThatAResumeFailsForAJobWhoseTimeIsUp(t *testing.T) {
	t.Parallel()
	d := steps.Define[order](steps.JobTimeout(time.Millisecond))
	steps.Do(d, "pack", func(ctx context.Context, _ *steps.Run[order]) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	f := setup(t)
	f.opts.Register = func(r *Registry) error { return r.Register(d) }
	id := f.enqueue(`{}`)
	f.process(id)
	assert.Contains(t, f.ok("show", id), "A resume would fail; this says why: ")
}
