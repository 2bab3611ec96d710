package flights

import (
	"errors"
	"fmt"
	"path/filepath"
)

// JobType is the type of jobs with the definition Report.
const JobType = "flights:report"

// Input is the input of the job. The zero Input has the default of each field.
type Input struct {
	// Dir is the directory of the report, a path inside Config.Root. Default
	// "reports".
	Dir string `json:"dir,omitempty"`
	// Resamples is the number of resamples of the half-year, 200 to 100,000. Default
	// 20,000. The duration of the job is proportional to it.
	Resamples int `json:"resamples,omitempty"`
	// Top is the number of airports that the chart of the ranking shows at each end,
	// 3 to 30. Default 12.
	Top int `json:"top,omitempty"`
}

// JobType returns the type of jobs with this input.
func (Input) JobType() string { return JobType }

const (
	defaultDir                 = "reports"
	defaultTop, minTop, maxTop = 12, 3, 30

	defaultResamples = 20_000
	minResamples     = 200
	maxResamples     = 100_000
)

// complete returns the input with its defaults, or an error that joins all
// mistakes.
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
	var errs []error
	// IsLocal checks only the path; os.Root prevents symbolic links out of the root
	// when the directory is opened.
	if !filepath.IsLocal(in.Dir) {
		errs = append(errs, fmt.Errorf(
			"dir %q is outside the root of reports: want a relative path inside it, such as %q", in.Dir, defaultDir))
	}
	if in.Resamples < minResamples || in.Resamples > maxResamples {
		errs = append(errs, fmt.Errorf(
			"resamples is %d: want %d to %d, or omit it for %d", in.Resamples, minResamples, maxResamples, defaultResamples))
	}
	if in.Top < minTop || in.Top > maxTop {
		errs = append(errs, fmt.Errorf(
			"top is %d: want %d to %d, or omit it for %d", in.Top, minTop, maxTop, defaultTop))
	}
	if len(errs) > 0 {
		return Input{}, fmt.Errorf("input: %w", errors.Join(errs...))
	}
	in.Dir = filepath.Clean(in.Dir)
	return in, nil
}
