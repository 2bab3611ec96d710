package model

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Hidden stands where people do not get to see something: see [Redactor].
const Hidden = "(hidden)"

// Part is what of a job a [Value] is.
type Part string

// The parts of a job that belong to the host, and so may hold secrets.
const (
	PartInput      Part = "input"
	PartOutput     Part = "output"     // of the step called Name
	PartCheckpoint Part = "checkpoint" // of the step called Name
	PartSignal     Part = "signal"     // the payload of the signal called Name
	PartResult     Part = "result"
	PartEmail      Part = "email"             // a JSON string
	PartFile       Part = "uploaded_file_url" // a JSON string
)

// Value is something of a job that people are about to see.
type Value struct {
	JobType string
	Part    Part
	Name    string // of the step or the signal whose it is, if it is one's
	JSON    json.RawMessage
}

// Redactor returns what people may see of a value: the value itself, another
// one without its secrets, or nil for [Hidden]. It must not change the JSON it
// is given, and is called from several goroutines. Whatever it takes out is also
// taken out of the texts that may quote it - errors, messages and reasons - where
// it stands there as it is and has four characters or more.
//
// One that panics or returns what is not JSON hides all the values of the job,
// and all its texts. A nil Redactor shows everything.
type Redactor func(Value) json.RawMessage

// Redaction is a job as people may see it.
type Redaction struct {
	// Job is a copy, but for a nil [Redactor].
	Job *Job

	words *strings.Replacer // nil for nothing to be taken out of texts
	all   bool
}

// Of returns the job as people may see it.
func (r Redactor) Of(j *Job) Redaction {
	if r == nil {
		return Redaction{Job: j}
	}
	shown := *j
	w := &redacting{redactor: r, jobType: j.Type, taken: make(map[string]bool)}
	w.columns(&shown)
	out := Redaction{Job: &shown, words: w.words(), all: w.broken}
	if w.broken {
		w.columns(&shown) // those that were shown before it broke
	}
	out.texts(&shown)
	return out
}

// OfInput returns what people may see of an input that no job has yet.
func (r Redactor) OfInput(jobType string, input json.RawMessage) Redaction {
	data, err := Data{Input: input}.JSON()
	if err != nil {
		data = input // not JSON: nothing of it is shown
	}
	return r.Of(&Job{Type: jobType, Data: data})
}

// Value returns what people may see of a single value.
func (r Redactor) Value(v Value) json.RawMessage {
	if r == nil {
		return v.JSON
	}
	w := &redacting{redactor: r, jobType: v.JobType, taken: make(map[string]bool)}
	return w.value(v.Part, v.Name, v.JSON)
}

// Text returns a text about the job without what was taken out of its values.
func (r Redaction) Text(text string) string {
	switch {
	case text == "":
		return ""
	case r.all:
		return Hidden
	case r.words == nil:
		return text
	default:
		return r.words.Replace(text)
	}
}

// Error is Text for an error, which stays what it is to errors.Is.
func (r Redaction) Error(err error) error {
	if err == nil {
		return nil
	}
	if text := r.Text(err.Error()); text != err.Error() {
		return &redactedError{text, err}
	}
	return err
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// texts redacts what was written about the job's values.
func (r Redaction) texts(j *Job) {
	j.Error, j.Message, j.CancelReason = r.Text(j.Error), r.Text(j.Message), r.Text(j.CancelReason)
	data, err := ParseData(j.Data)
	if err != nil {
		return // it holds nothing any more
	}
	for _, records := range [][]StepRecord{data.Steps, data.History} {
		for i := range records {
			records[i].Error = r.Text(records[i].Error)
			if undo := records[i].Undo; undo != nil {
				undo.Error = r.Text(undo.Error)
			}
		}
	}
	if data.Undoing != nil {
		data.Undoing.Error = r.Text(data.Undoing.Error)
	}
	j.Data = written(data.JSON())
}

// redacting is a redaction under way.
type redacting struct {
	redactor Redactor
	jobType  string
	taken    map[string]bool // whether a scalar of the values is gone
	broken   bool
}

var hidden = json.RawMessage(`"` + Hidden + `"`)

// value is what people may see of one value. A missing one stays missing.
func (w *redacting) value(part Part, name string, raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return raw
	}
	shown := hidden
	if !w.broken {
		shown = w.ask(Value{w.jobType, part, name, slices.Clone(raw)})
	}
	left := make(map[string]bool)
	for _, scalar := range scalars(shown) {
		left[scalar] = true
	}
	for _, scalar := range scalars(raw) {
		if !left[scalar] {
			w.taken[scalar] = true
		}
	}
	return shown
}

