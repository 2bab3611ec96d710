package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

// cents writes itself as JSON and has no way back.
type cents struct{ amount int }

func (c cents) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]int{"cents": c.amount}) }

type hidden struct{ amount int } //nolint:unused // that nothing can be read of it is the point

type tree struct {
	Name     string
	Children []*tree
	cache    map[string]int
}

func ExampleCheckReadsBack() {
	raw, _ := json.Marshal(cents{5})
	fmt.Println(model.CheckReadsBack(reflect.TypeFor[cents](), raw) == nil)
	fmt.Println(model.KeepsNothing(reflect.TypeFor[[]hidden]()))
	// Output:
	// false
	// model_test.hidden
}

func TestValuesThatDoNotReadBackAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		value any
		of    reflect.Type
		want  string // of the error, empty for none
	}{
		"number":                   {3, nil, ""},
		"nil":                      {nil, nil, ""},
		"time":                     {time.Now(), nil, ""},
		"big":                      {big.NewInt(7), nil, ""},
		"any":                      {map[string]any{"a": 1.5}, reflect.TypeFor[any](), ""},
		"tree":                     {tree{Name: "a", Children: []*tree{{Name: "b"}}, cache: map[string]int{"a": 1}}, nil, ""},
		"raw":                      {json.RawMessage(`{"b": 1, "a": 1E3}`), nil, ""},
		"MarshalJSON only":         {cents{5}, nil, "reads back into a model_test.cents as something else"},
		"MarshalJSON only, inside": {map[string]cents{"price": {5}}, nil, "as something else"},
		"error":                    {errors.New("x"), reflect.TypeFor[error](), "does not read back into a error"},
		"no error":                 {error(nil), reflect.TypeFor[error](), ""},
	} {
		raw, err := json.Marshal(c.value)
		require.NoError(t, err, name)
		of := c.of
		if of == nil {
			of = reflect.TypeOf(c.value)
		}
		err = model.CheckReadsBack(of, raw)
		if c.want == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.want, name)
		}
	}
}

func TestTypesOfWhichJSONKeepsNothingAreFound(t *testing.T) {
	t.Parallel()
	for _, fine := range []reflect.Type{
		nil, reflect.TypeFor[int](), reflect.TypeFor[struct{}](), reflect.TypeFor[time.Time](), reflect.TypeFor[uuid.UUID](), reflect.TypeFor[netip.Addr](),
		reflect.TypeFor[big.Int](), reflect.TypeFor[cents](), reflect.TypeFor[tree](), reflect.TypeFor[any](), reflect.TypeFor[model.Job](),
	} {
		assert.Nil(t, model.KeepsNothing(fine), "%v", fine)
	}
	for _, lossy := range []reflect.Type{reflect.TypeFor[hidden](), reflect.TypeFor[*hidden](), reflect.TypeFor[map[string][]hidden](), reflect.TypeFor[struct{ Price hidden }](), reflect.TypeFor[struct{ hidden }]()} {
		assert.Equal(t, reflect.TypeFor[hidden](), model.KeepsNothing(lossy), "%v", lossy)
	}
}
