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

// A job that has ended may go on, unless it has succeeded.
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

// When a job is due that waits for a signal, for as long as that takes.
func ExampleMaxTime() {
	fmt.Println(model.MaxTime().Format(time.DateOnly))
	// Output: 9999-12-31
}

// What one of the databases would refuse or change is refused for all.
func ExampleCheckJSON() {
	fmt.Println(model.CheckJSON([]byte(`{"rows":42}`)))
	fmt.Println(model.CheckJSON([]byte(`{"name":"a\u0000b"}`)) != nil)
	// Output:
	// <nil>
	// true
}

// The checkpoint column has the last checkpoint of each step under way.
func ExampleParseCheckpoints() {
	checkpoints, err := model.ParseCheckpoints([]byte(`{"step":"import","value":{"done":42}}`))
	fmt.Println(string(checkpoints["import"]), err)
	// Output: {"done":42} <nil>
}

// The signals column has what a job was sent, and the first of a name stands.
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

// A data column as another producer may write it.
func ExampleData_JSON() {
	raw, err := model.Data{Input: []byte(`{"month":"2026-10"}`)}.JSON()
	fmt.Println(string(raw), err)
	// Output: {"input":{"month":"2026-10"},"steps":[]} <nil>
}

func ExampleCheckName() {
	fmt.Println(model.CheckName("read"), "-", model.CheckName(" read"))
	// Output: <nil> - begins or ends with a space
}
