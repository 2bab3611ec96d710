// Package flights is an example of a job that does real work: it writes a report
// on when and where flights in the United States are late, computed from 400,000
// flights of the Bureau of Transportation Statistics, which are embedded in the
// package.
//
// [Report] is the job's definition. It has seven steps, from the compressed data
// to one self-contained HTML file. It is an example of a job whose steps exchange
// more data than fits in a step's output, and of which one step takes so long that
// its process may be killed during it:
//
//   - [Load], [Clean], [Aggregate], [Bootstrap], [Charts] and [WriteHTML] are plain
//     functions that do not depend on jobs. They return soon after their context
//     ends, and report progress to a function. The steps in report.go only call
//     them.
//   - A step writes its data to a file in <dir>/work/<job id>. Its output is small:
//     the file's name and checksum, and a few counts. The next step uses the
//     checksum to verify that the file has not changed.
//   - Bootstrap, the long one, works in batches. After each batch the step records
//     a checkpoint, so that after a crash the job continues with the next batch. The
//     result is the same, bit for bit.
//   - WriteHTML replaces the report atomically.
//
// data/README.md describes the data, its source and its format.
//
// # Imports
//
// The functions import the standard library and, to draw, the package
// internal/chart; the definition imports the package steps.
package flights

// Reporter receives a function's progress: done of total, in units that the
// function documents. It is called often and must return soon.
type Reporter func(done, total int)
