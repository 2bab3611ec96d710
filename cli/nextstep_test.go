package cli

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/steps"
)

func TestAJobThatFailedTellsTheStepThatAResumeBeginsWith(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"fail":"pack"}`)
	b.process(id)
	anew := "\nBegin anew: " + b.program() + " restart " + id
	resume := ": " + b.program() + " resume "

	assert.Contains(t, b.ok("show", id), `Go on with step "pack"`+resume+id+anew)
	b.opts.Register = nil
	assert.Contains(t, b.ok("show", id), `Go on with step "pack"`+resume+id+anew, "without the definition, what is recorded")

	b.opts.Register = func(r *Registry) error { return r.Register(renamed()) }
	assert.Contains(t, b.ok("show", id), "A resume would be refused; this says why"+resume+"--dry-run "+id+anew)
	assert.Contains(t, b.fails(ExitFailed, "resume", "--dry-run", id), `"pack"`)

	b.opts.Register = func(r *Registry) error {
		d := steps.Define[order]()
		for _, name := range []string{"pick", "weigh", "pack", "ship"} {
			steps.Add(d, name, b.shop.step)
		}
		return r.Register(d)
	}
	assert.Contains(t, b.ok("show", id), `Go on with step "weigh"`+resume+id+anew, "a step that the definition has since")
	assert.Equal(t, "job "+id+` is scheduled, to go on with step "weigh"`+"\n", b.ok("resume", id))
}

// Of a group the member that failed is named, where it runs again.
func TestAGroupThatFailedTellsTheMemberThatAResumeBeginsWith(t *testing.T) {
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
	b := setup(t)
	b.opts.Register = func(r *Registry) error { return r.Register(d) }
	id := b.enqueue(`{}`)
	b.process(id)
	assert.Contains(t, b.ok("show", id), `Go on with step "pay": `)
	assert.Equal(t, "job "+id+` is scheduled, to go on with step "pack"`+"\n", b.ok("resume", "--skip-step", "pay", id))

	b.ok("cancel", id)
	b.opts.Register = nil
	assert.Equal(t, "job "+id+` is scheduled, to go on with step "pack"`+"\n", b.ok("resume", id), "what is recorded")
}

func TestAResumeBehindTheLastStepTellsThatNoneIsLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"fail":"ship"}`)
	b.process(id)
	assert.Equal(t, "job "+id+" is scheduled, with no step left to run\n", b.ok("resume", "--skip-step", "ship", id))
	b.ok("cancel", id)
	assert.Contains(t, b.ok("show", id), "Go on, with no step left to run: "+b.program()+" resume "+id)
	b.opts.Register = nil
	assert.Equal(t, "job "+id+" is scheduled\n", b.ok("resume", id))
}

// The definition's own code refuses: so does a resume.
func TestAJobWhosePlanCannotBeMadeTellsThatAResumeIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"fail":"pack"}`)
	b.process(id)
	made := 0
	b.opts.Register = func(r *Registry) error {
		return r.Register(steps.DefineFunc(func(order) (*steps.Definition[order], error) {
			made++
			return nil, errors.New("no credentials here")
		}))
	}
	assert.Contains(t, b.ok("show", id), "A resume would be refused; this says why: "+b.program()+" resume --dry-run "+id)
	assert.Equal(t, 1, made)
	assert.Contains(t, b.fails(ExitFailed, "-o", "json", "resume", id), "no credentials here")
	assert.Equal(t, 2, made, "only what is printed is asked for")
}

func TestAJobWhoseTimeIsUpTellsThatAResumeIsRefused(t *testing.T) {
	t.Parallel()
	d := steps.Define[order](steps.JobTimeout(time.Millisecond))
	steps.Do(d, "pack", func(ctx context.Context, _ *steps.Run[order]) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	b := setup(t)
	b.opts.Register = func(r *Registry) error { return r.Register(d) }
	id := b.enqueue(`{}`)
	b.process(id)
	assert.Contains(t, b.ok("show", id), "A resume would be refused; this says why: ")
}
