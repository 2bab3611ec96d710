package steps

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// eachInterval is the default of [CheckpointInterval].
const eachInterval = time.Second

// EachOption is an option of [Each] and [EachAfter].
type EachOption func(*eachSettings)

type eachSettings struct {
	every    int
	interval time.Duration
	total    int
	noun     string
}

// CheckpointEvery has a checkpoint follow every n items, and not only the [CheckpointInterval].
// The default, 0, leaves it to that.
func CheckpointEvery(n int) EachOption { return func(s *eachSettings) { s.every = n } }

// CheckpointInterval is how often a checkpoint is made while items are worked on: what is
// done again after a crash is the work of an interval and an item at most. The
// default is a second; 0 leaves it to [CheckpointEvery], which must be given then.
func CheckpointInterval(d time.Duration) EachOption { return func(s *eachSettings) { s.interval = d } }

// Total is the number of items, those of earlier attempts included, if it is
// known: progress is counted in them. It need not be right: with too small a
// number progress waits at the end, with too large a one it jumps there. The
// default, 0, is not known.
func Total(n int) EachOption { return func(s *eachSettings) { s.total = n } }

// ItemNoun names the items in the progress message: "rows", say. The default is
// "items".
func ItemNoun(noun string) EachOption { return func(s *eachSettings) { s.noun = noun } }

// Each works on the items of an iterator one after the other, with progress and
// checkpoints of its own, and returns how many there are, those of earlier
// attempts included. source is called once, with the number of items to pass
// over: those that were worked on before a checkpoint of an earlier attempt.
//
//	n, err := steps.Each(ctx, run, func(skip int) iter.Seq2[Row, error] {
//		return csvRows(file, skip)
//	}, func(ctx context.Context, row Row) error {
//		return store.Insert(ctx, row)
//	}, steps.Total(count))
//
// An error that the source yields, and one of do, ends the work, as does the end
// of ctx before an item; the step returns it. A checkpoint is made before that,
// also if do panics, and when all items are done: whenever Each has returned,
// what is done is recorded. Only a crash has items be worked on again, those
// since the last checkpoint, so do is idempotent or does what it does twice.
//
// The checkpoints take the place of the step's own: it must not call
// [Run.Checkpoint] besides, nor Each twice, which is an error. Use a step for
// each. In a step made with [InTx] Each fails: that has no checkpoints.
func Each[In, Item any](ctx context.Context, run *Run[In], source func(skip int) iter.Seq2[Item, error],
	do func(context.Context, Item) error, opts ...EachOption,
) (int, error) {
	if source == nil {
		return 0, errors.New("each: the source is nil")
	}
	w := &eachWork[In, Item, struct{}]{run: run, do: do, key: func(Item) *struct{} { return nil }}
	return w.each(ctx, func() (iter.Seq2[Item, error], error) { return source(w.at.Done), nil }, opts)
}

// EachAfter is [Each] for sources that go on after a key: the rows of a table in
// the order of their ids, say. source is called with the key of the last item
// that was worked on before a checkpoint, nil to begin; key returns an item's,
// any value that JSON holds and that is not null.
func EachAfter[In, Item, Key any](ctx context.Context, run *Run[In], source func(after *Key) iter.Seq2[Item, error],
	key func(Item) Key, do func(context.Context, Item) error, opts ...EachOption,
) (int, error) {
	if source == nil || key == nil {
		return 0, errors.New("each: the source or the key is nil")
	}
	w := &eachWork[In, Item, Key]{run: run, do: do, key: func(item Item) *Key { k := key(item); return &k }}
	return w.each(ctx, func() (iter.Seq2[Item, error], error) {
		if w.at.Done > 0 && w.at.After == nil {
			return nil, errors.New("each: the recorded checkpoint has no key: it was made by Each, or the key was null")
		}
		return source(w.at.After), nil
	}, opts)
}

// eachCheckpoint is the checkpoint of Each.
type eachCheckpoint[Key any] struct {
	Done  int  `json:"done"`
	After *Key `json:"after,omitempty"`
}

