package app

import (
	"context"

	urfave "github.com/urfave/cli/v2"
)

// Action makes a command's action of its two halves: parse reads the flags and
// arguments and touches nothing else; run does the work.
func Action[T any](call *Call, parse func(*urfave.Context) (T, error), run func(context.Context, *Call, T) error) urfave.ActionFunc {
	return func(c *urfave.Context) error {
		request, err := parse(c)
		if err != nil {
			return wrong(c, err)
		}
		return run(c.Context, call, request)
	}
}
