package flights

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// WorkDir is the directory with the files that the steps of a job exchange. All
// files are inside one os.Root, so neither ".." nor a symbolic link can leave it.
// Files are written atomically.
type WorkDir struct {
	root *os.Root
	dir  string // relative to root, with slashes
}

// File identifies a file of a WorkDir and its content. It is small enough to be
// part of a step's output.
type File struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// ErrWorkFile is wrapped by errors for a work file that is missing or was changed.
// Restart the job, so that the step which writes the file runs again.
var ErrWorkFile = errors.New("a work file is missing or changed")

// OpenWorkDir returns the directory with the given name in root, and creates it if
// it does not exist. The name is relative to root and has slashes.
func OpenWorkDir(root *os.Root, name string) (*WorkDir, error) {
	if err := root.MkdirAll(name, 0o750); err != nil {
		return nil, fmt.Errorf("create work directory: %w", err)
	}
	return &WorkDir{root: root, dir: name}, nil
}

// Remove deletes the directory and everything in it. It returns nil if the
// directory does not exist.
func (w *WorkDir) Remove() error {
	if err := w.root.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("remove work directory: %w", err)
	}
	return nil
}

// save writes content to the file with the given name in the directory.
func (w *WorkDir) save(name string, content []byte) (File, error) {
	if err := w.replace(path.Join(w.dir, name), content); err != nil {
		return File{}, fmt.Errorf("save %s: %w", name, err)
	}
	return File{Name: name, Bytes: len(content), SHA256: sumOf(content)}, nil
}

// replace writes a file of the root atomically: it writes a new file in the work
// directory and renames it to target. So two processes that write the same file at
// the same time, one of them with a lost lease, do not mix their output.
func (w *WorkDir) replace(target string, content []byte) error {
	temporary := path.Join(w.dir, rand.Text()+".tmp")
	err := w.writeAndSync(temporary, content)
	if err == nil {
		err = w.root.Rename(temporary, target)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(w.root.Remove(temporary)))
	}
	return nil
}

func (w *WorkDir) writeAndSync(name string, content []byte) (err error) {
	file, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return err
	}
	// Without Sync, the renamed file could be empty after a power failure.
	return file.Sync()
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// load returns the content of the file. It returns an error that wraps ErrWorkFile
// if the file is missing or was changed.
func (w *WorkDir) load(file File) ([]byte, error) {
	if file.Name == "" {
		return nil, fmt.Errorf("%w: no file was recorded", ErrWorkFile)
	}
	content, err := w.read(file.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s does not exist in %s; restart the job to create it again", ErrWorkFile, file.Name, w.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", file.Name, err)
	}
	if got := sumOf(content); got != file.SHA256 {
		return nil, fmt.Errorf("%w: %s in %s has the SHA-256 %s, want %s; restart the job to create it again",
			ErrWorkFile, file.Name, w.dir, got, file.SHA256)
	}
	return content, nil
}

// read returns the content of a file of the directory, without a check.
func (w *WorkDir) read(name string) ([]byte, error) {
	return w.root.ReadFile(path.Join(w.dir, name))
}

// saveGob writes value as gob, for columns; saveJSON writes figures that people may
// want to read.
func saveGob(ctx context.Context, w *WorkDir, name string, value any) (File, error) {
	var content bytes.Buffer
	if err := gob.NewEncoder(&content).Encode(value); err != nil {
		return File{}, fmt.Errorf("encode %s: %w", name, err)
	}
	if err := context.Cause(ctx); err != nil {
		return File{}, err
	}
	return w.save(name, content.Bytes())
}

func loadGob[T any](w *WorkDir, file File) (*T, error) {
	content, err := w.load(file)
	if err != nil {
		return nil, err
	}
	value := new(T)
	if err := gob.NewDecoder(bytes.NewReader(content)).Decode(value); err != nil {
		return nil, fmt.Errorf("decode %s: %w", file.Name, err)
	}
	return value, nil
}

func saveJSON(w *WorkDir, name string, value any) (File, error) {
	content, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return File{}, fmt.Errorf("encode %s: %w", name, err)
	}
	return w.save(name, append(content, '\n'))
}

func loadJSON[T any](w *WorkDir, file File) (*T, error) {
	content, err := w.load(file)
	if err != nil {
		return nil, err
	}
	value := new(T)
	if err := json.Unmarshal(content, value); err != nil {
		return nil, fmt.Errorf("decode %s: %w", file.Name, err)
	}
	return value, nil
}
