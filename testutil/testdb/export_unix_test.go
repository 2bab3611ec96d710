//go:build unix

package testdb

import "os"

// Descendants is everything this process has started, and what that has.
func Descendants() []int { return descendants(os.Getpid()) }

func descendants(pid int) (all []int) {
	for _, child := range childrenOf(pid) {
		all = append(append(all, child), descendants(child)...)
	}
	return all
}
