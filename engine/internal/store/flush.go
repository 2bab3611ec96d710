package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Write is what a run has to put into its row. It takes effect only if the row
// is still processing under the same attempt, and no later write of the run has:
// the fence.
type Write struct {
	JobID   uuid.UUID
	Type    string
	Attempt int64
	// Number is greater than that of any write which the run has sent before. One
	// that was given up and repeated may reach the database at last, and must not
	// take back what was written since: it takes no effect after a later one.
	Number int64

	// Document replaces the whole data column, if not nil; otherwise Patches
	// change parts of it.
	Document json.RawMessage
	Patches  []Patch

	SetCursor bool
	Cursor    json.RawMessage // nil clears it

	Progress         float64
	Message          string
	TimeToCompleteMS *int64
	Progressed       bool // the job has got further since the last write

	// End, if not empty, ends the run: the job's status becomes that one, and
	// its type is free for the next job.
	End   model.Status
	Error string
	// WakeAt is when a run that ends as scheduled is due, if it waits for
	// something: at once, if the job has more signals than Signals by now.
	WakeAt  model.Time
	Signals int
	// Children are jobs to be inserted with this write, if it takes effect.
	Children []*model.Job
	// OnCancel is what a cancel request on the row makes of a failed or
	// scheduled end.
	OnCancel OnCancel
}

// OnCancel is what a cancel request makes of the end of a run.
type OnCancel int

const (
	// CancelEnds has the job be cancelled.
	CancelEnds OnCancel = iota
	// CancelDue has a scheduled job be due at once, so that its handler can see
	// to the request; a failed one stays that.
	CancelDue
	// CancelWaits leaves the job as it is: its handler has seen the request.
	CancelWaits
)

// Path is a place in the data document: a key of the object, or with an Index
// of 0 or more, an element of the array under that key.
type Path struct {
	Key   string
	Index int
}

// Patch puts Value at Path. Applying it twice is the same as once.
type Patch struct {
	Path  Path
	Value json.RawMessage
}

// Ack says that a write took effect, and tells of a cancel request on its row.
type Ack struct {
	JobID        uuid.UUID  `bun:"id"`
	CancelledAt  model.Time `bun:"cancel_requested_at"`
	CancelledBy  string     `bun:"cancelled_by"`
	CancelReason string     `bun:"cancel_reason"`
}

// MaxBatch is the most writes that one Flush takes; SQLite has a bound on the
// parts of a compound SELECT.
const MaxBatch = 200

// Flushed is the outcome of a Flush.
type Flushed struct {
	// Acks has an entry for each write that took effect. A write without one
	// met a row that is no longer its run's.
	Acks map[uuid.UUID]Ack
	// Next are the jobs claimed for the types of ended runs.
	Next []*model.Job
}

// Flush applies writes, at most [MaxBatch] and one for a job, in one
// transaction. With it go the release of the types whose runs end, and if
// claim is set, the claim of those types' next jobs.
func (s *Store) Flush(ctx context.Context, writes []Write, owner Owner, claim bool) (Flushed, error) {
	writes = slices.Clone(writes)
	slices.SortFunc(writes, func(a, b Write) int { return bytes.Compare(a.JobID[:], b.JobID[:]) }) // as their texts
	ends := slices.ContainsFunc(writes, func(w Write) bool { return w.End != "" })
	if !ends && s.dialect.returning {
		acks, err := s.update(ctx, s.db, writes)
		return Flushed{Acks: acks}, err
	}
	inserts := slices.ContainsFunc(writes, func(w Write) bool { return len(w.Children) > 0 })
	if claim && s.dialect.atOnce && !inserts {
		return s.flushAtOnce(ctx, writes, owner)
	}
	if !ends {
		acks, err := s.updateRunning(ctx, writes)
		return Flushed{Acks: acks}, err
	}
	done, err := s.flushInSteps(ctx, writes, owner, claim, s.updateWhole)
	if errors.Is(err, errSomeGone) {
		done, err = s.flushInSteps(ctx, writes, owner, claim, s.update)
	}
	if err != nil {
		return Flushed{}, fmt.Errorf("flush: %w", err)
	}
	return done, nil
}

