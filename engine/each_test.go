package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// upTo yields the numbers after skip up to n.
func upTo(n int) func(skip int) iter.Seq2[int, error] {
	return func(skip int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := skip + 1; i <= n; i++ {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
}

// importer is a definition with one step that works through items. It records the items
// that are done.
type importer struct {
	source func(skip int) iter.Seq2[int, error]
	do     func(ctx context.Context, item int) error
	opts   []steps.EachOption
	step   []steps.Option
	done   []int
}

func (im *importer) definition() *steps.Definition[input] {
	d := steps.Define[input]()
	steps.Add(d, "import", func(ctx context.Context, run *steps.Run[input]) (int, error) {
		return steps.Each(ctx, run, im.source, func(ctx context.Context, item int) error {
			if im.do != nil {
				if err := im.do(ctx, item); err != nil {
					return err
				}
			}
			im.done = append(im.done, item)
			return nil
		}, im.opts...)
	}, im.step...)
	return d
}

// harness makes a harness for the importer on a database, with a job enqueued.
func (im *importer) harness(t *testing.T, db *bun.DB) *testutil.Harness {
	t.Helper()
	h := testutil.NewHarness(t, im.definition(), testutil.OnDB(db))
	h.Enqueue(input{})
	return h
}

func TestAKillLosesNoMoreThanTheItemsSinceTheLastCheckpoint(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		im := &importer{source: upTo(10), opts: []steps.EachOption{steps.CheckpointEvery(3), steps.CheckpointInterval(0), steps.Total(10), steps.ItemNoun("rows")}}
		h := im.harness(t, db)
		s := h.Kill(testutil.AtProgress("import", 9)) // the first report is where it begins
		assert.JSONEq(t, `{"step":"import","value":{"done":6}}`, string(s.Checkpoints))
		im.done = nil
		h.Resume()
		s = h.Run()
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, []int{7, 8, 9, 10}, im.done, "exactly behind the last checkpoint")
		assert.JSONEq(t, `10`, string(s.Result), "those of the earlier attempt count")
		assert.Equal(t, "10 of 10 rows", s.Message)
		assert.Nil(t, s.Checkpoints)
	})
}

func TestCompletedItemsAreNotRepeatedHoweverTheStepEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(context.Context) error
		step []steps.Option
		want string
	}{
		"an error":  {do: func(context.Context) error { return errBoom }, want: `step "import": item 4: boom`},
		"a panic":   {do: func(context.Context) error { panic("no room") }, want: "no room"},
		"a timeout": {do: untilEnd, step: []steps.Option{steps.Timeout(3 * time.Second)}, want: "timed out after 3s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				broken := true
				im := &importer{source: upTo(6), step: tt.step, opts: []steps.EachOption{steps.CheckpointInterval(time.Hour)}}
				im.do = func(ctx context.Context, item int) error {
					if item == 4 && broken {
						return tt.do(ctx)
					}
					return nil
				}
				h := im.harness(t, db)
				s := h.Run()
				require.Equal(t, model.Failed, s.Status)
				assert.Contains(t, s.Error, tt.want)
				assert.JSONEq(t, `{"step":"import","value":{"done":3}}`, string(s.Checkpoints))
				broken = false
				h.Resume()
				require.Equal(t, model.Succeeded, h.Run().Status)
				assert.Equal(t, []int{1, 2, 3, 4, 5, 6}, im.done)
			})
		})
	}
}

