package main

import (
	"errors"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/examples/demosteps"
	"github.com/ntxdev/jobsystem/steps"
)

// dependencies are what the definitions of this service need. Each definition
// is a function that takes its own ones and closes over them.
type dependencies struct {
	orders  *Orders
	exports string // the folder for exported files
}

// definitions are all job types of this service.
func definitions(d dependencies) []steps.Handler {
	return []steps.Handler{
		ExportOrders(d.orders, d.exports),
		demosteps.Definition(demosteps.Type),
	}
}

// register registers all definitions, and reports the mistakes of all together.
func register(eng *engine.Engine, d dependencies) error {
	var errs []error
	for _, definition := range definitions(d) {
		errs = append(errs, eng.Register(definition))
	}
	return errors.Join(errs...)
}