// flushInSteps is Flush in a transaction of several statements.
func (s *Store) flushInSteps(ctx context.Context, writes []Write, owner Owner, claim bool,
	update func(context.Context, bun.IDB, []Write) (map[uuid.UUID]Ack, error),
) (done Flushed, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if done.Acks, err = update(ctx, tx, writes); err != nil {
			return err
		}
		var ended []Held
		for _, w := range writes {
			if _, ok := done.Acks[w.JobID]; !ok || w.End == "" {
				continue
			}
			ended = append(ended, Held{Type: w.Type, JobID: w.JobID, Attempt: w.Attempt})
			if err := s.InsertMany(ctx, tx, w.Children, true); err != nil {
				return err
			}
		}
		done.Next, err = s.handOn(ctx, tx, ended, owner, claim)
		return err
	})
	return done, err
}

// flushAtOnce is Flush in a single statement: the ends of runs, the claims of the
// next jobs and the locks that pass from the ones to the others, without a round
// trip between them. A part that reads another's result runs after it, which the
// unique index on processing rows relies on.
//
// It returns the rows that there is something to tell of: a job that was claimed,
// a cancel request. Of the others it tells which were not met.
func (s *Store) flushAtOnce(ctx context.Context, writes []Write, owner Owner) (Flushed, error) {
	type row struct {
		model.Job   `bun:",extend"`
		DoneID      uuid.UUID  `bun:"done_id"`
		CancelledAt model.Time `bun:"done_cancelled_at"`
		CancelBy    string     `bun:"done_cancelled_by"`
		Reason      string     `bun:"done_cancel_reason"`
		Unmet       string     `bun:"unmet"`
	}
	rows := make([]row, 0, len(writes))
	query, args := s.atOnce(writes, owner)
	if err := s.fixed.query(ctx, s.db, query, &rows, args...); err != nil {
		return Flushed{}, fmt.Errorf("flush: %w", err)
	}
	done := Flushed{Acks: make(map[uuid.UUID]Ack, len(writes))}
	unmet := rows[0].Unmet
	for _, w := range writes {
		if unmet == "" || !strings.Contains(unmet, w.JobID.String()) {
			done.Acks[w.JobID] = Ack{JobID: w.JobID}
		}
	}
	for i := range rows {
		row := &rows[i]
		if row.DoneID != uuid.Nil {
			done.Acks[row.DoneID] = Ack{JobID: row.DoneID, CancelledAt: row.CancelledAt, CancelledBy: row.CancelBy, CancelReason: row.Reason}
		}
		if row.ID != uuid.Nil {
			done.Next = append(done.Next, &row.Job)
		}
	}
	return done, nil
}

// atOnce is the statement of flushAtOnce.
func (s *Store) atOnce(writes []Write, owner Owner) (string, []any) {
	patches, batch := s.batch(writes)
	type key struct {
		patches int
		lease   time.Duration
	}
	return s.text(key{patches, owner.Lease}, func() string {
		return s.withWrites(patches) + ", done AS MATERIALIZED (" + s.updateFrom(patches) + " RETURNING j.id, j.type, j.attempt, j.status, j.cancel_requested_at, j.cancelled_by, j.cancel_reason), " +
			"mine AS MATERIALIZED (SELECT l.type FROM job_type_lock l JOIN done d ON l.type = d.type AND l.job_id = d.id AND l.attempt = d.attempt AND d.status <> 'processing' " +
			"WHERE l.owner = ? ORDER BY l.type FOR UPDATE OF l), " +
			s.startFirst() +
			"locks AS (UPDATE job_type_lock l SET job_id = n.id, attempt = COALESCE(n.attempt, 0), updated_at = {now}, " +
			"owner = CASE WHEN n.id IS NULL THEN '' ELSE l.owner END, locked_until = CASE WHEN n.id IS NULL THEN {now} ELSE " + s.dialect.after(owner.Lease) + " END " +
			"FROM mine LEFT JOIN next n ON n.type = mine.type WHERE l.type = mine.type) " +
			"SELECT m.unmet, d.id AS done_id, d.cancel_requested_at AS done_cancelled_at, d.cancelled_by AS done_cancelled_by, d.cancel_reason AS done_cancel_reason, " +
			strings.ReplaceAll(jobColumns, "j.", "n.") + " FROM (SELECT COALESCE(string_agg(v.id::text, ' '), '') AS unmet FROM v WHERE v.id NOT IN (SELECT d.id FROM done d)) m " +
			"LEFT JOIN (done d LEFT JOIN next n ON n.type = d.type) ON d.cancel_requested_at IS NOT NULL OR n.id IS NOT NULL"
	}), []any{s.dialect.join(batch.objects()), owner.ID}
}

