package testutil_test

import (
	"testing"

	"github.com/ntxdev/jobsystem/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }
