package flights

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/ntxdev/jobsystem/steps"
)

// Config configures Report.
type Config struct {
	// Root is the directory for all reports: an Input's Dir is inside it. Default:
	// the current directory.
	Root string
	// Now returns the time that a report shows as its creation time. Default:
	// time.Now.
	Now func() time.Time

	// load is Load, or replaces it in tests.
	load func(ctx context.Context, w *WorkDir, report Reporter) (Loaded, error)
}

func (c Config) complete() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.load == nil {
		c.load = Load
	}
	return c
}

// seed is constant, so that the same input gives the same report.
const seed = 2001

// Report returns the definition of the job that writes <root>/<dir>/flights.html.
// The job's result is a Written with the path of the report.
//
// The steps exchange files in <root>/<dir>/work/<job id>, which the last step
// removes. If the job fails or is cancelled, the files stay, because a resumed job
// needs them.
func Report(config Config) *steps.Definition[Input] {
	config = config.complete()
	report := steps.Define[Input]()

	load := steps.Add(report, "load", func(ctx context.Context, run *steps.Run[Input]) (Loaded, error) {
		return withWorkDir(config, run, func(w *WorkDir, _ Input) (Loaded, error) {
			return config.load(ctx, w, reporter(run, "data: part %d of %d"))
		})
	}, steps.Weight(2))

	clean := steps.Add(report, "clean", func(ctx context.Context, run *steps.Run[Input]) (Cleaned, error) {
		return withWorkDir(config, run, func(w *WorkDir, _ Input) (Cleaned, error) {
			return Clean(ctx, w, load.Output(run), reporter(run, "flight %d of %d"))
		})
	}, steps.Weight(4))

	aggregate := steps.Add(report, "aggregate", func(ctx context.Context, run *steps.Run[Input]) (Aggregated, error) {
		return withWorkDir(config, run, func(w *WorkDir, _ Input) (Aggregated, error) {
			return Aggregate(ctx, w, clean.Output(run), reporter(run, "figures: part %d of %d"))
		})
	}, steps.Weight(2))

	rank := steps.Add(report, "rank", func(ctx context.Context, run *steps.Run[Input]) (Ranked, error) {
		return withWorkDir(config, run, func(w *WorkDir, in Input) (Ranked, error) {
			return resumeBootstrap(ctx, run, w, clean.Output(run), aggregate.Output(run), in.Resamples)
		})
	}, steps.Weight(88))

	chart := steps.Add(report, "chart", func(ctx context.Context, run *steps.Run[Input]) (Charted, error) {
		return withWorkDir(config, run, func(w *WorkDir, in Input) (Charted, error) {
			return Charts(ctx, w, aggregate.Output(run), rank.Output(run), in.Top, reporter(run, "chart %d of %d"))
		})
	}, steps.Weight(2))

	write := steps.Add(report, "write", func(ctx context.Context, run *steps.Run[Input]) (Written, error) {
		return withWorkDir(config, run, func(w *WorkDir, in Input) (Written, error) {
			written, err := WriteHTML(ctx, w, Results{
				Cleaned: clean.Output(run), Aggregated: aggregate.Output(run),
				Ranked: rank.Output(run), Charted: chart.Output(run),
			}, ReportName, config.Now(), reporter(run, "page: part %d of %d"))
			written.Path = filepath.Join(config.Root, in.Dir, written.Path)
			return written, err
		})
	})

	// This is a separate step, because the page must be recorded before its work
	// files are removed. It returns the output of the step "write" as the job's
	// result.
	steps.Add(report, "tidy", func(_ context.Context, run *steps.Run[Input]) (Written, error) {
		return withWorkDir(config, run, func(w *WorkDir, _ Input) (Written, error) {
			return write.Output(run), w.Remove()
		})
	})
	return report
}

// resumeBootstrap runs Bootstrap from the step's last checkpoint.
func resumeBootstrap(ctx context.Context, run *steps.Run[Input], w *WorkDir, in Cleaned, figures Aggregated, resamples int) (Ranked, error) {
	var from Checkpoint
	if _, err := run.LastCheckpoint(&from); err != nil {
		return Ranked{}, err
	}
	return Bootstrap(ctx, w, in, figures, Resampling{Resamples: resamples, Seed: seed}, from,
		func(last Checkpoint) error { return run.Checkpoint(ctx, last) },
		reporter(run, "resample %d of %d"))
}

// withWorkDir calls do with the job's work directory and its complete input.
func withWorkDir[Out any](config Config, run *steps.Run[Input], do func(w *WorkDir, in Input) (Out, error)) (out Out, err error) {
	in, err := run.Input().complete()
	if err != nil {
		return out, err
	}
	reports, err := openReports(config.Root, in.Dir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, reports.Close()) }()
	w, err := OpenWorkDir(reports, path.Join("work", run.Job().ID.String()))
	if err != nil {
		return out, err
	}
	return do(w, in)
}

// openReports opens the directory for reports, and creates it if it does not exist.
// A symbolic link out of root is an error.
func openReports(root, dir string) (*os.Root, error) {
	if root == "" {
		root = "."
	}
	top, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open the root of reports: %w", err)
	}
	defer top.Close()
	if err := top.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("create the directory %q for reports: %w", dir, err)
	}
	reports, err := top.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory %q for reports: %w", dir, err)
	}
	return reports, nil
}

// reporter returns a Reporter that reports the progress of a step.
func reporter(run *steps.Run[Input], format string) Reporter {
	return func(done, total int) { run.Progress(done, total, format, done, total) }
}