// eachWork is an Each under way.
type eachWork[In, Item, Key any] struct {
	run      *Run[In]
	do       func(context.Context, Item) error
	key      func(Item) *Key
	settings eachSettings

	at   eachCheckpoint[Key]
	kept int       // how many items the last checkpoint has
	last time.Time // when that was made
}

func (w *eachWork[In, Item, Key]) each(ctx context.Context, source func() (iter.Seq2[Item, error], error), opts []EachOption) (int, error) {
	w.settings = eachSettings{interval: eachInterval, noun: "items"}
	for _, opt := range opts {
		opt(&w.settings)
	}
	switch err := w.settings.check(); {
	case err != nil:
		return 0, err
	case model.KeepsNothing(reflect.TypeFor[Key]()) != nil:
		return 0, fmt.Errorf("each: its key has a %v, of which JSON keeps nothing: export its fields, or give it MarshalJSON and UnmarshalJSON", model.KeepsNothing(reflect.TypeFor[Key]()))
	case w.do == nil:
		return 0, errors.New("each: the function for an item is nil")
	case w.run.each.Swap(true):
		return 0, fmt.Errorf("each: step %q goes through items already: its checkpoints are those of one Each; use a step for each", w.run.step)
	}
	if _, err := w.run.LastCheckpoint(&w.at); err != nil {
		return 0, err
	}
	items, err := source()
	if err == nil && items == nil {
		err = errors.New("each: the source returned nil")
	}
	if err != nil {
		return w.at.Done, err
	}
	w.kept, w.last = w.at.Done, time.Now()
	err = w.through(ctx, items)
	return w.at.Done, err
}

// through works on the items, and keeps how far it came, however it ends.
func (w *eachWork[In, Item, Key]) through(ctx context.Context, items iter.Seq2[Item, error]) (err error) {
	defer func() {
		// A refusal of this checkpoint tells nothing new beside an error.
		if kept := w.keep(ctx); err == nil {
			err = kept
		}
	}()
	w.tell()
	for item, err := range items {
		if err == nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			err = w.do(ctx, item)
		}
		if err != nil {
			return fmt.Errorf("item %d: %w", w.at.Done+1, err)
		}
		w.at.Done, w.at.After = w.at.Done+1, w.key(item)
		w.tell()
		if w.due() {
			if err := w.keep(ctx); err != nil {
				return err
			}
		}
	}
	if s := w.settings; w.at.Done != s.total || s.total == 0 { // nothing has said that these are all
		w.run.Progress(1, 1, "%d %s", w.at.Done, s.noun)
	}
	return nil
}

// due reports whether it is time for a checkpoint.
func (w *eachWork[In, Item, Key]) due() bool {
	s := w.settings
	return s.every > 0 && w.at.Done-w.kept >= s.every || s.interval > 0 && time.Since(w.last) >= s.interval
}

// keep makes a checkpoint, unless the last one says it all.
func (w *eachWork[In, Item, Key]) keep(ctx context.Context) error {
	if w.at.Done == w.kept {
		return nil
	}
	w.kept, w.last = w.at.Done, time.Now()
	return w.run.Checkpoint(ctx, w.at)
}

func (w *eachWork[In, Item, Key]) tell() {
	s, done := w.settings, w.at.Done
	switch {
	case s.total >= done && s.total > 0:
		w.run.Progress(done, s.total, "%d of %d %s", done, s.total, s.noun)
	case s.total > 0: // there are more than was said
		w.run.Progress(done, done+1, "%d %s", done, s.noun)
	default:
		w.run.Progress(0, 0, "%d %s", done, s.noun)
	}
}

func (s *eachSettings) check() error {
	switch {
	case s.every < 0 || s.interval < 0 || s.total < 0:
		return fmt.Errorf("each: Every(%d), Interval(%v) or Total(%d) is negative", s.every, s.interval, s.total)
	case s.every == 0 && s.interval == 0:
		return errors.New("each: with an Interval of 0 and no Every there would be no checkpoints")
	default:
		return nil
	}
}
