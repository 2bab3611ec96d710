// Package eta measures estimates of the remaining time on simulated and recorded jobs, whose
// true remaining time is known: those of package progress, and beside them what other programs
// show, which are linear extrapolation, the sum of earlier jobs' medians, and the bars of tqdm
// and mpb.
//
//	go test -count=1 -v -run TestETA ./testutil/eta         # the table, and what must hold
//	go run . -o ../eta.svg                                  # the README's figure, in testutil/eta/figure
//
// # What is simulated
//
// A job has five phases that take 10, 30, 25, 20 and 15 % of its time: 200 items each, and 60
// seconds together, if it has the usual size. The items of a phase take as long as its shape
// says:
//
//   - constant: all the same, within 5 %.
//   - ramping up: the first items of the job take six times as long as its last ones.
//   - bursty: slow ones and fast ones alternate, four times as long as the others and in runs
//     of 40 on average.
//   - long tail: a few take very long (lognormal, with a sigma of 1.5).
//
// The sizes of jobs vary by a lognormal factor with the given sigma, for all phases of a job
// alike, or for each phase apart. A size is known from the job's begin ("declared"), when its
// phase begins, or never. Weights are right, or wrong by a factor of five for two of the phases.
// Silent phases report nothing, and take the same time in jobs of all sizes. A history has nine
// jobs.
//
// A cell of the table is the median of the absolute relative error of the remaining time, in
// percent, when 10, 25, 50, 75 and 90 % of the true time are over.
//
// The same jobs run through the engine, in virtual time, in TestETAThroughTheEngineInVirtualTime.
//
// It may import the packages progress and, for its estimate, mpb.
//
// The files, lowest first. A file refers only to those before it.
//
//	job.go       one job whose times are known
//	simulate.go  cases, and jobs made of them
//	bars.go      the estimators of other programs
//	product.go   the estimator of package progress
//	measure.go   an estimator's errors in a case
package eta
