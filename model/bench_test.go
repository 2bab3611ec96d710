package model_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// document is the data of a job with that many steps, all completed.
func document(steps int) model.Data {
	now := model.TimeOf(time.Unix(1_700_000_000, 0))
	d := model.Data{Input: json.RawMessage(`{"month":"2026-10"}`), Plan: &model.PlanRecord{Fingerprint: "f00d"}}
	for i := range steps {
		d.Steps = append(d.Steps, model.StepRecord{
			Name: fmt.Sprint("step ", i), Status: model.StepCompleted, Weight: 1, Attempts: 1,
			StartedAt: now, FinishedAt: now, DurationMS: 12, Output: json.RawMessage(`{"rows":42}`),
		})
	}
	return d
}

// BenchmarkRecord measures the encoding of one step's record.
func BenchmarkRecord(b *testing.B) {
	record := document(1).Steps[0]
	for b.Loop() {
		if _, err := record.JSON(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDocument measures a whole document: a run writes it with its first
// record, and reads it when the job is claimed.
func BenchmarkDocument(b *testing.B) {
	for _, steps := range []int{3, 100, 1000} {
		d := document(steps)
		raw, err := d.JSON()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint("write-", steps), func(b *testing.B) {
			for b.Loop() {
				if _, err := d.JSON(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("read-", steps), func(b *testing.B) {
			for b.Loop() {
				if _, err := model.ParseData(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
