package testdb

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A server's own tools need most of a second for a new data folder. So each is made once
// per installed version and user, kept in the user's cache folder, and copied for each
// server.
//
// templateFormat must change with anything that goes into a data folder.
const templateFormat = "1"

// provideData fills the server's data folder and sets its password.
func provideData(s *Server) error {
	template, err := templatePath(s)
	if err != nil {
		// No cache folder on this machine: slower, but otherwise the same.
		return makeData(s)
	}
	if password, err := os.ReadFile(filepath.Join(template, "password")); err == nil {
		s.password = string(password)
		return copyTree(filepath.Join(template, "data"), s.data(), s.account)
	}
	if err := makeData(s); err != nil {
		return err
	}
	// A cache that cannot be written only costs the next server time.
	_ = saveTemplate(s, template)
	return nil
}

// templatePath names the installed program by what changes with its version: asking the
// program would take longer than starting it.
func templatePath(s *Server) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	program := s.program.binary()
	info, err := os.Stat(program)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Append(nil, templateFormat, program, info.Size(), info.ModTime()))
	return filepath.Join(cache, "jobsystem-test", fmt.Sprintf("%s-%x", s.kind, sum[:6])), nil
}

func makeData(s *Server) error {
	s.password = rand.Text()
	cmd, err := s.program.initialize(s)
	if err != nil {
		return err
	}
	cmd.Dir = s.dir
	cmd.Env = serverEnvironment(s.dir)
	cmd.SysProcAttr = detached(s.account)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w:\n%s", filepath.Base(cmd.Path), err, output)
	}
	return nil
}

// saveTemplate saves it as a whole or not at all: other processes may be reading or saving
// it now.
func saveTemplate(s *Server, template string) error {
	if err := os.MkdirAll(filepath.Dir(template), 0o700); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(filepath.Dir(template), "draft-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft)
	if err := copyTree(s.data(), filepath.Join(draft, "data"), account{}); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(draft, "password"), []byte(s.password), 0o600); err != nil {
		return err
	}
	if err := os.Rename(draft, template); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// copyTree copies files and folders with their permissions, for another owner.
func copyTree(from, to string, owner account) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() {
			err = os.Mkdir(target, info.Mode().Perm())
		} else {
			err = copyFile(path, target, info.Mode().Perm())
		}
		if err != nil {
			return err
		}
		return owner.own(target)
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
