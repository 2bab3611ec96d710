package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// step is one repeatable statement.
type step struct {
	sql string
	// skipIfQuery selects a number. If it is not 0, what the statement creates
	// already exists, and the step is skipped. It makes a statement repeatable that
	// has no IF NOT EXISTS. Such a step only completes what a killed migration
	// left, so it is not part of a printed script.
	skipIfQuery string
	// dependentsQuery selects the names of other programs' tables that the
	// statement would change too. If there are any, the step fails.
	dependentsQuery string
}

func runSteps(ctx context.Context, conn bun.IConn, steps []step) error {
	for _, step := range steps {
		if err := step.run(ctx, conn); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}

func (s step) run(ctx context.Context, conn bun.IConn) error {
	if s.dependentsQuery != "" {
		dependents, err := queryTexts(ctx, conn, s.dependentsQuery)
		if err != nil {
			return err
		}
		if len(dependents) > 0 {
			return fmt.Errorf("foreign keys refer to it from %s: drop them first", strings.Join(dependents, ", "))
		}
	}
	if s.skipIfQuery != "" {
		var existing int
		if err := conn.QueryRowContext(ctx, s.skipIfQuery).Scan(&existing); err != nil || existing > 0 {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, s.sql)
	return err
}

// String returns the first line of the statement, to name it in an error.
func (s step) String() string {
	first, _, _ := strings.Cut(s.sql, "\n")
	return strings.TrimRight(first, " (")
}

// queryTexts returns the values of a query that selects one text column.
func queryTexts(ctx context.Context, conn bun.IConn, query string) ([]string, error) {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}
