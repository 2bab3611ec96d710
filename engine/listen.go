package engine

import "context"

// Listener brings notifications from other processes: PostgreSQL's LISTEN. An
// engine that has one learns of new jobs and of cancel requests at once, and not
// at its next look. Package dsn has one; a host with another driver writes its
// own.
type Listener interface {
	// Listen listens on a channel: it calls ready when it has begun, and then
	// notify with the payload of each notification, none of them concurrently.
	// It returns when ctx ends, and with an error when its connection breaks:
	// the engine then calls it again, after a pause.
	Listen(ctx context.Context, channel string, ready func(), notify func(payload string)) error
}
