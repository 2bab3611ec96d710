package engine

import "context"

// Listener receives notifications from other processes, with PostgreSQL's LISTEN. An engine
// with a listener knows of new jobs and cancel requests at once, instead of at its next
// poll. Package dsn has an implementation for pgx; a host with another driver writes its own.
type Listener interface {
	// Listen listens on a channel until ctx ends. It calls ready when it has begun to
	// listen, and then notify with the payload of each notification. The calls must not be
	// concurrent. It returns an error when its connection breaks; the engine then calls it
	// again after a pause.
	Listen(ctx context.Context, channel string, ready func(), notify func(payload string)) error
}
