package testdb

import "time"

// patience bounds each wait for a server. It is long, because it is reached only if
// something is broken, and machines under test are busy.
const patience = time.Minute
