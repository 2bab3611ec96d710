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

// Config is what Report needs of its surroundings.
type Config struct {
	// Root is the directory that no report leaves: an Input's Dir is inside
	// it. The current directory when empty.
	Root string
	// Now is the clock for the line that says when a report was generated.
	// time.Now when nil.
	Now func() time.Time

	load func(ctx context.Context, w *Work, report Reporter) (Loaded, error) // Load, or a test's data
}

// seed makes the same report of the same input.
const seed = 2001

// Report defines the job that writes <root>/<dir>/flights.html. Its result is a
// Written with the report's path.
//
// While it runs, what its steps hand each other is in <root>/<dir>/work/<job id>;
// the last step removes that. A job that ends otherwise leaves it behind, since
// it is what the job goes on from.
func Report(config Config) *steps.Definition[Input] {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.load == nil {
		config.load = Load
	}
	report := steps.Define[Input]()

	load := steps.Add(report, "load", func(ctx context.Context, run *steps.Run[Input]) (Loaded, error) {
		return inWork(config, run, func(w *Work, _ Input) (Loaded, error) {
			return config.load(ctx, w, reporter(run, "data: part %d of %d"))
		})
	}, steps.Weight(2))

	clean := steps.Add(report, "clean", func(ctx context.Context, run *steps.Run[Input]) (Cleaned, error) {
		return inWork(config, run, func(w *Work, _ Input) (Cleaned, error) {
			return Clean(ctx, w, load.Output(run), reporter(run, "flight %d of %d"))
		})
	}, steps.Weight(4))

	aggregate := steps.Add(report, "aggregate", func(ctx context.Context, run *steps.Run[Input]) (Aggregated, error) {
		return inWork(config, run, func(w *Work, _ Input) (Aggregated, error) {
			return Aggregate(ctx, w, clean.Output(run), reporter(run, "figures: part %d of %d"))
		})
	}, steps.Weight(2))

	rank := steps.Add(report, "rank", func(ctx context.Context, run *steps.Run[Input]) (Ranked, error) {
		return inWork(config, run, func(w *Work, in Input) (Ranked, error) {
			var from Mark
			if _, err := run.LastCheckpoint(&from); err != nil {
				return Ranked{}, err
			}
			return Bootstrap(ctx, w, clean.Output(run), aggregate.Output(run),
				Resampling{Resamples: in.Resamples, Seed: seed}, from,
				func(mark Mark) error { return run.Checkpoint(ctx, mark) },
				reporter(run, "resample %d of %d"))
		})
	}, steps.Weight(88))

	chart := steps.Add(report, "chart", func(ctx context.Context, run *steps.Run[Input]) (Charted, error) {
		return inWork(config, run, func(w *Work, in Input) (Charted, error) {
			return Charts(ctx, w, aggregate.Output(run), rank.Output(run), in.Top, reporter(run, "chart %d of %d"))
		})
	}, steps.Weight(2))

	write := steps.Add(report, "write", func(ctx context.Context, run *steps.Run[Input]) (Written, error) {
		return inWork(config, run, func(w *Work, in Input) (Written, error) {
			written, err := WriteHTML(ctx, w, Results{
				Cleaned: clean.Output(run), Aggregated: aggregate.Output(run),
				Ranked: rank.Output(run), Charted: chart.Output(run),
			}, ReportName, config.Now(), reporter(run, "page: part %d of %d"))
			written.Path = filepath.Join(config.Root, in.Dir, written.Path)
			return written, err
		})
	})

	// A step of its own, since the page must be on record before what it was
	// made of goes. It passes the record on as the job's result.
	steps.Add(report, "tidy", func(_ context.Context, run *steps.Run[Input]) (Written, error) {
		return inWork(config, run, func(w *Work, _ Input) (Written, error) {
			return write.Output(run), w.Remove()
		})
	})
	return report
}

// inWork runs a step's work in the job's work directory.
func inWork[Out any](config Config, run *steps.Run[Input], do func(w *Work, in Input) (Out, error)) (out Out, err error) {
	in, err := run.Input().complete()
	if err != nil {
		return out, err
	}
	reports, err := openReports(config.Root, in.Dir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, reports.Close()) }()
	w, err := OpenWork(reports, path.Join("work", run.Job().ID.String()))
	if err != nil {
		return out, err
	}
	return do(w, in)
}

// openReports opens the directory for reports, and makes it if need be. An
// os.Root stays inside: a symbolic link that leads out of root is an error.
func openReports(root, dir string) (*os.Root, error) {
	if root == "" {
		root = "."
	}
	top, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open the place for reports: %w", err)
	}
	defer top.Close()
	if err := top.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the directory %q for reports: %w", dir, err)
	}
	reports, err := top.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory %q for reports: %w", dir, err)
	}
	return reports, nil
}

// reporter makes a Reporter of a step's progress.
func reporter(run *steps.Run[Input], format string) Reporter {
	return func(done, total int) { run.Progress(done, total, format, done, total) }
}