// ask calls the redactor, whose mistakes must not show anything.
func (w *redacting) ask(v Value) (shown json.RawMessage) {
	defer func() {
		if recover() != nil {
			w.broken, shown = true, hidden
		}
	}()
	shown = w.redactor(v)
	if shown == nil {
		return hidden
	}
	if !json.Valid(shown) {
		w.broken, shown = true, hidden
	}
	return slices.Clone(shown)
}

func (w *redacting) text(part Part, text string) string {
	if text == "" {
		return ""
	}
	shown := w.value(part, "", written(json.Marshal(text)))
	var out string
	if err := json.Unmarshal(shown, &out); err != nil {
		return Hidden
	}
	return out
}

// columns redacts the host's values in a row.
func (w *redacting) columns(j *Job) {
	j.Email, j.UploadedFileURL = w.text(PartEmail, j.Email), w.text(PartFile, j.UploadedFileURL)
	j.Data = w.data(j.Data)
	if checkpoints, err := ParseCheckpoints(j.Checkpoints); err != nil {
		j.Checkpoints = hidden
	} else {
		for step, value := range checkpoints {
			checkpoints[step] = w.value(PartCheckpoint, step, value)
		}
		j.Checkpoints = written(checkpoints.JSON())
	}
	if signals, err := ParseSignals(j.Signals); err != nil {
		j.Signals = hidden
	} else if signals != nil {
		for i := range signals {
			signals[i].Payload = w.value(PartSignal, signals[i].Name, signals[i].Payload)
		}
		j.Signals = written(json.Marshal(signals))
	}
}

func (w *redacting) data(raw json.RawMessage) json.RawMessage {
	data, err := ParseData(raw)
	if err != nil {
		w.broken = true
		return hidden
	}
	data.Input, data.Result = w.value(PartInput, "", data.Input), w.value(PartResult, "", data.Result)
	for _, records := range [][]StepRecord{data.Steps, data.History} {
		for i := range records {
			records[i].Output = w.value(PartOutput, records[i].Name, records[i].Output)
		}
	}
	return written(data.JSON())
}

// words takes out of texts what was taken out of the values: the longest first,
// of which another may be a part, and as Go and JSON quote it.
func (w *redacting) words() *strings.Replacer {
	const shortest = 4
	var words []string
	for scalar := range w.taken {
		if utf8.RuneCountInString(scalar) < shortest {
			continue
		}
		words = append(words, scalar)
		for _, quoted := range []string{strconv.Quote(scalar), string(written(json.Marshal(scalar)))} {
			words = append(words, quoted[1:len(quoted)-1])
		}
	}
	if len(words) == 0 {
		return nil
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(words))
	for _, word := range slices.Compact(words) {
		pairs = append(pairs, word, Hidden)
	}
	return strings.NewReplacer(pairs...)
}

// scalars are the strings and numbers in a JSON value, the keys of objects too.
func scalars(raw json.RawMessage) (found []string) {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return found
		}
		switch token := token.(type) {
		case string:
			found = append(found, token)
		case json.Number:
			found = append(found, token.String())
		}
	}
}

// written is JSON made of what was read, or nothing of it.
func written(raw json.RawMessage, err error) json.RawMessage {
	if err != nil {
		return hidden
	}
	return raw
}
