package proof_test

import (
	"flag"
	"testing"

	"github.com/ntxdev/jobsystem/testutil/proof"
)

func TestMain(m *testing.M) {
	// Most of the tests' time is spent in waiting for leases to expire.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	proof.Main(m, proof.Role{Name: actorRole, Run: actAs}, proof.Role{Name: migratorRole, Run: migrateAs})
}
