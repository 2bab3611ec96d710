// Package flights is an example of a job with real work in it: a report on when
// and where flights in the United States run late, computed from 400,000
// flights of the Bureau of Transportation Statistics that the package carries.
//
// Report is the job's definition: seven steps, from the packed data to one HTML
// file that stands on its own. It shows what a step-by-step job looks like when
// the steps hand each other more than fits a record, and when one of them takes
// long enough to be killed in the middle:
//
//   - Load, Clean, Aggregate, Bootstrap, Charts and WriteHTML are plain
//     functions that know nothing of jobs. They take a context, which they obey
//     promptly, and a function that hears how far they are. The steps in
//     report.go are thin.
//   - What a step makes is a file in <dir>/work/<job id>. Its output is small:
//     the file's name and checksum, and a few counts. The next step finds out
//     by the checksum if the file is not what was recorded.
//   - Bootstrap, the long one, works in batches and says after each where it is.
//     The step makes that its checkpoint, so that a process that is killed goes
//     on with the batch it was at. The result is the same, bit for bit.
//   - WriteHTML replaces the report at once or not at all.
//
// The data, where it comes from and how it was packed: data/README.md.
//
// # Imports
//
// The functions need the standard library and, for drawing, the package
// internal/chart; the definition needs the package steps.
package flights

// Reporter hears how far a function is: done of total, in units of the
// function's own. It is called often and must return soon.
type Reporter func(done, total int)
