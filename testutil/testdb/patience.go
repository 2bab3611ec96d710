package testdb

import "time"

// patience bounds everything that waits for a server here. It is long, because
// it only ever runs out when something is broken, and machines under test are
// busy.
const patience = time.Minute
