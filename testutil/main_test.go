package testutil_test

import (
	"os"
	"testing"

	"github.com/ntxdev/jobsystem/testutil"
)

func TestMain(m *testing.M) {
	if os.Getenv(withoutMain) != "" {
		os.Exit(m.Run())
	}
	testutil.Main(m)
}