// update writes the rows and returns those that took effect.
func (s *Store) update(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	var acks []Ack
	if s.dialect.returning {
		query, args := s.updateReturning(writes)
		if err := s.fixed.query(ctx, db, query, &acks, args...); err != nil {
			return nil, fmt.Errorf("write records: %w", err)
		}
		return byJob(acks), nil
	}
	if err := db.NewRaw("?", s.fenced(writes, " FOR UPDATE")).Scan(ctx, &acks); err != nil {
		return nil, fmt.Errorf("lock rows: %w", err)
	}
	held := byJob(acks)
	writes = slices.DeleteFunc(slices.Clone(writes), func(w Write) bool { _, ok := held[w.JobID]; return !ok })
	if len(writes) == 0 {
		return held, nil
	}
	_, err := s.updateAll(ctx, db, writes)
	return held, err
}

const ackColumns = "j.id, j.cancel_requested_at, j.cancelled_by, j.cancel_reason"

// updateReturning is the statement of update where UPDATE returns rows.
func (s *Store) updateReturning(writes []Write) (string, []any) {
	patches, batch := s.batch(writes)
	type key struct{ patches int }
	return s.text(key{patches}, func() string {
		return s.withWrites(patches) + " " + s.updateFrom(patches) + " RETURNING " + s.dialect.returned(ackColumns)
	}), []any{s.dialect.join(batch.objects())}
}

// updateRunning is update for runs that go on, where UPDATE does not return rows.
// Afterwards just those are processing under their attempts that were before.
func (s *Store) updateRunning(ctx context.Context, writes []Write) (map[uuid.UUID]Ack, error) {
	if len(writes) == 1 {
		return s.updateOne(ctx, writes[0])
	}
	if _, err := s.updateAll(ctx, s.db, writes); err != nil {
		return nil, err
	}
	return s.readAcks(ctx, s.db, writes)
}

// WriteIn is Flush of one write, of a run that goes on, within the caller's
// transaction. It reports whether the row is still the run's.
func (s *Store) WriteIn(ctx context.Context, tx bun.Tx, write Write) (Ack, bool, error) {
	acks, err := s.update(ctx, tx, []Write{write})
	ack, ok := acks[write.JobID]
	return ack, ok, err
}

// Recorded reports whether a job's row is still a run's, and what its document
// and cursor are, once no transaction is left that might still change them.
func (s *Store) Recorded(ctx context.Context, id uuid.UUID, attempt int64) (document json.RawMessage, mine bool, err error) {
	var rows []struct {
		Data json.RawMessage `bun:"data"`
	}
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// Touching the row waits for whoever has locked it.
		if _, err := tx.NewRaw(s.sql("UPDATE job_system_jobs SET heartbeat_at = {now} WHERE id = ? AND attempt = ? AND status = 'processing'"), id.String(), attempt).Exec(ctx); err != nil {
			return err
		}
		return tx.NewRaw("SELECT j.data FROM job_system_jobs j WHERE j.id = ? AND j.attempt = ? AND j.status = 'processing'", id.String(), attempt).Scan(ctx, &rows)
	})
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	return rows[0].Data, true, nil
}

// errSomeGone says that some of the rows are no longer their runs'.
var errSomeGone = errors.New("not all rows were met")

// updateWhole is update, there, for batches with all of whose rows are still
// their runs': it finds that out without locking them first, and fails with
// errSomeGone if it is not so.
func (s *Store) updateWhole(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	if s.dialect.returning {
		return s.update(ctx, db, writes)
	}
	switch met, err := s.updateAll(ctx, db, writes); {
	case err != nil:
		return nil, err
	case met != int64(len(writes)):
		return nil, errSomeGone
	}
	acks := make(map[uuid.UUID]Ack, len(writes))
	var running []Write
	for _, w := range writes {
		acks[w.JobID] = Ack{JobID: w.JobID} // a run that ends has no use for more
		if w.End == "" {
			running = append(running, w)
		}
	}
	if len(running) == 0 {
		return acks, nil
	}
	read, err := s.readAcks(ctx, db, running)
	maps.Copy(acks, read)
	return acks, err
}

