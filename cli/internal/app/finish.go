package app

import (
	"context"
	"fmt"
)

// Finish writes what went wrong, if anything did, and returns the exit code.
func (c *Call) Finish(ctx context.Context, err error) int {
	if err == nil {
		return ExitOK
	}
	// Drivers have many names for a context that has ended: that it has, and
	// not what they made of it, is the reason. How the job ended is a result
	// all the same.
	if ctx.Err() != nil && !IsAny(err, ErrEnded, ErrInterrupted) {
		err = fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))
	}
	text := err.Error()
	if note := c.PasswordNote(text); note != "" {
		text += "\n" + note
	}
	c.Note("%s: %s", c.Name, text)
	return exitCode(err)
}
