// Package demosteps defines a job type for demonstrations and tests. The input
// sets the number of steps, their duration, the size of their outputs, and which
// step fails. For example,
//
//	{"steps": 5, "step_ms": 200, "output_bytes": 100, "fail_at": 3, "fail_times": 1}
//
// is a job of five steps, step-1 to step-5, that take 200 ms each. The third step
// fails the first time; when the job is resumed, it continues with that step and
// succeeds. All keys are optional; see [Input] for the defaults. The numbers in
// step names have no leading zeros, because a job's steps keep the order of the
// plan and are never sorted by name.
//
// Nothing is random: the same input gives the same steps and outputs. The package
// is also an example of a definition whose steps depend on the input: see
// [Definition].
//
// It may import the package steps and the standard library.
package demosteps
