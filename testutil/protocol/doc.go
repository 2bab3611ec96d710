// Package protocol is a model of how engines share the jobs of a type, and a
// checker that visits every state which the model can reach. It shows what the
// one-running-job promise rests on: each wall can be taken away, and the checker
// finds the shortest way in which a promise then falls.
//
// The model's state is a database (a lock row for each type, the job rows with
// their records) and engines with their runs and the statement that each waits
// for. Anything may happen to a statement: it takes effect and is answered; it
// takes effect and the answer is lost; it is given up and takes effect later, at
// any moment, or never. Leases run out at any moment, however alive their engine
// is: a pause of its process, a slow network and a wrong clock all look like
// that. Engines die and start anew under another owner.
//
// What the code does, and what it is in the model:
//
//	store.Claim                        sendClaim, database.claim
//	store.Flush, worker's takeOff      sendWrite, database.flush
//	  its hand-on (handOn, pass)         database.pass
//	worker's land, written, refused    deliver, refused
//	worker's crash, beUnsure           failed
//	worker's reconcile (Renew, Owned)  sendReconcile, database.owned
//	store.Renew, worker's keeper       renew
//	run.expire                         guard
//	store.Settle, worker's settle      settle
//	store.SettleOrphan, the sweeper    settleOrphan
//	store.RequestCancel                cancel
//	engine's Resume                    resume
//
// What is left out because it makes no difference here: when a job is due, so
// that a claim may take any scheduled one; what a record holds, but which attempt
// has made it; graceful stops, which end runs as the guard does; signals,
// children and undoing, which are written with the same statements; decisions, which keep
// out an end that does not know of them, and the run sends another one. A statement
// that checks all it relies on as it takes effect (Renew, Settle, RequestCancel)
// is a single action, since a late one is the same action later.
//
// The walls, and what the checker shows of each (see TestEachWall…):
//
//   - OneTransaction: a claim takes the lock row and the job together. Alone, its
//     loss shows in nothing: the unique index refuses the second row, and what is
//     left behind is settled as an orphan. Without both, two jobs of a type
//     process at a time.
//   - Lease: a lock ends by itself. Without it, a job whose engine has died
//     processes for ever, and its type is wedged.
//   - Fence: each write of a run carries its attempt. Without it, a run that was
//     taken over writes into its successor's record.
//   - UniqueIndex: the database refuses a second processing row of a type. Alone,
//     its loss shows in nothing as long as all go by the lock row: it is for
//     somebody who does not, who deletes the row by hand, say.
//   - Order: the writes of one run are numbered, and an older one does not take
//     effect after a newer. Without it, a write that was given up and repeated
//     takes back a completed step's record when it arrives at last.
//   - Guard: a run that has not heard of a renewal for as long as a lease lasts
//     ends by itself. No record depends on it. It keeps the work of two runs
//     apart: with clocks that go alike, no two runs of a type work at a time; and
//     without it they do.
//
// It may import the standard library and nothing else; its tests, testify.
package protocol
