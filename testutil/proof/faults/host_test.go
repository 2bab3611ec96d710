package faults_test

import "github.com/ntxdev/jobsystem/testutil/proof"

const hostRole = "host"

func host(proof.Orders) error { return nil }
