package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/ntxdev/jobsystem/model"
)

// encode returns a caller's value as JSON. It checks the depth of a value that is JSON
// already, since encoding/json has a less clear error for values that nest very deeply.
func encode(value any) (json.RawMessage, error) {
	var given json.RawMessage
	switch value := value.(type) {
	case RawInput:
		given = value.Input
	case json.RawMessage:
		given = value
	}
	if err := model.CheckJSON(given); errors.Is(err, model.ErrTooDeep) {
		return nil, err
	}
	return json.Marshal(value)
}

// checkReadsBack reports why a value that was written as raw cannot be read back into
// its type. One that is given as JSON, for a type that is known at run time only, can.
func checkReadsBack(value any, raw json.RawMessage) error {
	if _, given := value.(RawInput); given {
		return nil
	}
	t := reflect.TypeOf(value)
	if nothing := model.KeepsNothing(t); nothing != nil {
		return fmt.Errorf("has a %v, of which JSON keeps nothing: export its fields, or give it MarshalJSON and UnmarshalJSON", nothing)
	}
	return model.CheckReadsBack(t, raw)
}