func untilEnd(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestACancelledOrStoppedEachContinuesAfterItsLastItem(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testutil.Harness) *model.JobView{
		"cancel": func(h *testutil.Harness) *model.JobView {
			return h.Cancel(testutil.AtProgress("import", 4), "ann", "")
		},
		"stop": func(h *testutil.Harness) *model.JobView { return h.Stop(testutil.AtProgress("import", 4)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				im := &importer{source: upTo(6), opts: []steps.EachOption{steps.CheckpointInterval(time.Hour)}}
				h := im.harness(t, db)
				s := end(h)
				assert.Empty(t, s.Error)
				assert.JSONEq(t, `{"step":"import","value":{"done":3}}`, string(s.Checkpoints))
				if s.Status == model.Cancelled {
					h.Resume()
				}
				require.Equal(t, model.Succeeded, h.Run().Status)
				assert.Equal(t, []int{1, 2, 3, 4, 5, 6}, im.done)
			})
		})
	}
}

func TestEachStopsAtItsNextCheckpoint(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, release := make(chan int, 100), make(chan struct{})
		im := &importer{source: upTo(50), opts: []steps.EachOption{steps.CheckpointEvery(1)}}
		im.do = func(_ context.Context, item int) error {
			begun <- item
			<-release
			return nil
		}
		cfg := config()
		cfg.Grace = patience
		eng := newEngine(t, db, cfg, im.definition())
		stop := start(t, eng)
		id := enqueue(t, eng, input{}).ID
		receive(t, begun)
		go func() { // the engine has begun to stop, or does so at a later item
			for range 49 {
				release <- struct{}{}
			}
		}()
		stop()
		s, err := eng.Status(t.Context(), id)
		require.NoError(t, err)
		if s.Status == model.Scheduled {
			assert.NotNil(t, s.Checkpoints)
			assert.Equal(t, 0, s.Steps[0].Attempts, "being handed over costs none")
		}
	})
}

func TestAnErrorOfTheSourceKeepsTheItemsThatAreDone(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for _, at := range []int{1, 3} {
			im := &importer{opts: []steps.EachOption{steps.CheckpointInterval(time.Hour)}}
			broken := true
			im.source = func(skip int) iter.Seq2[int, error] {
				return func(yield func(int, error) bool) {
					for item, err := range upTo(4)(skip) {
						if item == at && broken {
							item, err = 0, errBoom
						}
						if !yield(item, err) {
							return
						}
					}
				}
			}
			h := im.harness(t, db)
			s := h.Run()
			assert.Equal(t, fmt.Sprintf(`step "import": item %d: boom`, at), s.Error)
			assert.Equal(t, at == 1, s.Checkpoints == nil)
			broken = false
			h.Resume()
			require.Equal(t, model.Succeeded, h.Run().Status)
			assert.Equal(t, []int{1, 2, 3, 4}, im.done)
		}
	})
}

func TestAnEmptySourceAndAWrongTotalDoNoHarm(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for _, tt := range []struct{ items, total int }{{0, 0}, {0, 5}, {5, 3}, {3, 5}} {
			im := &importer{source: upTo(tt.items), opts: []steps.EachOption{steps.Total(tt.total)}}
			s := im.harness(t, db).Run()
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.JSONEq(t, fmt.Sprint(tt.items), string(s.Result))
			assert.Equal(t, 1.0, s.Progress)
		}
	})
}

func TestEachAfterContinuesAfterAKey(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var asked []string
		var done []string
		letters := strings.Split("abcdef", "")
		d := steps.Define[input]()
		steps.Add(d, "import", func(ctx context.Context, run *steps.Run[input]) (int, error) {
			return steps.EachAfter(ctx, run, func(after *string) iter.Seq2[string, error] {
				from := ""
				if after != nil {
					from = *after
				}
				asked = append(asked, from)
				return func(yield func(string, error) bool) {
					for _, letter := range letters {
						if letter > from && !yield(letter, nil) {
							return
						}
					}
				}
			}, func(letter string) string { return letter }, func(_ context.Context, letter string) error {
				done = append(done, letter)
				return nil
			}, steps.CheckpointEvery(2))
		})
		h := testutil.NewHarness(t, d, testutil.OnDB(db))
		h.Enqueue(input{})
		h.Kill(testutil.AtCheckpoint("import", 2))
		h.Resume()
		s := h.Run()
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `6`, string(s.Result))
		assert.Equal(t, []string{"", "d"}, asked)
		assert.Equal(t, letters, done)
	})
}

