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

// CheckpointEvery makes a checkpoint after every n items, in addition to those by
// [CheckpointInterval]. The default, 0, makes none in addition.
func CheckpointEvery(n int) EachOption { return func(s *eachSettings) { s.every = n } }

// CheckpointInterval sets how often a checkpoint is made between items. After a crash, at
// most the work of one interval and one item is done again. The default is a second; with
// 0 only [CheckpointEvery] makes checkpoints, and must be given.
func CheckpointInterval(d time.Duration) EachOption { return func(s *eachSettings) { s.interval = d } }

// Total sets the number of items, including those of earlier attempts, if it is known;
// progress is the share of them that is done. The number need not be exact: if it is too
// small, progress stays near the end for a while; if it is too large, progress jumps at
// the end. The default, 0, means that the number is not known.
func Total(n int) EachOption { return func(s *eachSettings) { s.total = n } }

// ItemNoun names the items in the progress message, for example "rows". The default is
// "items".
func ItemNoun(noun string) EachOption { return func(s *eachSettings) { s.noun = noun } }

// Each calls do for the items of an iterator, one after the other. It reports progress,
// makes checkpoints, and returns the number of items that are done, including those of
// earlier attempts. source is called once, with the number of items to skip: those that
// an earlier attempt had done before its last checkpoint.
//
//	n, err := steps.Each(ctx, run, func(skip int) iter.Seq2[Row, error] {
//		return csvRows(file, skip)
//	}, func(ctx context.Context, row Row) error {
//		return store.Insert(ctx, row)
//	}, steps.Total(count))
//
// Each returns an error when the source yields one, when do returns one, or when ctx has
// ended before an item; the step should return that error. Before it returns, and also if
// do panics, it makes a checkpoint, so that the items that are done are recorded. Only
// after a crash are items done again: those since the last checkpoint. do should be
// idempotent, or its effect may happen twice for these items.
//
// The checkpoints of Each are those of the step: the step must not call [Run.Checkpoint]
// as well. Calling Each twice in a step is an error; use two steps. In a step made with
// [InTx] Each returns an error, since such a step has no checkpoints.
func Each[In, Item any](ctx context.Context, run *Run[In], source func(skip int) iter.Seq2[Item, error],
	do func(context.Context, Item) error, opts ...EachOption,
) (int, error) {
	if source == nil {
		return 0, errors.New("each: the source is nil")
	}
	w := &eachWork[In, Item, struct{}]{run: run, do: do, key: func(Item) *struct{} { return nil }}
	return w.each(ctx, func() (iter.Seq2[Item, error], error) { return source(w.at.Done), nil }, opts)
}

// EachAfter is like [Each] for a source that can continue after a key, for example the
// rows of a table in the order of their ids. source is called with the key of the last
// item done before the last checkpoint, nil at the beginning. key returns the key of an
// item: any value that JSON can store, except null.
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

// eachCheckpoint is a checkpoint that Each makes.
type eachCheckpoint[Key any] struct {
	Done  int  `json:"done"`
	After *Key `json:"after,omitempty"`
}

// eachWork is the state of one call of Each.
type eachWork[In, Item, Key any] struct {
	run      *Run[In]
	do       func(context.Context, Item) error
	key      func(Item) *Key
	settings eachSettings

	at      eachCheckpoint[Key]
	saved   int       // how many items are in the last checkpoint
	savedAt time.Time // when it was made
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
		return 0, fmt.Errorf("each: step %q has called Each already, and has one checkpoint only: use a step of its own for each call", w.run.step)
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
	w.saved, w.savedAt = w.at.Done, time.Now()
	err = w.doAll(ctx, items)
	return w.at.Done, err
}

// doAll calls do for the items, and makes a checkpoint however that ends.
func (w *eachWork[In, Item, Key]) doAll(ctx context.Context, items iter.Seq2[Item, error]) (err error) {
	defer func() {
		// If there is an error already, that of the checkpoint adds nothing.
		if failed := w.checkpoint(ctx); err == nil {
			err = failed
		}
	}()
	w.report()
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
		w.report()
		if w.due() {
			if err := w.checkpoint(ctx); err != nil {
				return err
			}
		}
	}
	if s := w.settings; w.at.Done != s.total || s.total == 0 { // no message yet has the final count
		n := max(1, w.at.Done)
		w.run.Progress(n, n, "%d %s", w.at.Done, s.noun)
	}
	return nil
}

// due reports whether it is time for a checkpoint.
func (w *eachWork[In, Item, Key]) due() bool {
	s := w.settings
	return s.every > 0 && w.at.Done-w.saved >= s.every || s.interval > 0 && time.Since(w.savedAt) >= s.interval
}

// checkpoint makes a checkpoint, unless no item was done since the last one.
func (w *eachWork[In, Item, Key]) checkpoint(ctx context.Context) error {
	if w.at.Done == w.saved {
		return nil
	}
	w.saved, w.savedAt = w.at.Done, time.Now()
	return w.run.Checkpoint(ctx, w.at)
}

// report reports the number of items that are done as the step's progress.
func (w *eachWork[In, Item, Key]) report() {
	s, done := w.settings, w.at.Done
	switch {
	case s.total >= done && s.total > 0:
		w.run.Progress(done, s.total, "%d of %d %s", done, s.total, s.noun)
	case s.total > 0: // there are more items than Total
		w.run.Progress(done, done+1, "%d %s", done, s.noun)
	default:
		w.run.Progress(0, 0, "%d %s", done, s.noun)
	}
}

func (s *eachSettings) check() error {
	switch {
	case s.every < 0 || s.interval < 0 || s.total < 0:
		return fmt.Errorf("each: CheckpointEvery(%d), CheckpointInterval(%v) or Total(%d) is negative", s.every, s.interval, s.total)
	case s.every == 0 && s.interval == 0:
		return errors.New("each: with CheckpointInterval(0) and without CheckpointEvery there would be no checkpoints")
	default:
		return nil
	}
}
