package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// A migration is one change of the tables. What has been released is not
// edited: a new change is a new migration, and it only adds.
type migration struct {
	name string
	does string
	// up and down hold the steps for each kind of database.
	up, down map[Database][]step
}

// A step is one statement, which may run again after it has run.
type step struct {
	sql string
	// skip selects how many of what the statement makes are there already:
	// the way to be repeatable for a statement that knows no IF NOT EXISTS.
	// Such a step mends what a killed migration left, and is not printed.
	skip string
	// users selects the names of what is not ours and would be changed too.
	users string
}

// all returns every migration, in the order in which they are applied, which
// is also the order of their names.
func all() []migration {
	return []migration{jobs()}
}

func run(ctx context.Context, conn bun.IConn, steps []step) error {
	for _, step := range steps {
		if err := step.run(ctx, conn); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}

func (s step) run(ctx context.Context, conn bun.IConn) error {
	if s.users != "" {
		users, err := texts(ctx, conn, s.users)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return fmt.Errorf("refused: it is referred to by %s", strings.Join(users, ", "))
		}
	}
	if s.skip != "" {
		var made int
		if err := conn.QueryRowContext(ctx, s.skip).Scan(&made); err != nil || made > 0 {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, s.sql)
	return err
}

// String is how the statement begins, to name it in an error.
func (s step) String() string {
	first, _, _ := strings.Cut(s.sql, "\n")
	return strings.TrimRight(first, " (")
}

// texts returns the one column of text that a query selects.
func texts(ctx context.Context, conn bun.IConn, query string) ([]string, error) {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		found = append(found, text)
	}
	return found, rows.Err()
}
