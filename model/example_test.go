package model_test

import (
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Any program can read from a row's data column which steps are done.
func ExampleParseData() {
	data, err := model.ParseData([]byte(`{"input":{"month":"2026-10"},"steps":[
		{"name":"extract","status":"completed","attempts":1,"output":{"rows":42}},
		{"name":"render","status":"interrupted","attempts":1}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range data.Steps {
		fmt.Println(step.Name, step.Status, string(step.Output))
	}
	// Output:
	// extract completed {"rows":42}
	// render interrupted
}

func ExampleStatus_CanMove() {
	fmt.Println(model.Failed.CanMove(model.Scheduled), model.Succeeded.CanMove(model.Scheduled))
	// Output: true false
}
