package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

func (inv *invocation) showCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "show",
		Usage:     "show a job and its steps",
		ArgsUsage: "ID",
		Description: "Long values are cut; -o json has them whole. Of a job that can be resumed, this binary's definition\n" +
			"tells where it would go on, if it has the type.",
		Action: action(inv, jobArgument, runShow),
	}
}

func runShow(ctx context.Context, inv *invocation, id uuid.UUID) error {
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		status, err := s.jobs.Status(ctx, id)
		if err != nil {
			return err
		}
		// The row has what a status does not tell: the input and the key.
		job, err := s.jobs.Job(ctx, id)
		if err != nil {
			return err
		}
		return s.out.result(status, func() error { return s.printShow(ctx, status, job) })
	})
}

// printShow prints a job for people.
func (s *session) printShow(ctx context.Context, j *model.JobView, job *model.Job) error {
	sheet := &sheet{}
	s.describe(sheet, j, job)
	s.times(sheet, j)
	if err := s.out.printf("%s", sheet); err != nil {
		return err
	}
	if err := s.printSteps(j); err != nil {
		return err
	}
	if err := s.printFamily(ctx, j); err != nil {
		return err
	}
	for _, hint := range s.hints(j, s.goOn(ctx, j), s.foreign(j)) {
		if err := s.out.printf("\n%s\n", hint); err != nil {
			return err
		}
	}
	return nil
}

const shownJSON = 100 // characters of a JSON value that are shown

func (s *session) describe(sheet *sheet, j *model.JobView, job *model.Job) {
	sheet.add("Job", j.ID.String())
	sheet.add("Type", j.Type)
	sheet.add("Name", j.Name)
	sheet.add("Role", j.Role)
	sheet.add("Email", j.Email)
	sheet.add("File", j.UploadedFileURL)
	if job.IdempotencyKey != nil {
		sheet.add("Key", *job.IdempotencyKey)
	}
	sheet.add("Status", state(j))
	if j.ParentID != nil {
		sheet.add("Parent", j.ParentID.String())
	}
	sheet.add("Waits", strings.TrimPrefix(s.out.waiting(j), "waits "))
	for _, signal := range j.Signals {
		sheet.add("Signal", s.unused(j, signal))
	}
	sheet.add("Progress", progressOf(j))
	sheet.add("Step", j.CurrentStep)
	sheet.add("Message", j.Message)
	sheet.addLines("Error", j.Error)
	if j.CancelRequested {
		sheet.add("Cancelled", s.cancellation(j))
	}
	sheet.add("Elapsed", elapsed(j))
	sheet.add("Attempt", fmt.Sprint(j.Attempt))
	if j.Resumptions > 0 {
		sheet.add("Resumptions", fmt.Sprint(j.Resumptions))
	}
	if j.Crashes > 0 {
		sheet.add("Crashes", fmt.Sprint(j.Crashes))
	}
	if j.PlanChanged {
		sheet.add("Plan", "the definition has changed since the job began")
	}
	sheet.add("History", history(j))
	if data, err := model.ParseData(job.Data); err == nil {
		sheet.add("Input", shortJSON(data.Input, shownJSON))
	}
	sheet.add("Checkpoint", shortJSON(j.Checkpoints, shownJSON))
	sheet.add("Result", shortJSON(j.Result, shownJSON))
}

// cancellation tells who asked for a job to be cancelled, when and why.
func (s *session) cancellation(j *model.JobView) string {
	text := s.out.when(j.CancelRequestedAt)
	if j.CancelledBy != "" {
		text += " by " + j.CancelledBy
	}
	if j.CancelReason != "" {
		text += ": " + j.CancelReason
	}
	return text
}

// history tells how many records were replaced, of which steps, and where they
// are.
func history(j *model.JobView) string {
	if len(j.History)+j.HistoryDropped == 0 {
		return ""
	}
	text := fmt.Sprintf("%d earlier records of steps, with -o json", len(j.History))
	var names []string
	for _, record := range j.History {
		if name := clean(record.Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		text += ": " + shorten(strings.Join(names, ", "), 60)
	}
	if j.HistoryDropped > 0 {
		text += fmt.Sprintf("; %d older ones were dropped for room", j.HistoryDropped)
	}
	return text
}

// remainingSource tells what the time that is left was estimated by.
var remainingSource = map[string]string{
	string(progress.SourceHistory):  ", as its last jobs took",
	string(progress.SourceObserved): ", at this run's speed",
	string(progress.SourceReported): ", as its step says",
}

// elapsed tells how long the latest run took or takes, and may still take.
func elapsed(j *model.JobView) string {
	switch {
	case j.Elapsed == "":
		return ""
	case j.Remaining != "":
		return j.Elapsed + ", about " + j.Remaining + " left" + remainingSource[j.RemainingSource]
	default:
		return j.Elapsed
	}
}

func (s *session) times(sheet *sheet, j *model.JobView) {
	for _, t := range []struct {
		label string
		time  model.Time
	}{
		{"Created", j.CreatedAt}, {"Due", j.ScheduledAt}, {"Started", j.StartedAt}, {"Finished", j.FinishedAt},
		{"Progressed", j.ProgressedAt}, {"Heartbeat", j.HeartbeatAt}, {"Updated", j.UpdatedAt}, {"Deleted", j.DeletedAt},
	} {
		if t.label == "Due" {
			sheet.add(t.label, s.out.due(j))
		} else if !t.time.IsZero() {
			sheet.add(t.label, s.out.when(t.time))
		}
	}
	if j.Owner != "" {
		sheet.add("Engine", j.Owner)
		sheet.add("Lease ends", s.out.when(j.LockedUntil))
	}
}

func (s *session) printSteps(j *model.JobView) error {
	if len(j.Steps) == 0 {
		return nil
	}
	header := table.Row{"#", "STEP", "STATUS", "WEIGHT", "ATTEMPTS", "TOOK", "FINISHED", "OUTPUT OR ERROR"}
	grouped := slices.ContainsFunc(j.Steps, func(step model.StepView) bool { return step.Group != "" })
	if grouped {
		header = slices.Insert(header, 2, any("GROUP"))
	}
	var notes []string
	rows := make([]table.Row, len(j.Steps))
	for i, step := range j.Steps {
		product := shortJSON(step.Output, 60)
		if step.Error != "" {
			product = shorten(firstLine(step.Error), 60)
		}
		rows[i] = table.Row{i + 1, clean(step.Name), step.Status, step.Weight, step.Attempts, dash(step.Duration), s.out.when(step.FinishedAt), product}
		if grouped {
			rows[i] = slices.Insert(rows[i], 2, any(dash(clean(step.Group))))
		}
		notes = append(notes, s.stepNotes(j, step)...)
	}
	if err := s.out.printf("\n"); err != nil {
		return err
	}
	if err := s.out.table(header, rows); err != nil {
		return err
	}
	for _, note := range notes {
		if err := s.out.printf("%s\n", note); err != nil {
			return err
		}
	}
	return nil
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// sheet is a list of labels and values.
type sheet struct{ strings.Builder }

// add adds a value on one line, unless it is empty.
func (s *sheet) add(label, value string) {
	if value != "" {
		fmt.Fprintf(s, "%-11s %s\n", label, clean(value))
	}
}

// addLines adds a value that may have several lines, unless it is empty.
func (s *sheet) addLines(label, value string) {
	for i, line := range strings.Split(cleanLines(value), "\n") {
		switch {
		case i == 0:
			s.add(label, line)
		case line != "":
			fmt.Fprintf(s, "%-11s %s\n", "", line)
		}
	}
}
