package faults_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/ntxdev/jobsystem/testutil/proof"
)

var (
	// table is the results of all tests of this package.
	table proof.Table

	times = flag.Int("times", 3, "how often each fault happens on each database")
)

func TestMain(m *testing.M) {
	// Faults last, and tests wait for their end: they share a processor well.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	proof.Main(m, proof.Role{Name: hostRole, Run: host})
	if flag.Parsed() && testing.Verbose() { // not in a worker
		fmt.Println(&table)
	}
}
