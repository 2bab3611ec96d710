package plan

import (
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Forecast returns what a run of a job with these records would do with each step. If
// the records do not fit, it returns the forecast together with an [ErrDrift] that says
// why: the run would fail before any step.
func (p *Plan) Forecast(data model.Data, limits Limits) ([]model.ForecastStep, error) {
	m := p.Match(data, limits)
	if data.Undoing != nil && m.Err() == nil {
		return m.forecastUndo(data.Undoing.Status), nil
	}
	return m.forecast, m.Err()
}

// forecastUndo returns the forecast of a job whose steps are being undone. Such a job
// does nothing else before it ends.
func (m *Match) forecastUndo(end model.Status) []model.ForecastStep {
	forecast := make([]model.ForecastStep, len(m.Records))
	for i, record := range m.Records {
		f := model.ForecastStep{Step: record.Name, Action: model.ActionSkip, Why: fmt.Sprintf("is recorded as %s, and the job only undoes its steps before it is %s", record.Status, end)}
		if m.plan.undoable(m.Records, i) {
			f.Action, f.Why = model.ActionUndo, "is recorded as completed, and is undone before the job is "+string(end)
		}
		forecast[i] = f
	}
	return forecast
}
