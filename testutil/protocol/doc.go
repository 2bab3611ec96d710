// Package protocol is a model of how engines share the jobs of a type, and a
// checker that visits every state which the model can reach. It shows what the
// one-running-job promise rests on: each wall can be removed, and the checker finds
// the shortest way in which a promise is then broken.
//
// The model's state is a database (a lock row for each type, the job rows with
// their records) and engines with their runs and the statement that each waits
// for. Anything may happen to a statement: it takes effect and is answered; it
// takes effect and the answer is lost; it is given up and takes effect later, at
// any moment, or never. Leases expire at any moment, even if their engine is
// alive: a pause of its process, a slow network and a wrong clock all look like
// that. Engines die and restart as another owner.
//
// What the code does, and what it is in the model:
//
//	store.Claim, dispatch's claimTogether     sendClaims, database.claim
//	store.Flush, journal's startFlush         sendWrites, database.flush
//	  its assignLocks                           database.assignLocks
//	journal's Finish, fenced                  deliver, written
//	journal's flushFailed, claimUncertain     failed
//	journal's Reconcile (Renew, Owned)        sendReconcile, database.owned
//	store.Renew, lease.Renewer                renew
//	run.expire                                guard
//	store.Settle, dispatch's settle           lock, database.settle
//	store.SettleOrphan, dispatch's Sweep      people, database.settle
//	store.RequestCancel, Client.Resume        people
//
// What is left out because it makes no difference here: when a job is due, so
// that a claim may claim any scheduled one; the content of a record, except which
// attempt has made it; graceful stops, which end runs as the guard does; signals,
// children and undo, which are written with the same statements; decisions, which
// reject an end that does not know them, so that the run sends another one. A
// statement that checks all its conditions as it takes effect (Renew, Settle,
// RequestCancel) is a single action, since a late one is the same action later.
//
// The walls, and what the checker shows of each (see TestEachWall…):
//
//   - OneTransaction: a claim writes the lock row and the job together. Without it
//     alone, nothing is broken: the unique index rejects the second row, and what is
//     left behind is settled as an orphan. Without both, two jobs of a type
//     process at a time.
//   - Lease: a lock expires by itself. Without it, a job whose engine has died
//     processes for ever, and its type is wedged.
//   - Fence: each write of a run carries its attempt. Without it, a run that was
//     taken over writes into its successor's record.
//   - UniqueIndex: the database rejects a second processing row of a type. Without
//     it alone, nothing is broken as long as all programs respect the lock row: it
//     is for programs and people that do not, for example delete that row.
//   - Order: the writes of one run are numbered, and an older one does not take
//     effect after a newer. Without it, a write that was given up and repeated
//     undoes the record of a completed step when it arrives at last.
//   - Guard: a run whose lease was not renewed for as long as a lease lasts
//     ends by itself. No record depends on it. It keeps the work of two runs
//     apart: if the clocks agree, no two runs of a type work at a time; and
//     without it they do.
//
// It may import the standard library and nothing else; its tests, testify.
package protocol
