package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	bundialect "github.com/uptrace/bun/dialect"
)

// checkTimeMicros is the instant that dialect.checkTime selects.
const checkTimeMicros = 1_600_000_000_123_456

// dialect is what differs between the databases.
type dialect struct {
	name string
	// now is the time of this moment by the database's clock; later is that
	// plus {micros}, a number of microseconds.
	now, later string
	// lock makes a SELECT lock its rows of l, skip makes it pass over locked
	// ones. SQLite has one writer at a time and needs neither.
	lock, skip string
	// keyLock makes a SELECT in a repeatable-read transaction see rows that
	// were committed after it began.
	keyLock string
	// checkTime selects checkTimeMicros as the columns hold it, where a
	// connection's settings can shift times.
	checkTime string
	// isolation selects the connection's isolation level.
	isolation string
	// charset is the character set that texts must come in, and askCharset
	// selects what the connection has. In some, a backslash is the second byte
	// of a character: a literal would end elsewhere than it was written to.
	charset, askCharset string
	// headHint follows the jobs table, and headOrder is the order, where the
	// first scheduled job of a type is looked for: what makes it an index walk.
	headHint, headOrder string
	// byID is the status of j in a form that keeps the indexes on it from
	// being used: the rows are then found by their ids.
	byID string
	// returning says that UPDATE ... RETURNING works.
	returning bool
	// notifies says that there is pg_notify.
	notifies bool
	// soleWriter says that nobody else writes while a transaction has written.
	soleWriter bool
	// writableCTE says that one statement can change several tables and return rows.
	writableCTE bool
	// prepares says that statements which were prepared are faster; numbered
	// that their arguments are $1, $2 and so on.
	prepares, numbered bool
	// rows is a batch, given as one argument that join makes of its objects, as
	// a table v. Where there is none, see choose.
	rows func(columns []column) string
	join func(rows []string) string
	// oneOf is the condition that a column has one of some values, given as
	// the argument that list makes of them.
	oneOf func(column string, kind columnKind) string
	list  func(items []string) any
	// setJSON wraps document to put each JSON text of values at the path with
	// its index, padPath is a path at which that changes nothing, and path
	// renders one.
	setJSON func(document string, paths, values []string) string
	padPath string
	path    func(p Path) string
	// fromMicros turns microseconds since the Unix epoch into what columns of
	// times hold.
	fromMicros func(n string) string
	// jsonLength counts the elements of a column's array; of what other programs
	// may have put there instead, there are 0 or NULL.
	jsonLength func(column string) string
	// json turns a JSON text into what the column holds; document does that with
	// a column of documents of a batch.
	json, document func(text string) string
}

func (d dialect) replacer() *strings.Replacer {
	return strings.NewReplacer(
		"{now}", d.now,
		"{lock}", d.lock,
		"{skip}", d.skip,
		"{key_lock}", d.keyLock,
		"{status_by_id}", cmp.Or(d.byID, "j.status"),
		"{head_hint}", d.headHint,
		"{head_order}", d.headOrder,
	)
}

// after is the SQL for the moment that lies d from now.
func (d dialect) after(delta time.Duration) string {
	return strings.ReplaceAll(d.later, "{micros}", strconv.FormatInt(delta.Microseconds(), 10))
}

func detect(ctx context.Context, db *bun.DB) (dialect, error) {
	switch name := db.Dialect().Name(); name {
	case bundialect.SQLite:
		return sqlite(), nil
	case bundialect.PG:
		return postgres(), nil
	case bundialect.MySQL:
		var version string
		if err := db.NewRaw("SELECT VERSION()").Scan(ctx, &version); err != nil {
			return dialect{}, fmt.Errorf("ask the database for its version: %w", err)
		}
		if strings.Contains(version, "MariaDB") {
			return mariadb(), nil
		}
		return mysql(), nil
	default:
		return dialect{}, fmt.Errorf("database %s is not supported: want SQLite, PostgreSQL, MySQL or MariaDB", name)
	}
}

