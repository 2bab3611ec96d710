package steps

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// The defaults of [Each].
const (
	eachInterval = time.Second
)

// EachOption is an option of [Each] and [EachAfter].
type EachOption func(*eachSettings)

type eachSettings struct {
	every    int
	interval time.Duration
	total    int
	noun     string
}

// Every has a checkpoint follow every n items, and not only the [Interval].
func Every(n int) EachOption { return func(s *eachSettings) { s.every = n } }

// Interval is how often a checkpoint is made while items are worked on: what is
// done again after a crash is the work of an interval at most. The default is a
// second; 0 or less leaves it to [Every].
func Interval(d time.Duration) EachOption { return func(s *eachSettings) { s.interval = d } }

// Total is the number of items, if it is known: progress is counted in them.
func Total(n int) EachOption { return func(s *eachSettings) { s.total = n } }

// Items names the items in the progress message: "rows", say.
func Items(noun string) EachOption { return func(s *eachSettings) { s.noun = noun } }

// Each works on the items of an iterator one after the other, with progress and
// checkpoints of its own, and returns how many there are. source is called once,
// with the number of items to pass over: those that were worked on before a
// checkpoint of an earlier attempt. An error that it yields, and one of do, ends
// the step; a checkpoint is made before that, so that the items that are done
// are not done again. An item may be worked on again after a crash: those since
// the last checkpoint.
//
//	n, err := steps.Each(ctx, run, func(skip int) iter.Seq2[Row, error] {
//		return csvRows(file, skip)
//	}, func(ctx context.Context, row Row) error {
//		return store.Insert(ctx, row)
//	}, steps.Total(count))
func Each[In, Item any](ctx context.Context, run *Run[In], source func(skip int) iter.Seq2[Item, error],
	do func(context.Context, Item) error, opts ...EachOption,
) (int, error) {
	return each(ctx, run, func(done int, _ *int) iter.Seq2[Item, error] { return source(done) }, func(Item) *int { return nil }, do, opts)
}

// EachAfter is [Each] for sources that go on after a key: the rows of a table in
// the order of their ids, say. source is called with the key of the last item
// that was worked on before a checkpoint, nil to begin; key returns an item's.
func EachAfter[In, Item, Key any](ctx context.Context, run *Run[In], source func(after *Key) iter.Seq2[Item, error],
	key func(Item) Key, do func(context.Context, Item) error, opts ...EachOption,
) (int, error) {
	return each(ctx, run, func(_ int, after *Key) iter.Seq2[Item, error] { return source(after) },
		func(item Item) *Key { k := key(item); return &k }, do, opts)
}

// eachCursor is the checkpoint of Each.
type eachCursor[Key any] struct {
	Done  int  `json:"done"`
	After *Key `json:"after,omitempty"`
}

func each[In, Item, Key any](ctx context.Context, run *Run[In], source func(int, *Key) iter.Seq2[Item, error],
	key func(Item) *Key, do func(context.Context, Item) error, opts []EachOption,
) (int, error) {
	s := eachSettings{interval: eachInterval, noun: "items"}
	for _, opt := range opts {
		opt(&s)
	}
	var at eachCursor[Key]
	if _, err := run.Resume(&at); err != nil {
		return 0, err
	}
	kept, last := at.Done, time.Now()
	keep := func() error {
		if at.Done == kept {
			return nil
		}
		kept, last = at.Done, time.Now()
		return run.Checkpoint(ctx, at)
	}
	s.progress(run.Progress, at.Done)
	for item, err := range source(at.Done, at.After) {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = do(ctx, item)
		}
		if err != nil {
			return at.Done, errors.Join(fmt.Errorf("item %d: %w", at.Done+1, err), keep())
		}
		at.Done, at.After = at.Done+1, key(item)
		s.progress(run.Progress, at.Done)
		if s.every > 0 && at.Done-kept >= s.every || s.interval > 0 && time.Since(last) >= s.interval {
			if err := keep(); err != nil {
				return at.Done, err
			}
		}
	}
	return at.Done, nil
}

func (s *eachSettings) progress(tell func(done, total int, format string, args ...any), done int) {
	if s.total > 0 {
		tell(done, s.total, "%d of %d %s", done, s.total, s.noun)
		return
	}
	tell(0, 0, "%d %s", done, s.noun)
}