func (s *Store) updateAll(ctx context.Context, db bun.IDB, writes []Write) (met int64, err error) {
	res, err := db.NewRaw("?", s.updateChosen(writes, "")).Exec(ctx)
	if err == nil {
		met, err = res.RowsAffected() // each of them is changed: its heartbeat is
	}
	if err != nil {
		return 0, fmt.Errorf("write records: %w", err)
	}
	return met, nil
}

// readAcks reads the answer to writes that took effect.
func (s *Store) readAcks(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	var acks []Ack
	if err := db.NewRaw("?", s.fenced(writes, "")).Scan(ctx, &acks); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return byJob(acks), nil
}

// updateOne is updateRunning for one row, in a single statement: the answer comes
// as its last insert id, which LAST_INSERT_ID with an argument sets if a row is
// met.
func (s *Store) updateOne(ctx context.Context, write Write) (map[uuid.UUID]Ack, error) {
	const met, cancelled = 1, 2
	answer := fmt.Sprintf(", j.attempt = j.attempt + 0 * LAST_INSERT_ID(CASE WHEN j.cancel_requested_at IS NULL THEN %d ELSE %d END)", met, cancelled)
	res, err := s.db.NewRaw("?", s.updateChosen([]Write{write}, answer)).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("write records: %w", err)
	}
	said, err := res.LastInsertId()
	if err != nil {
		return nil, fmt.Errorf("write records: %w", err)
	}
	ack := Ack{JobID: write.JobID}
	switch said {
	case met:
	case cancelled:
		ack.CancelledAt = model.At(time.Unix(1, 0)) // that it is, is all the writer has to know
	default:
		return map[uuid.UUID]Ack{}, nil
	}
	return byJob([]Ack{ack}), nil
}

func byJob(acks []Ack) map[uuid.UUID]Ack {
	out := make(map[uuid.UUID]Ack, len(acks))
	for _, a := range acks {
		out[a.JobID] = a
	}
	return out
}

// fenced reads the rows that are still the runs', and by way of the primary
// key no others.
func (s *Store) fenced(writes []Write, lock string) bun.Safe {
	batch := &batch{columns: []column{{"id", ids}, {"attempt", integers}, {"number", integers}}}
	for _, w := range writes {
		batch.add(w.JobID.String(), w.Attempt, w.Number)
	}
	return s.choose(batch, "j.id", "SELECT "+ackColumns+" FROM job_system_jobs j FORCE INDEX (PRIMARY) "+
		"WHERE j.id IN ({keys}) AND j.attempt = v.attempt AND j.writes <= v.number AND j.status = 'processing' ORDER BY j.id"+lock, Owner{})
}

// updateFrom is the update where UPDATE ... FROM works, from the batch that
// withWrites puts before it. That is read once: a plan that reads it for each
// of the jobs it meets takes the square of their number.
func (s *Store) updateFrom(patches int) string {
	return "UPDATE job_system_jobs AS j SET " + s.assignments("", patches) +
		" FROM v WHERE j.id = v.id AND j.attempt = v.attempt AND j.writes <= v.number AND {status_by_id} = 'processing'"
}

func (s *Store) withWrites(patches int) string {
	return "WITH v AS MATERIALIZED (SELECT * FROM " + s.dialect.rows(writeColumns(patches)) + ")"
}

// updateChosen is the update where UPDATE ... FROM does not work, with more
// assignments at its end.
func (s *Store) updateChosen(writes []Write, more string) bun.Safe {
	patches, batch := s.batch(writes)
	return s.choose(batch, "j.id", s.text(chosenKey{patches, more}, func() string {
		return "UPDATE job_system_jobs j FORCE INDEX (PRIMARY) SET " + s.assignments("j.", patches) + more +
			" WHERE j.id IN ({keys}) AND j.attempt = v.attempt AND j.writes <= v.number AND j.status = 'processing'"
	}), Owner{})
}