func sqlite() dialect {
	const now = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
	return dialect{
		name:  "sqlite",
		now:   now,
		later: "(" + now + " + {micros})",
		// With statistics of few types, SQLite was seen to scan the table.
		headHint:  " INDEXED BY job_system_jobs_claim",
		headOrder: "j.scheduled_at, j.id",
		byID:      "+j.status",
		returning: true, soleWriter: true,
		setJSON: func(document string, paths, values []string) string {
			return jsonSet("json_set", document, paths, values, func(value string) string { return "json(" + value + ")" })
		},
		fromMicros: func(n string) string { return n },
		jsonLength: func(column string) string { return "json_array_length(" + column + ")" },
		padPath:    "$.steps[1000000]", // beyond the end: ignored
		path:       dollarPath,
		json:       asItIs,
		document:   asItIs,
		// Compiling these takes longer than running them.
		prepares: true,
		rows: func(columns []column) string {
			selected := make([]string, len(columns))
			for i, c := range columns {
				get := " ->> "
				if c.kind == documents {
					get = " -> "
				}
				selected[i] = "value" + get + "'$." + c.name + "' AS " + c.name
			}
			return "(SELECT " + strings.Join(selected, ", ") + " FROM json_each(?)) AS v"
		},
		join:  jsonArray,
		oneOf: func(column string, _ columnKind) string { return column + " IN (SELECT value FROM json_each(?))" },
		list:  jsonList,
	}
}

func postgres() dialect {
	return dialect{
		name:      "postgres",
		now:       "clock_timestamp()",
		later:     "(clock_timestamp() + {micros} * interval '1 microsecond')",
		lock:      " FOR UPDATE OF l",
		skip:      " FOR UPDATE SKIP LOCKED",
		isolation: "SHOW transaction_isolation",
		charset:   "UTF8", askCharset: "SHOW client_encoding",
		headOrder:   "j.scheduled_at, j.id",
		byID:        "(j.status || '')",
		returning:   true,
		notifies:    true,
		writableCTE: true,
		prepares:    true,
		numbered:    true,
		// The condition is always true, and a planner takes it for one that
		// hardly any row meets: whatever it knows or does not know of the
		// tables, it looks the rows up there by their keys, and needs no other
		// plan for other arguments.
		rows: func(columns []column) string {
			typed := make([]string, len(columns))
			for i, c := range columns {
				typed[i] = c.name + " " + postgresTypes[c.kind]
			}
			return `(SELECT r.* FROM unnest(string_to_array(?, E'\n')) AS line, json_to_record(line::json) AS r (` + strings.Join(typed, ", ") + ") WHERE line || '' = line) AS v"
		},
		join: lines,
		oneOf: func(column string, kind columnKind) string {
			return column + ` = ANY (string_to_array(?, E'\n')::` + postgresTypes[kind] + "[])"
		},
		list: func(items []string) any { return lines(items) },
		setJSON: func(document string, paths, values []string) string {
			for i, path := range paths { // a record's null is SQL's NULL
				document = "jsonb_set(" + document + ", " + path + "::text[], COALESCE(" + values[i] + ", 'null'))"
			}
			return document
		},
		jsonLength: func(column string) string {
			return "CASE WHEN jsonb_typeof(" + column + ") = 'array' THEN jsonb_array_length(" + column + ") END"
		},
		// In two parts: an interval is multiplied as a float64, which has no room
		// for the microseconds of a time some centuries away.
		fromMicros: func(n string) string {
			const hour = "3600000000"
			return "(timestamptz 'epoch' + " + n + " / " + hour + " * interval '1 hour' + " + n + " % " + hour + " * interval '1 microsecond')"
		},
		padPath: "{none,none}", // a missing parent: unchanged
		path: func(p Path) string {
			if p.Index < 0 {
				return "{" + p.Key + "}"
			}
			return "{" + p.Key + "," + strconv.Itoa(p.Index) + "}"
		},
		json:     func(text string) string { return text + "::jsonb" },
		document: asItIs,
	}
}

var postgresTypes = [...]string{texts: "text", ids: "uuid", integers: "bigint", floats: "double precision", documents: "jsonb"}

