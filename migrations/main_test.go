package migrations_test

import (
	"testing"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
