package main

import (
	"errors"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/examples/demosteps"
	"github.com/ntxdev/jobsystem/steps"
)

// dependencies holds what the definitions of this service use. Each definition is
// returned by a function that gets the dependencies it uses as parameters.
type dependencies struct {
	orders    *Orders
	exportDir string // the folder for exported files
}

// definitions returns all job types of this service.
func definitions(d dependencies) []steps.Handler {
	return []steps.Handler{
		ExportOrders(d.orders, d.exportDir),
		demosteps.Definition(demosteps.Type),
	}
}

// register registers all definitions. It returns an error that joins the mistakes
// of all.
func register(eng *engine.Engine, d dependencies) error {
	var errs []error
	for _, definition := range definitions(d) {
		errs = append(errs, eng.Register(definition))
	}
	return errors.Join(errs...)
}
