// Command jobctl enqueues, runs, shows and controls jobs. It is the package cli
// with the definitions of this module: the demo jobs demo:steps and
// demo:steps-1 to demo:steps-9, and the flights report.
//
//	jobctl demo
//	jobctl enqueue demo:steps --data '{"steps":5,"step_ms":200}'
//	jobctl worker
//	jobctl list
//
// The commands, the global flags and the exit codes are those of the package
// cli; jobctl --help lists them. A host builds a binary of its own with that
// package, as main.go does here.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ntxdev/jobsystem/cli"
	"github.com/ntxdev/jobsystem/examples/demosteps"
	"github.com/ntxdev/jobsystem/examples/flights"
	"github.com/ntxdev/jobsystem/model"
)

func main() {
	os.Exit(cli.Run(context.Background(), os.Args, options()))
}

func options() cli.Options {
	return cli.Options{Name: "jobctl", Register: register, Demo: demo()}
}

func register(r *cli.Registry) error {
	errs := []error{r.Register(flights.Report(flights.Config{}))}
	for _, definition := range demosteps.Definitions() {
		errs = append(errs, r.Register(definition))
	}
	return errors.Join(errs...)
}

func demo() *cli.Demo {
	return &cli.Demo{
		Type: flights.JobType,
		Name: "Flights report",
		Usage: "The job makes a report, one HTML file, on when and where flights run late: from 400,000 flights\n" +
			"that this binary carries. Its input: {\"dir\": where it goes, inside the current folder, \"resamples\":\n" +
			"200 to 100000, more takes longer, \"top\": airports in the ranking, 3 to 30}; each may be left out.",
		Input: json.RawMessage("{}"),
		Where: where,
	}
}

// where says where the report is.
func where(status *model.JobView) string {
	var written flights.Written
	if err := json.Unmarshal(status.Result, &written); err != nil || written.Path == "" {
		return ""
	}
	path, err := filepath.Abs(written.Path)
	if err != nil {
		path = written.Path
	}
	return fmt.Sprintf("%s\nThe report is in %s", written.Headline, path)
}
