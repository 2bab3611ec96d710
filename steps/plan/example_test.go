package plan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// order is the input of the jobs in these examples.
type order struct {
	Items int `json:"items"`
}

func (order) JobType() string { return "shop:order" }

// limits are the engine's defaults.
var limits = plan.Limits{Output: 64 << 10, Data: 1 << 20, Steps: 1000, Message: 1000, Error: 4000}

// shop returns a definition whose steps do nothing.
func shop(names ...string) steps.Handler {
	d := steps.Define[order]()
	for _, name := range names {
		steps.Do(d, name, func(context.Context, *steps.Run[order]) error { return nil })
	}
	return d
}

// document returns the data of a job with these records, one completed step for each
// name.
func document(completed ...string) model.Data {
	data := model.Data{Input: json.RawMessage(`{"items":2}`)}
	for _, name := range completed {
		data.Steps = append(data.Steps, model.StepRecord{Name: name, Status: model.StepCompleted, Weight: 1})
	}
	return data
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// inMemory is a session that finds outputs in a job's data, and ignores everything else.
type inMemory struct {
	plan.Session
	data *model.Data
}

func (s inMemory) Output(step string) (json.RawMessage, bool) {
	i := s.data.Step(step)
	return s.data.Steps[i].Output, s.data.Steps[i].Status == model.StepCompleted
}

// The shortest engine: it makes the plan of a job, matches the records with it, and runs
// the steps that are not done. A real one writes the data to a database after each step.
func Example() {
	d := steps.Define[order]()
	price := steps.Add(d, "price", func(_ context.Context, run *steps.Run[order]) (int, error) {
		return 3 * run.Input().Items, nil
	})
	steps.Do(d, "print", func(_ context.Context, run *steps.Run[order]) error {
		fmt.Println("price", price.Output(run))
		return nil
	})

	data := document()
	now := model.TimeOf(time.Unix(1_700_000_000, 0))
	p := must(plan.Of(d, data.Input))
	m := p.Match(data, limits)
	if err := m.Err(); err != nil {
		fmt.Println(err) // the records do not fit the definition: run nothing
		return
	}
	data.Steps = m.Records
	for i := plan.Next(data.Steps, -1); i >= 0; i = plan.Next(data.Steps, i) {
		plan.Begin(&data, i, now)
		output, err := p.Steps[i].Run(context.Background(), inMemory{data: &data})
		if err != nil {
			plan.EndWithError(&data.Steps[i], model.Failed, false, err.Error(), now)
			break
		}
		p.Steps[i].Complete(&data.Steps[i], output, now)
	}
	for _, record := range data.Steps {
		fmt.Println(record.Name, record.Status, string(record.Output))
	}
	// Output:
	// price 6
	// price completed 6
	// print completed
}

// The plan depends on the input of the job. An input that does not fit is an error.
func ExampleOf() {
	d := shop("pick", "send")
	p := must(plan.Of(d, json.RawMessage(`{"items":2}`)))
	for _, step := range p.Steps {
		fmt.Println(step.Name, step.Weight)
	}
	_, err := plan.Of(d, json.RawMessage(`{"items":"two"}`))
	fmt.Println(err != nil)
	// Output:
	// pick 1
	// send 1
	// true
}

// Records are matched by the names of the steps. A step was added at the end, which fits;
// another definition lacks a step that is done, which does not.
func ExamplePlan_Match() {
	data := document("pick")
	m := must(plan.Of(shop("pick", "send"), data.Input)).Match(data, limits)
	for _, record := range m.Records {
		fmt.Println(record.Name, record.Status)
	}
	fmt.Println(m.Err())

	err := must(plan.Of(shop("send"), data.Input)).Match(data, limits).Err()
	fmt.Println(errors.Is(err, plan.ErrDrift))
	fmt.Println(err)
	// Output:
	// pick completed
	// send pending
	// <nil>
	// true
	// the recorded steps do not fit the definition, nothing was run: step "pick" is recorded as completed, but the definition has no step of that name
}

// A dry run shows what a resume would do, and why.
func ExamplePlan_Forecast() {
	data := document("pick")
	forecast := must(must(plan.Of(shop("pick", "send"), data.Input)).Forecast(data, limits))
	for _, f := range forecast {
		fmt.Println(f.Action, f.Step, "-", f.Why)
	}
	// Output:
	// skip pick - is recorded as completed
	// run send - is new in the definition
}

// The fingerprint shows whether the steps are still the same.
func ExamplePlan_Fingerprint() {
	fingerprint := func(names ...string) string {
		return must(plan.Of(shop(names...), json.RawMessage(`{}`))).Fingerprint()
	}
	before := fingerprint("pick", "send")
	fmt.Println(fingerprint("pick", "send") == before, fingerprint("send", "pick") == before)
	// Output: true false
}

// The first attempt is one of the three.
func ExampleRetry_Delay() {
	retry := plan.Retry{Attempts: 3, First: time.Second, Max: time.Hour}
	for failures := 1; failures <= 3; failures++ {
		delay, more := retry.Delay(failures)
		fmt.Println(delay.Round(time.Second), more) // up to a fifth longer or shorter
	}
	// Output:
	// 1s true
	// 2s true
	// 0s false
}

// A process died in the middle of a step: the job fails, and its record says where.
func ExampleInterrupt() {
	data := document("pick")
	data.Steps = append(data.Steps, model.StepRecord{Name: "send", Status: model.StepRunning, Attempts: 1})
	job := &model.Job{Type: "shop:order", Status: model.Processing, Data: must(data.JSON())}
	if err := plan.Interrupt(job, shop("pick", "send")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Status)
	for _, record := range must(model.ParseData(job.Data)).Steps {
		fmt.Println(record.Name, record.Status)
	}
	// Output:
	// failed
	// pick completed
	// send interrupted
}

// A resume that goes back makes the steps pending again, and moves their records to the
// history.
func ExampleResume() {
	data := document("pick", "send")
	job := &model.Job{Type: "shop:order", Status: model.Failed, Data: must(data.JSON())}
	resume := plan.Resume{Plan: must(plan.Of(shop("pick", "send"), data.Input)), From: "send", Rewinds: true, Limits: limits}
	if err := resume.Edit(job); err != nil {
		fmt.Println(err)
		return
	}
	data = must(model.ParseData(job.Data))
	fmt.Println(data.Steps[0].Status, data.Steps[1].Status, len(data.History))
	// Output: completed pending 1
}
