package engine_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// What people see is redacted by a host's function; what programs read is not.
func ExampleClient_Redacted() {
	ctx := context.Background()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	config := exampleConfig
	config.Redact = func(v model.Value) json.RawMessage {
		if v.JobType == "reports:monthly" {
			return v.JSON // nothing in it is secret
		}
		return nil
	}
	eng, err := engine.New(db, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	shown := eng.Redacted()
	for _, jobType := range []string{"reports:monthly", "payments:refund"} {
		job, err := shown.Enqueue(ctx, engine.RawInput{Type: jobType, Input: json.RawMessage(`{"iban":"DE02"}`)})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(jobType, string(job.Data))
	}
	// Output:
	// reports:monthly {"input":{"iban":"DE02"},"steps":[]}
	// payments:refund {"input":"(hidden)","steps":[]}
}
