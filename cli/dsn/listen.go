package dsn

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listener listens for PostgreSQL's notifications, on a connection of its own
// that it opens when it begins. It is what an engine's Config.Listener takes.
type Listener struct{ config *pgx.ConnConfig }

// NewListener returns a listener on the PostgreSQL database that text names. For
// other databases, which have no notifications, it returns nil. It does not
// connect.
func NewListener(text string) (*Listener, error) {
	a, err := parse(text)
	if err != nil || a.kind != postgresServer {
		return nil, err
	}
	config, err := postgresConfig(a)
	if err != nil {
		return nil, err
	}
	return &Listener{config: config}, nil
}

// Listen connects, listens on the channel, calls ready, and then notify with
// each payload, until ctx ends or the connection breaks. Its error is never nil
// and holds no secrets.
func (l *Listener) Listen(ctx context.Context, channel string, ready func(), notify func(payload string)) error {
	begun := time.Now()
	conn, err := pgx.ConnectConfig(ctx, l.config.Copy())
	if err != nil {
		return explainPostgres(l.config, err, begun)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return explainPostgres(l.config, err, time.Time{})
	}
	ready()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return explainPostgres(l.config, err, time.Time{})
		}
		notify(n.Payload)
	}
}
