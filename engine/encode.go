package engine

import (
	"encoding/json"
	"errors"

	"github.com/ntxdev/jobsystem/model"
)

// encode writes a caller's value as JSON. One that is JSON already is looked at
// first: of what nests very deeply, encoding/json tells less.
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
