package steps_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// csvRows yields the rows of a CSV text after the first ones, which it skips.
func csvRows(text string) func(skip int) iter.Seq2[[]string, error] {
	return func(skip int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			rows := csv.NewReader(strings.NewReader(text))
			for n := 0; ; n++ {
				row, err := rows.Read()
				if errors.Is(err, io.EOF) || n >= skip && !yield(row, err) {
					return
				}
			}
		}
	}
}

// A CSV is imported row by row. The process is killed after the second row's checkpoint;
// the resumed job continues with the third row.
func ExampleEach() {
	d := steps.Define[export]()
	steps.Add(d, "import", func(ctx context.Context, run *steps.Run[export]) (int, error) {
		return steps.Each(ctx, run, csvRows("ann,3\nbob,5\ncyd,8\n"), func(_ context.Context, row []string) error {
			fmt.Println("insert", row)
			return nil
		}, steps.Total(3), steps.ItemNoun("rows"), steps.CheckpointEvery(2))
	})

	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	killed := h.Kill(testutil.AtCheckpoint("import", 1))
	fmt.Println(killed.Status, "at", string(killed.Checkpoints))
	h.Resume()
	done := h.Run()
	fmt.Println(done.Status, "with", string(done.Result), "rows")
	// Output:
	// insert [ann 3]
	// insert [bob 5]
	// failed at {"step":"import","value":{"done":2}}
	// insert [cyd 8]
	// succeeded with 3 rows
}

// Rows with a key continue after the last key, so that the source need not count rows.
func ExampleEachAfter() {
	letters := func(after *string) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) { // SELECT ... WHERE letter > after ORDER BY letter
			for _, letter := range []string{"a", "b", "c"} {
				if (after == nil || letter > *after) && !yield(letter, nil) {
					return
				}
			}
		}
	}
	d := steps.Define[export]()
	steps.Add(d, "letters", func(ctx context.Context, run *steps.Run[export]) (int, error) {
		return steps.EachAfter(ctx, run, letters, func(letter string) string { return letter },
			func(_ context.Context, letter string) error {
				fmt.Println(letter)
				return nil
			})
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	fmt.Println(string(h.Run().Result))
	// Output:
	// a
	// b
	// c
	// 3
}

// How long the import will take is estimated from its job's begin on by how many rows it has.
func ExampleSize() {
	d := steps.Define[export]()
	steps.Do(d, "import", func(_ context.Context, run *steps.Run[export]) error {
		run.Progress(1, 2, "half of it")
		return nil
	}, steps.Size(func(export) float64 { return 5000 }))

	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	fmt.Println(h.Run().Steps[0].Size)
	// Output: 5000
}
