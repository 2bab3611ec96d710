package proof_test

import (
	"testing"

	"github.com/ntxdev/jobsystem/testutil/proof"
)

func TestMain(m *testing.M) { proof.Main(m, proof.Role{Name: actorRole, Run: actAs}) }
