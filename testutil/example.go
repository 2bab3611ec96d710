package testutil

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// Example is what a runnable example has in place of a *testing.T, for
// [NewHarness] and the like: what would fail a test panics. Databases that it
// opens are closed with the process.
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
