package testutil

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// Example returns a replacement of a *testing.T in a runnable example, for [NewHarness] and
// others: it panics instead of failing a test. Databases that it opens are closed when the
// process ends.
func Example() testing.TB { return example{} }

type example struct{ testing.TB }

func (example) Helper()                           {}
func (example) Cleanup(func())                    {}
func (example) Context() context.Context          { return context.Background() }
func (example) TempDir() string                   { return exampleDir() }
func (example) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (example) Error(args ...any)                 { panic(fmt.Sprint(args...)) }
func (example) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (example) Logf(string, ...any)               {}

func exampleDir() string {
	dir, err := os.MkdirTemp("", "jobsystem-example-")
	if err != nil {
		panic(err)
	}
	return dir
}