type chosenKey struct {
	patches int
	more    string
}

// noDocument stands in for the number of patches of a batch that changes no
// document: checkpoints and progress. A document that is assigned, even as it
// was, is checked and written, and costs what it is large.
const noDocument = -1

// assignments sets the columns from a batch v with that number of patches.
func (s *Store) assignments(table string, patches int) string {
	var paths, values []string
	for i := range patches {
		n := strconv.Itoa(i)
		paths, values = append(paths, "v.path"+n), append(values, "v.value"+n)
	}
	// Whoever asked for the job to be cancelled gets that, unless it succeeds.
	const status = "CASE WHEN v.status IN ('failed', 'scheduled') AND v.on_cancel = 0 AND j.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE v.status END"
	set := []string{
		"{cursor} = CASE WHEN v.set_cursor = 0 THEN j.{cursor} WHEN v.cursor_value IS NULL THEN NULL ELSE " + s.dialect.document("v.cursor_value") + " END",
		"progress = CASE WHEN v.progress > j.progress THEN v.progress ELSE j.progress END",
		"message = v.message",
		"time_to_complete_ms = v.ttc",
		"scheduled_at = CASE WHEN v.status <> 'scheduled' THEN j.scheduled_at WHEN v.on_cancel = 1 AND j.cancel_requested_at IS NOT NULL THEN {now} " +
			"WHEN v.wake_at IS NULL THEN j.scheduled_at WHEN COALESCE(" + s.dialect.jsonLength("j.signals") + ", 0) > v.signals THEN {now} ELSE " +
			s.dialect.fromMicros("v.wake_at") + " END",
		"status = " + status,
		"error = v.error",
		"progressed_at = CASE WHEN v.progressed = 1 THEN {now} ELSE j.progressed_at END",
		"finished_at = CASE WHEN " + status + " IN ('succeeded', 'failed', 'cancelled') THEN {now} END",
		"heartbeat_at = {now}",
		"updated_at = {now}",
		"writes = v.number",
	}
	if patches != noDocument {
		set = append(set, "data = CASE WHEN v.document IS NULL THEN "+s.dialect.setJSON("j.data", paths, values)+" ELSE "+s.dialect.document("v.document")+" END")
	}
	for i := range set {
		set[i] = table + set[i]
	}
	return strings.Join(set, ", ")
}

// writeColumns are the columns of a batch of writes with that number of patches.
func writeColumns(patches int) []column {
	columns := []column{
		{"id", ids}, {"attempt", integers}, {"document", documents}, {"set_cursor", integers}, {"cursor_value", documents}, {"progress", floats},
		{"message", texts}, {"ttc", integers}, {"status", texts}, {"error", texts}, {"progressed", integers},
		{"wake_at", integers}, {"signals", integers}, {"on_cancel", integers}, {"number", integers},
	}
	for i := range patches {
		n := strconv.Itoa(i)
		columns = append(columns, column{"path" + n, texts}, column{"value" + n, documents})
	}
	return columns
}

// batch is the writes, and the number of patches that each has room for, or
// noDocument.
func (s *Store) batch(writes []Write) (patches int, b *batch) {
	patches = noDocument
	for _, w := range writes {
		if w.Document != nil || len(w.Patches) > 0 {
			patches = max(patches, len(w.Patches))
		}
	}
	b = &batch{columns: writeColumns(patches)}
	for _, w := range writes {
		values := []any{
			w.JobID.String(), w.Attempt, nullable(w.Document), boolInt(w.SetCursor), nullable(w.Cursor), w.Progress,
			w.Message, orNil(w.TimeToCompleteMS), string(cmp.Or(w.End, model.Processing)), w.Error, boolInt(w.Progressed),
			micros(w.WakeAt), w.Signals, int(w.OnCancel), w.Number,
		}
		for k := range patches {
			if k < len(w.Patches) {
				values = append(values, s.dialect.path(w.Patches[k].Path), string(w.Patches[k].Value))
			} else {
				values = append(values, s.dialect.padPath, "null")
			}
		}
		b.add(values...)
	}
	return patches, b
}

// micros is a time as fromMicros takes it.
func micros(t model.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func orNil(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func nullable(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
