package model_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ntxdev/jobsystem/model"
)

func ExampleKeptJSON() {
	kept, err := model.KeptJSON(json.RawMessage(`{ "price": 1.5e3, "left": -0.0 }`))
	fmt.Println(string(kept), err)
	// Output: {"price":1500,"left":0.0} <nil>
}

func TestNumbersAreKeptWithoutExponents(t *testing.T) {
	t.Parallel()
	for given, kept := range map[string]string{
		"1":                        "1",
		"-1":                       "-1",
		"1.50":                     "1.50",
		"1E3":                      "1000",
		"1e0":                      "1",
		"-1.25e1":                  "-12.5",
		"12.5e-1":                  "1.25",
		"12.5e-3":                  "0.0125",
		"1e-2":                     "0.01",
		"0.001e5":                  "100",
		"0.5e+1":                   "5",
		"-0":                       "0",
		"-0.0":                     "0.0",
		"0e7":                      "0",
		"0.0e-7":                   "0",
		`"1e3 - -0"`:               `"1e3 - -0"`,
		`"\"1e3"`:                  `"\"1e3"`,
		`[1e1, {"a-e": -2e1}, ""]`: `[10,{"a-e":-20},""]`,
		"1e308":                    "1" + strings.Repeat("0", 308),
		"5e-324":                   "0." + strings.Repeat("0", 323) + "5",
	} {
		got, err := model.KeptJSON(json.RawMessage(given))
		require.NoError(t, err, given)
		assert.Equal(t, kept, string(got), given)
	}
}

func TestWhatIsKeptHasTheValueOfWhatWasGiven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }).Draw(t, "number")
		raw, err := json.Marshal([]any{given, "e-", given})
		require.NoError(t, err)
		kept, err := model.KeptJSON(raw)
		require.NoError(t, err)
		again, err := model.KeptJSON(kept)
		require.NoError(t, err)
		require.Equal(t, string(kept), string(again), "it is kept as it is")
		var list []any
		require.NoError(t, json.Unmarshal(kept, &list))
		require.Equal(t, []any{given, "e-", given}, list)
	})
}
