package app

import (
	"os"
	"os/user"
)

// OSUser returns the name of the user of the operating system, empty if unknown.
func OSUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}
