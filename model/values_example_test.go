package model_test

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

func ExampleStatuses() {
	fmt.Println(model.Statuses())
	// Output: [scheduled processing succeeded failed cancelled]
}

func ExampleParseStatus() {
	status, err := model.ParseStatus("failed")
	fmt.Println(status.Ended(), err)
	_, err = model.ParseStatus("broken")
	fmt.Println(err != nil)
	// Output:
	// true <nil>
	// true
}

// A job that has ended can be resumed, unless it has succeeded.
func ExampleStatus_Resumable() {
	for _, status := range model.Statuses() {
		fmt.Println(status, status.Ended(), status.Resumable())
	}
	// Output:
	// scheduled false false
	// processing false false
	// succeeded true false
	// failed true true
	// cancelled true true
}

// The times of a row are in UTC, with microseconds.
func ExampleTimeOf() {
	t := model.TimeOf(time.Date(2026, 10, 1, 8, 0, 0, 123_456_789, time.FixedZone("", 2*60*60)))
	fmt.Println(t.Format(time.RFC3339Nano))
	// Output: 2026-10-01T06:00:00.123456Z
}

// A job that waits for a signal without a time limit is due at this time.
func ExampleMaxTime() {
	fmt.Println(model.MaxTime().Format(time.DateOnly))
	// Output: 9999-12-31
}

// A value that one of the databases would reject or change is an error for all of
// them.
func ExampleCheckJSON() {
	fmt.Println(model.CheckJSON([]byte(`{"rows":42}`)))
	fmt.Println(model.CheckJSON([]byte(`{"name":"a\u0000b"}`)) != nil)
	// Output:
	// <nil>
	// true
}

// The checkpoint column has the last checkpoint of each step that has begun.
func ExampleParseCheckpoints() {
	checkpoints, err := model.ParseCheckpoints([]byte(`{"step":"import","value":{"done":42}}`))
	fmt.Println(string(checkpoints["import"]), err)
	// Output: {"done":42} <nil>
}

// The signals column holds the signals that were sent to a job.
func ExampleParseSignals() {
	signals, err := model.ParseSignals([]byte(`[{"name":"approve","payload":true,"sent_by":"ann","sent_at":"2026-10-01T06:00:00Z"}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if signal := signals.Find("approve"); signal != nil {
		fmt.Println(signal.SentBy, string(signal.Payload))
	}
	// Output: ann true
}

// A step's record is found by its name.
func ExampleData_Step() {
	data, err := model.ParseData([]byte(`{"input":{},"steps":[{"name":"read","status":"completed"},{"name":"send","status":"failed","error":"no network"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if i := data.Step("send"); i >= 0 {
		fmt.Println(data.Steps[i].Status, data.Steps[i].Error)
	}
	// Output: failed no network
}

// Another program that enqueues jobs writes the data column like this.
func ExampleData_JSON() {
	raw, err := model.Data{Input: []byte(`{"month":"2026-10"}`)}.JSON()
	fmt.Println(string(raw), err)
	// Output: {"input":{"month":"2026-10"},"steps":[]} <nil>
}

func ExampleCheckName() {
	fmt.Println(model.CheckName("read"), "-", model.CheckName(" read"))
	// Output: <nil> - begins or ends with a space
}

// Signals that a step has used stay in the column; its record says which.
func ExampleSignals_Unused() {
	signals, err := model.ParseSignals([]byte(`[
		{"name":"approve","sent_by":"ann","sent_at":"2026-10-01T06:00:00Z"},
		{"name":"deliver","sent_by":"bob","sent_at":"2026-10-02T06:00:00Z"}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	records := []model.StepRecord{{Name: "approve", Status: model.StepCompleted, Awaits: "approve", SentBy: "ann", SentAt: signals[0].SentAt}}
	for _, signal := range signals.Unused(records) {
		fmt.Println(signal.Name)
	}
	// Output: deliver
}

// A message of any length and content fits into a column of ten characters.
func ExampleCutText() {
	fmt.Println(model.CutText("page 1 of 200", 10))
	fmt.Println(model.CutText("page 1", 10))
	// Output:
	// page 1 of…
	// page 1
}

// A step counts by its weight, whether it was completed or skipped.
func ExampleWeightedShare() {
	records := []model.StepRecord{
		{Name: "read", Weight: 7, Status: model.StepCompleted},
		{Name: "warm cache", Weight: 1, Status: model.StepSkipped},
		{Name: "print", Weight: 2, Status: model.StepRunning},
	}
	fmt.Println(model.WeightedShare(records))
	// Output: 0.8
}

// Weigh takes the steps of a [model.JobView] as well.
func ExampleWeigh() {
	view := model.JobView{Steps: []model.StepView{
		{Name: "read", Weight: 7, Status: model.StepCompleted},
		{Name: "print", Weight: 2, Status: model.StepPending},
	}}
	done, total := model.Weigh(view.Steps)
	fmt.Println(done, "of", total)
	// Output: 7 of 9
}
