package testutil

import (
	"testing"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Main runs the tests of a package and ends the servers that they started; it is
// [testdb.Main].
//
//	func TestMain(m *testing.M) { testutil.Main(m) }
func Main(m *testing.M) { testdb.Main(m) }
