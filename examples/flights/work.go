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

// Work is the directory where a job keeps what its steps hand each other. All
// its files are below one os.Root, which neither ".." nor a symbolic link
// leaves. Files appear whole or not at all.
type Work struct {
	root *os.Root
	dir  string // within root, with slashes
}

// File names a file of a Work and what must be in it. It is small enough for a
// step's output.
type File struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// ErrWork is what errors about missing or altered work files match. The step
// that made the file has to run again: restart the job.
var ErrWork = errors.New("a work file is not as it was recorded")

// OpenWork makes the directory of the given name in root if need be. The name
// is relative to root and has slashes.
func OpenWork(root *os.Root, name string) (*Work, error) {
	if err := root.MkdirAll(name, 0o750); err != nil {
		return nil, fmt.Errorf("make work directory: %w", err)
	}
	return &Work{root: root, dir: name}, nil
}

// Remove deletes the directory and everything in it. Nothing there is no error.
func (w *Work) Remove() error {
	if err := w.root.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("remove work directory: %w", err)
	}
	return nil
}

// save stores content under a name in the directory.
func (w *Work) save(name string, content []byte) (File, error) {
	if err := w.replace(path.Join(w.dir, name), content); err != nil {
		return File{}, fmt.Errorf("save %s: %w", name, err)
	}
	return File{Name: name, Bytes: len(content), SHA256: sumOf(content)}, nil
}

// replace writes a file of the root, whole or not at all: into a new file in
// the work directory, which then takes the place of the old one. Two processes
// that do this at once (one of them on a lost lease) do not mix their output.
func (w *Work) replace(target string, content []byte) error {
	temporary := path.Join(w.dir, rand.Text()+".tmp")
	err := w.writeSynced(temporary, content)
	if err == nil {
		err = w.root.Rename(temporary, target)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(w.root.Remove(temporary)))
	}
	return nil
}

func (w *Work) writeSynced(name string, content []byte) (err error) {
	file, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return err
	}
	// Without it, a power cut could leave the new name with nothing in it.
	return file.Sync()
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// load returns what is in the file, or an error that matches ErrWork.
func (w *Work) load(file File) ([]byte, error) {
	if file.Name == "" {
		return nil, fmt.Errorf("%w: no file was recorded", ErrWork)
	}
	content, err := w.read(file.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is gone from %s; restart the job to make it again", ErrWork, file.Name, w.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", file.Name, err)
	}
	if got := sumOf(content); got != file.SHA256 {
		return nil, fmt.Errorf("%w: %s in %s has the SHA-256 %s, and not %s; restart the job to make it again",
			ErrWork, file.Name, w.dir, got, file.SHA256)
	}
	return content, nil
}

// read returns a file of the directory whatever is in it.
func (w *Work) read(name string) ([]byte, error) {
	return w.root.ReadFile(path.Join(w.dir, name))
}

// saveGob and loadGob are for columns, saveJSON and loadJSON for figures that a
// person may want to look at.
func saveGob(ctx context.Context, w *Work, name string, value any) (File, error) {
	var content bytes.Buffer
	if err := gob.NewEncoder(&content).Encode(value); err != nil {
		return File{}, fmt.Errorf("encode %s: %w", name, err)
	}
	if err := context.Cause(ctx); err != nil {
		return File{}, err
	}
	return w.save(name, content.Bytes())
}

func loadGob[T any](w *Work, file File) (*T, error) {
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

func saveJSON(w *Work, name string, value any) (File, error) {
	content, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return File{}, fmt.Errorf("encode %s: %w", name, err)
	}
	return w.save(name, append(content, '\n'))
}

func loadJSON[T any](w *Work, file File) (*T, error) {
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