// mysqlFamily is what MySQL and MariaDB have in common.
func mysqlFamily() dialect {
	return dialect{
		now:     "UTC_TIMESTAMP(6)",
		later:   "(UTC_TIMESTAMP(6) + INTERVAL {micros} MICROSECOND)",
		lock:    " FOR UPDATE",
		skip:    " FOR UPDATE SKIP LOCKED",
		keyLock: " FOR UPDATE",
		charset: "utf8mb4", askCharset: "SELECT CONCAT_WS(',', @@character_set_client, @@character_set_connection, @@character_set_results)",
		checkTime: "SELECT CAST('2020-09-13 12:26:40.123456' AS DATETIME(6))",
		jsonLength: func(column string) string {
			return "CASE WHEN JSON_TYPE(" + column + ") = 'ARRAY' THEN JSON_LENGTH(" + column + ") END"
		},
		fromMicros: func(n string) string { return "(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL " + n + " MICROSECOND)" },
		padPath:    "$.none.none", // a missing parent: unchanged
		path:       dollarPath,
		headOrder:  "j.scheduled_at, j.id",
		oneOf:      func(column string, _ columnKind) string { return column + " IN (?)" },
		list:       func(items []string) any { return bun.List(items) },
	}
}

func mariadb() dialect {
	d := mysqlFamily()
	d.name = "mariadb"
	d.isolation = "SELECT @@tx_isolation"
	d.json, d.document = asItIs, asItIs
	d.setJSON = func(document string, paths, values []string) string {
		return jsonSet("JSON_SET", document, paths, values, func(value string) string { return "JSON_COMPACT(" + value + ")" })
	}
	return d
}

func mysql() dialect {
	d := mysqlFamily()
	d.name = "mysql"
	d.isolation = "SELECT @@transaction_isolation"
	// Left to itself, MySQL was seen to scan another index for this.
	d.headHint = " FORCE INDEX (job_system_jobs_claim)"
	d.headOrder = "j.type, j.status, j.deleted_at, j.scheduled_at, j.id"
	d.json = func(text string) string { return "CAST(" + text + " AS JSON)" }
	d.document = d.json
	d.setJSON = func(document string, paths, values []string) string {
		return jsonSet("JSON_SET", document, paths, values, d.json)
	}
	return d
}

func asItIs(text string) string { return text }

// jsonSet is a function that puts several values into a document in one pass.
func jsonSet(function, document string, paths, values []string, json func(text string) string) string {
	for i, path := range paths {
		document += ", " + path + ", " + json(values[i])
	}
	if len(paths) == 0 {
		return document
	}
	return function + "(" + document + ")"
}

func dollarPath(p Path) string {
	if p.Index < 0 {
		return "$." + p.Key
	}
	return "$." + p.Key + "[" + strconv.Itoa(p.Index) + "]"
}

// keepExisting ends an INSERT that leaves rows with a taken key alone.
func (d dialect) keepExisting() string {
	if d.returning {
		return " ON CONFLICT (type, idempotency_key) DO NOTHING"
	}
	return " ON DUPLICATE KEY UPDATE job_system_jobs.id = job_system_jobs.id"
}

// keepLock ends an INSERT that leaves an existing lock alone.
func (d dialect) keepLock() string {
	if d.returning {
		return " ON CONFLICT (type) DO NOTHING"
	}
	return " ON DUPLICATE KEY UPDATE type = type"
}

// returned is those columns of j as RETURNING names them: SQLite knows no other
// table than the updated one there, not even by its alias.
func (d dialect) returned(columns string) string {
	if d.writableCTE {
		return columns
	}
	return strings.ReplaceAll(columns, "j.", "")
}

func jsonArray(rows []string) string { return "[" + strings.Join(rows, ",") + "]" }

func jsonList(items []string) any {
	raw, err := json.Marshal(items)
	if err != nil {
		panic(err) // of texts
	}
	return string(raw)
}

// lines is for texts that hold no line break: rows of JSON, ids and names of
// types.
func lines(items []string) string { return strings.Join(items, "\n") }
