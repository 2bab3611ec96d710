package model

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Hidden replaces what people may not see: see [Redactor].
const Hidden = "(hidden)"

// Part names the part of a job that a [Value] is.
type Part string

// The parts of a job that the host fills, and that may hold secrets.
const (
	PartInput      Part = "input"
	PartOutput     Part = "output"     // of the step that Value.Name names
	PartCheckpoint Part = "checkpoint" // of the step that Value.Name names
	PartSignal     Part = "signal"     // the payload of the signal that Value.Name names
	PartResult     Part = "result"
	PartEmail      Part = "email"             // a JSON string
	PartFile       Part = "uploaded_file_url" // a JSON string
)

// Value is one value of a job that is about to be shown to people.
type Value struct {
	JobType string
	Part    Part
	Name    string // the step or the signal that the value belongs to, if any
	JSON    json.RawMessage
}

// Redactor returns what people may see of a value: the value itself, a value
// without its secrets, or nil to show [Hidden]. It must not change the JSON that it
// is given, and must be safe for concurrent use. A string or number that it removes
// is also removed from the texts that may quote it (errors, messages and reasons),
// if it appears there unchanged and has four characters or more.
//
// If a Redactor panics or returns something other than JSON, all values and texts of
// the job are hidden. A nil Redactor shows everything.
type Redactor func(Value) json.RawMessage

// Redaction is the result of redacting one job. Its methods redact further texts
// about the same job.
type Redaction struct {
	// Job is the job as people may see it: a copy, or the job itself if the
	// [Redactor] is nil.
	Job *Job

	words *strings.Replacer // nil if nothing is to be removed from texts
	all   bool              // whether all texts are hidden
}

// Of returns the job as people may see it. The job itself is not changed.
func (r Redactor) Of(j *Job) Redaction {
	if r == nil {
		return Redaction{Job: j}
	}
	shown := *j
	w := &redacting{redactor: r, jobType: j.Type, removed: make(map[string]bool)}
	w.columns(&shown)
	out := Redaction{Job: &shown, words: w.words(), all: w.broken}
	if w.broken {
		w.columns(&shown) // also those that were redacted before it broke
	}
	out.texts(&shown)
	return out
}

// OfInput returns the redaction of an input that is not part of a job yet. Use it
// for the errors of an enqueue.
func (r Redactor) OfInput(jobType string, input json.RawMessage) Redaction {
	data, err := Data{Input: input}.JSON()
	if err != nil {
		data = input // it is not JSON: Of hides all of it
	}
	return r.Of(&Job{Type: jobType, Data: data})
}

// Value returns what people may see of a single value.
func (r Redactor) Value(v Value) json.RawMessage {
	if r == nil {
		return v.JSON
	}
	w := &redacting{redactor: r, jobType: v.JobType, removed: make(map[string]bool)}
	return w.value(v.Part, v.Name, v.JSON)
}

// Text returns a text about the job without what was removed from its values.
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

// Error returns an error with its text redacted as by Text. errors.Is and errors.As
// still find what it wraps. It returns nil for nil.
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

// texts redacts the texts in a row, which may quote the job's values.
func (r Redaction) texts(j *Job) {
	j.Error, j.Message, j.CancelReason = r.Text(j.Error), r.Text(j.Message), r.Text(j.CancelReason)
	data, err := ParseData(j.Data)
	if err != nil {
		return // all of it is hidden already
	}
	for _, records := range [][]StepRecord{data.Steps, data.History} {
		for i := range records {
			records[i].Error, records[i].Stack = r.Text(records[i].Error), r.Text(records[i].Stack)
			for k := range records[i].EarlierErrors {
				records[i].EarlierErrors[k].Error = r.Text(records[i].EarlierErrors[k].Error)
			}
			if undo := records[i].Undo; undo != nil {
				undo.Error = r.Text(undo.Error)
			}
		}
	}
	if data.Undoing != nil {
		data.Undoing.Error = r.Text(data.Undoing.Error)
	}
	j.Data = orHidden(data.JSON())
	if d, err := ParseDecision(j.Decision); err == nil && d != nil {
		d.Error = r.Text(d.Error)
		j.Decision = orHidden(d.JSON())
	}
}

// redacting is the state while the values of one job are redacted.
type redacting struct {
	redactor Redactor
	jobType  string
	removed  map[string]bool // the strings and numbers that are no longer shown
	broken   bool            // whether the redactor has panicked or returned no JSON
}

var hidden = json.RawMessage(`"` + Hidden + `"`)

// value returns what people may see of one value. A missing value stays missing.
func (w *redacting) value(part Part, name string, raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return raw
	}
	shown := hidden
	if !w.broken {
		shown = w.call(Value{w.jobType, part, name, slices.Clone(raw)})
	}
	left := make(map[string]bool)
	for _, scalar := range scalars(shown) {
		left[scalar] = true
	}
	for _, scalar := range scalars(raw) {
		if !left[scalar] {
			w.removed[scalar] = true
		}
	}
	return shown
}

// call calls the redactor. If it fails, the value is hidden.
func (w *redacting) call(v Value) (shown json.RawMessage) {
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
	shown := w.value(part, "", orHidden(json.Marshal(text)))
	var out string
	if err := json.Unmarshal(shown, &out); err != nil {
		return Hidden
	}
	return out
}

// columns redacts the values in a row that belong to the host.
func (w *redacting) columns(j *Job) {
	j.Email, j.UploadedFileURL = w.text(PartEmail, j.Email), w.text(PartFile, j.UploadedFileURL)
	j.Data = w.data(j.Data)
	if checkpoints, err := ParseCheckpoints(j.Checkpoints); err != nil {
		j.Checkpoints = hidden
	} else {
		for step, value := range checkpoints {
			checkpoints[step] = w.value(PartCheckpoint, step, value)
		}
		j.Checkpoints = orHidden(checkpoints.JSON())
	}
	if signals, err := ParseSignals(j.Signals); err != nil {
		j.Signals = hidden
	} else if signals != nil {
		for i := range signals {
			signals[i].Payload = w.value(PartSignal, signals[i].Name, signals[i].Payload)
		}
		j.Signals = orHidden(json.Marshal(signals))
	}
	if d, err := ParseDecision(j.Decision); err != nil {
		j.Decision = hidden
	} else if d != nil {
		d.Result = w.value(PartResult, "", d.Result)
		j.Decision = orHidden(d.JSON())
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
	return orHidden(data.JSON())
}

// words returns a replacer that hides in texts what was removed from the values, also
// as Go and JSON quote it; nil if there is nothing to hide. The longest come first,
// since a shorter one may be a part of them.
func (w *redacting) words() *strings.Replacer {
	const shortest = 4
	var words []string
	for scalar := range w.removed {
		if utf8.RuneCountInString(scalar) < shortest {
			continue
		}
		words = append(words, scalar)
		for _, quoted := range []string{strconv.Quote(scalar), string(orHidden(json.Marshal(scalar)))} {
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

// scalars returns the strings and numbers in a JSON value, including the keys of
// objects.
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

// orHidden returns raw, or hidden if there was an error.
func orHidden(raw json.RawMessage, err error) json.RawMessage {
	if err != nil {
		return hidden
	}
	return raw
}
