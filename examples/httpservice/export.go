package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/ntxdev/jobsystem/steps"
)

// Export is the input of an orders:export job.
type Export struct {
	// Country selects the orders to export, by its code: "DE".
	Country string `json:"country"`
}

// JobType returns the type of jobs with this input.
func (Export) JobType() string { return "orders:export" }

// Validate returns an error if Country is unknown.
func (e Export) Validate() error {
	if !slices.Contains(countries[:], e.Country) {
		return fmt.Errorf("country is %q: want one of %q", e.Country, countries)
	}
	return nil
}

// Written is the output of the step "write".
type Written struct {
	Orders int   `json:"orders"`
	Bytes  int64 `json:"bytes"`
}

// Published is the result of the job.
type Published struct {
	File   string `json:"file"`
	Orders int    `json:"orders"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// pageSize is the number of orders between two checkpoints.
const pageSize = 50

// ExportOrders returns the definition of orders:export. The job writes the orders
// to one country to the CSV file <dir>/<job id>.csv, which appears when it is
// complete.
//
// An interrupted job continues with the page after its last checkpoint, and the
// file has the same bytes as that of an uninterrupted job. The file is on one
// machine: if another machine continues the job, it writes the file from the
// beginning.
func ExportOrders(orders *Orders, dir string) *steps.Definition[Export] {
	export := steps.DefineFunc(func(in Export) (*steps.Definition[Export], error) {
		if err := in.Validate(); err != nil {
			return nil, err
		}
		return exportSteps(orders, dir), nil
	})
	return export
}

func exportSteps(orders *Orders, dir string) *steps.Definition[Export] {
	export := steps.Define[Export]()
	extent := steps.Add(export, "count", func(ctx context.Context, run *steps.Run[Export]) (Extent, error) {
		return orders.Extent(ctx, run.Input().Country)
	})
	written := steps.Add(export, "write", func(ctx context.Context, run *steps.Run[Export]) (Written, error) {
		return withFolder(dir, func(root *os.Root) (Written, error) {
			return writeOrders(ctx, run, orders, root, extent.Output(run))
		})
	}, steps.Weight(8))
	steps.Add(export, "publish", func(_ context.Context, run *steps.Run[Export]) (Published, error) {
		return withFolder(dir, func(root *os.Root) (Published, error) {
			return publish(root, partName(run), finalName(run), written.Output(run))
		})
	})
	return export
}

// partName and finalName return names that contain the job's id and nothing of its
// input, and that are the same for each attempt.
func partName(run *steps.Run[Export]) string  { return finalName(run) + ".part" }
func finalName(run *steps.Run[Export]) string { return run.Job().ID.String() + ".csv" }

// withFolder calls do with dir as a root that symbolic links cannot leave. Errors
// contain the name of a file but not the path of dir, which is not public: a
// job's error is visible to clients.
func withFolder[Out any](dir string, do func(*os.Root) (Out, error)) (out Out, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return out, fmt.Errorf("open the folder for exports: %w", errors.Unwrap(err)) // without the path
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return do(root)
}

// position is the checkpoint of the step "write".
type position struct {
	AfterID int64 `json:"after_id"`
	Orders  int   `json:"orders"`
	Bytes   int64 `json:"bytes"`
}

// writeOrders writes the orders page by page. It syncs each page to the disk
// before it records the checkpoint.
func writeOrders(ctx context.Context, run *steps.Run[Export], orders *Orders, root *os.Root, extent Extent) (Written, error) {
	var at position
	if _, err := run.LastCheckpoint(&at); err != nil {
		return Written{}, err
	}
	file, err := openCSV(root, partName(run), at.Bytes)
	if errors.Is(err, errFileTooShort) {
		at = position{}
		file, err = openCSV(root, partName(run), 0)
	}
	if err != nil {
		return Written{}, err
	}
	defer file.Close()
	for {
		page, err := orders.Page(ctx, run.Input().Country, at.AfterID, extent.LastID, pageSize)
		if err != nil {
			return Written{}, err
		}
		if len(page) == 0 {
			return Written{Orders: at.Orders, Bytes: file.size}, file.Close()
		}
		if err := file.write(page); err != nil {
			return Written{}, err
		}
		at = position{AfterID: page[len(page)-1].ID, Orders: at.Orders + len(page), Bytes: file.size}
		run.Progress(at.Orders, extent.Orders, "%d of %d orders", at.Orders, extent.Orders)
		if err := run.Checkpoint(ctx, at); err != nil {
			return Written{}, err
		}
	}
}

// publish renames the complete file to its final name. It is idempotent.
func publish(root *os.Root, part, final string, written Written) (Published, error) {
	if err := root.Rename(part, final); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Published{}, err
	}
	file, err := root.Open(final)
	if err != nil {
		return Published{}, fmt.Errorf("the written file is not on this machine; restart the job to write it again: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	if err != nil {
		return Published{}, err
	}
	if n != written.Bytes {
		return Published{}, fmt.Errorf("%s has %d bytes but %d were written, so it has been changed; restart the job to write it again", final, n, written.Bytes)
	}
	return Published{File: final, Orders: written.Orders, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
