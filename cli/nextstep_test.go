package cli

import (
	"testing"

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
