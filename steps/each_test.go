package steps_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// The last message has the number of all items, whatever Total says. The messages before
// are only written now and then.
func TestTheLastMessageOfEachHasTheFinalCount(t *testing.T) {
	t.Parallel()
	letters := func(int) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, letter := range []string{"a", "b", "c"} {
				if !yield(letter, nil) {
					return
				}
			}
		}
	}
	for total, want := range map[int]string{0: "3 letters", 2: "3 letters", 3: "3 of 3 letters", 4: "3 letters"} {
		t.Run(fmt.Sprint("total=", total), func(t *testing.T) {
			t.Parallel()
			d := steps.Define[export]()
			steps.Do(d, "letters", func(ctx context.Context, run *steps.Run[export]) error {
				_, err := steps.Each(ctx, run, letters, func(context.Context, string) error { return nil }, steps.Total(total), steps.ItemNoun("letters"))
				return err
			})
			h := testutil.NewHarness(t, d)
			h.Enqueue(export{})
			s := h.Run()
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.Equal(t, want, s.Message)
		})
	}
}
