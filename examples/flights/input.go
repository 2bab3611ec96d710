package flights

import (
	"errors"
	"fmt"
	"path/filepath"
)

// JobType is the type of the jobs that Report handles.
const JobType = "flights:report"

// Input says what to make. The zero Input makes the usual report.
type Input struct {
	// Dir is where the report goes: a path inside Config.Root, "reports" when
	// empty.
	Dir string `json:"dir,omitempty"`
	// Resamples is how often the half-year is drawn anew, 200 to 100,000 and
	// 20,000 when 0. The time that the job takes grows with it.
	Resamples int `json:"resamples,omitempty"`
	// Top is how many airports the figure of the ranking shows at either end,
	// 3 to 30 and 12 when 0.
	Top int `json:"top,omitempty"`
}

// JobType makes an Input tell the type of its jobs.
func (Input) JobType() string { return JobType }

const (
	defaultDir                 = "reports"
	defaultTop, minTop, maxTop = 12, 3, 30

	defaultResamples = 20_000
	minResamples     = 200
	maxResamples     = 100_000
)

// complete returns the input with its defaults filled in, or all that is wrong
// with it.
func (in Input) complete() (Input, error) {
	if in.Dir == "" {
		in.Dir = defaultDir
	}
	if in.Resamples == 0 {
		in.Resamples = defaultResamples
	}
	if in.Top == 0 {
		in.Top = defaultTop
	}
	var wrong []error
	// IsLocal judges the path alone; os.Root makes sure of the rest when the
	// directory is opened.
	if !filepath.IsLocal(in.Dir) {
		wrong = append(wrong, fmt.Errorf(
			"dir %q leads out of the place for reports; give a relative path inside it, such as %q", in.Dir, defaultDir))
	}
	if in.Resamples < minResamples || in.Resamples > maxResamples {
		wrong = append(wrong, fmt.Errorf(
			"resamples is %d; give %d to %d, or leave it out for %d", in.Resamples, minResamples, maxResamples, defaultResamples))
	}
	if in.Top < minTop || in.Top > maxTop {
		wrong = append(wrong, fmt.Errorf(
			"top is %d; give %d to %d, or leave it out for %d", in.Top, minTop, maxTop, defaultTop))
	}
	if len(wrong) > 0 {
		return Input{}, fmt.Errorf("input: %w", errors.Join(wrong...))
	}
	in.Dir = filepath.Clean(in.Dir)
	return in, nil
}
