package model_test

import (
	"encoding/json"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// A redactor shows what it knows to be harmless, and hides the rest. So a field that
// is added to the inputs later is hidden until the redactor is changed.
func ExampleRedactor() {
	redact := model.Redactor(func(v model.Value) json.RawMessage {
		if v.Part != model.PartInput {
			return nil
		}
		var input map[string]any
		if err := json.Unmarshal(v.JSON, &input); err != nil {
			return nil
		}
		for key := range input {
			if key != "month" {
				input[key] = model.Hidden
			}
		}
		shown, _ := json.Marshal(input)
		return shown
	})

	data, _ := model.Data{Input: json.RawMessage(`{"month": "2026-10", "token": "tok_83qf"}`)}.JSON()
	job := &model.Job{Type: "reports:monthly", Data: data, Error: `the archive rejected "tok_83qf"`}
	shown := redact.Of(job).Job
	fmt.Println(string(shown.Data))
	fmt.Println(shown.Error)
	// Output:
	// {"input":{"month":"2026-10","token":"(hidden)"},"steps":[]}
	// the archive rejected "(hidden)"
}
