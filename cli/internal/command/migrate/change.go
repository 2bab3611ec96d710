package migrate

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/migrations"
)

// change changes the tables and prints the migrations that it has applied or undone.
func change(ctx context.Context, call *app.Call, need app.Need, work func(context.Context, *bun.DB, ...migrations.Option) error, verb string) error {
	return call.WithDatabase(ctx, need, func(db *bun.DB) error {
		before, err := migrations.Status(ctx, db, call.Tables())
		if err != nil {
			return err
		}
		if err := work(ctx, db, call.Tables()); err != nil {
			return err
		}
		after, err := migrations.Status(ctx, db, call.Tables())
		if err != nil {
			return err
		}
		return printChanged(call.Out, changed(before, after), verb)
	})
}

func printChanged(out *view.Printer, states []migrations.State, verb string) error {
	if out.JSON {
		return out.Document(states)
	}
	return out.Print(view.Migrated(verb, rows(states)))
}

// rows returns states in the form that the view has for them.
func rows(states []migrations.State) []view.Migration {
	list := make([]view.Migration, len(states))
	for i, state := range states {
		list[i] = view.Migration(state)
	}
	return list
}

// changed returns the states that are applied in one list only.
func changed(before, after []migrations.State) []migrations.State {
	applied := make(map[string]bool)
	for _, state := range before {
		applied[state.Name] = state.Applied()
	}
	changed := []migrations.State{}
	for _, state := range after {
		if state.Applied() != applied[state.Name] {
			changed = append(changed, state)
		}
	}
	return changed
}