func TestEachRejectsWhatCannotWork(t *testing.T) {
	t.Parallel()
	use := func(_ context.Context, _ int) error { return nil }
	for want, fn := range map[string]func(context.Context, *steps.Run[input]) error{
		"no checkpoints": func(ctx context.Context, run *steps.Run[input]) error {
			_, err := steps.Each(ctx, run, upTo(1), use, steps.CheckpointInterval(0))
			return err
		},
		"is negative": func(ctx context.Context, run *steps.Run[input]) error {
			_, err := steps.Each(ctx, run, upTo(1), use, steps.CheckpointEvery(-1))
			return err
		},
		"the source is nil": func(ctx context.Context, run *steps.Run[input]) error {
			_, err := steps.Each(ctx, run, nil, use)
			return err
		},
		"the function for an item is nil": func(ctx context.Context, run *steps.Run[input]) error {
			_, err := steps.Each(ctx, run, upTo(1), nil)
			return err
		},
		"the source returned nil": func(ctx context.Context, run *steps.Run[input]) error {
			_, err := steps.Each(ctx, run, func(int) iter.Seq2[int, error] { return nil }, use)
			return err
		},
		"has called Each already": func(ctx context.Context, run *steps.Run[input]) error {
			_, err := steps.Each(ctx, run, upTo(1), use)
			_, second := steps.Each(ctx, run, upTo(1), use)
			return errors.Join(err, second)
		},
		"has no key": func(ctx context.Context, run *steps.Run[input]) error {
			if run.Attempt() == 1 {
				_, err := steps.Each(ctx, run, upTo(1), use)
				return errors.Join(err, errBoom)
			}
			_, err := steps.EachAfter(ctx, run, func(*int) iter.Seq2[int, error] { return upTo(1)(0) }, func(n int) int { return n }, use)
			return err
		},
	} {
		h := testutil.NewHarness(t, one("test:job", fn))
		h.Enqueue(input{})
		s := h.Run()
		if strings.Contains(s.Error, "boom") {
			h.Resume()
			s = h.Run()
		}
		assert.Contains(t, s.Error, want)
	}
}

// A step over a million rows takes five lines and some seconds.
func BenchmarkEachOverAMillionRows(b *testing.B) {
	for b.Loop() {
		rows := 0
		d := steps.Define[input]()
		steps.Add(d, "import", func(ctx context.Context, run *steps.Run[input]) (int, error) {
			return steps.Each(ctx, run, upTo(1_000_000), func(context.Context, int) error { rows++; return nil }, steps.Total(1_000_000))
		})
		h := testutil.NewHarness(b, d)
		h.Enqueue(input{})
		if s := h.Run(); s.Status != model.Succeeded || rows != 1_000_000 {
			b.Fatal(s.Status, s.Error, rows)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/row")
	}
}

// A checkpoint costs the same however large the document is: it has a small column of its
// own.
func BenchmarkCheckpoint(b *testing.B) {
	for _, recorded := range []int{0, 900_000} {
		b.Run(fmt.Sprint("recorded=", recorded), func(b *testing.B) {
			d := steps.Define[input]()
			for i := range 20 {
				steps.Add(d, fmt.Sprint("step-", i), func(context.Context, *steps.Run[input]) (string, error) {
					return strings.Repeat("x", recorded/20), nil
				})
			}
			steps.Do(d, "checkpoints", func(ctx context.Context, run *steps.Run[input]) error {
				for b.Loop() {
					if err := run.Checkpoint(ctx, 1); err != nil {
						return err
					}
				}
				return nil
			})
			h := testutil.NewHarness(b, d)
			h.Enqueue(input{})
			if s := h.Run(); s.Status != model.Succeeded {
				b.Fatal(s.Error)
			}
		})
	}
}
