package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestShowPrintsAllThatPeopleNeed(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		id := f.enqueue(`{"fail":"pack"}`, "--name", "An order", "--role", "buyer", "--email", "b@x.org", "--file-url", "https://x.org/f", "--key", "k7")
		f.process(id)
		out := f.ok("show", id)
		for _, want := range []string{
			`Job +` + id, `Type +shop:order`, `Name +An order`, `Role +buyer`, `Email +b@x.org`, `File +https://x.org/f`, `Key +k7`,
			`Status +failed`, `Progress +\d+% 1/3`, `Step +pack`, `Message +at work on pack`, `Error +step "pack": out of stock`,
			`Attempt +1`, `Input +\{"fail": ?"pack"\}`, `Created +20\S+Z`, `Started +20\S+Z`, `Finished +20\S+Z`, `Elapsed +\d`,
			`1 +pick +completed +1 +1 +\d+m?s +20\S+Z +\{"packed": ?"pick"\}`, `2 +pack +failed +1 +1 +\d+m?s +20\S+Z +out of stock`, `3 +ship +pending +1 +0 +- +-`,
			`Continue with step "pack": shopctl --dsn \S+ resume ` + id, `Start over: shopctl --dsn \S+ restart ` + id,
		} {
			assert.Regexp(t, want, out)
		}
		s := f.status(id)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "pack", s.CurrentStep)
		assert.Len(t, s.Steps, 3)
	})
}

func TestShowPrintsWhoCancelledAndWhy(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{}`)
	f.ok("cancel", id, "--by", "ann", "--reason", "wrong order")
	assert.Regexp(t, `Cancelled +20\S+Z by ann: wrong order`, f.ok("show", id))
}

func TestShowPrintsTheLeaseOfARunningJob(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"wait":"pack"}`)
	f.worker()
	f.entersStep("pack")
	out := f.ok("show", id)
	assert.Regexp(t, `Engine +\S+ \S+/\d+`, out)
	assert.Regexp(t, `Lease ends +20\S+Z`, out)
	assert.Regexp(t, `pack +running`, out)
}

func TestAJobThatDoesNotExistExitsWith3(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.ok("migrate", "up")
	for _, args := range [][]string{
		{"show", someID}, {"cancel", someID}, {"resume", someID}, {"resume", "--dry-run", someID},
		{"restart", someID}, {"delete", someID}, {"signal", someID, "x"}, {"watch", someID}, {"resume", someID, "--wait"},
	} {
		assert.Contains(t, f.fails(ExitNotFound, args...), "job "+someID+": job not found", args)
	}
}

func TestShowSaysThatTheProgramDoesNotHaveTheType(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{}`)
	const foreign = "This program does not have the type \"shop:order\": the worker of another one has to run its jobs.\n"
	assert.NotContains(t, f.ok("show", id), foreign)
	f.opts.Register = func(r *Registry) error {
		d := steps.Define[order](steps.Type("shop:parcel"))
		steps.Do(d, "pack", done)
		return r.Register(d)
	}
	assert.Contains(t, f.ok("show", id), foreign)
	assert.NotContains(t, f.ok("show", id), "It runs when")
	f.ok("cancel", id)
	assert.NotContains(t, f.ok("show", id), foreign)
	f.ok("restart", id)
	assert.Contains(t, f.ok("show", id), foreign)
	f.ok("delete", id)
	assert.NotContains(t, f.ok("show", id), foreign)
}
