package engine

import (
	"encoding/json"
	"errors"

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
