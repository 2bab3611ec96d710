// Package demosteps is the job type for trying things out: a job whose number
// of steps, pace, output and end are told by its input.
//
//	{"steps": 5, "step_ms": 200, "output_bytes": 100, "fail_at": 3, "fail_times": 1}
//
// is a job of five steps, step-1 to step-5, of 200 ms each, of which the third
// fails the first time. Resumed, it goes on with that third step and succeeds.
// Everything may be left out; [Input] has the defaults. Names are not padded
// with zeros: a job's steps are kept in the order of the plan, not of their
// names.
//
// Nothing in it is random: the same input gives the same steps and outputs. It
// also shows how a definition whose steps depend on the input is written: see
// [Definition].
//
// It may import the package steps and the standard library.
package demosteps
