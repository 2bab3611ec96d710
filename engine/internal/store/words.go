package store

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// words are the names that stand in braces in the text of a statement, with the
// SQL that takes their place. A name may have an argument, as in {json v.document}:
// the SQL has @ where that goes. The SQL may have words itself.
//
// These are known on every database:
//
//	{now}                the time of this moment, by the database's clock
//	{later}              {micros} microseconds after that
//	{json x}             the JSON text x as a column of documents holds it
//	{time n}             n microseconds since the Unix epoch as a column of times holds it
//	{length x}           the number of elements of the array x; 0 or NULL if x is anything else
//	{claim_index}        follows the jobs table j, and
//	{claim_order}        is the order, in a search for the first scheduled job of a type
//	                     and a priority: together they make it one step in the claim's index
//	{priorities}         a table of all priorities
//	{head l}             the rest of SELECT for the head of a priority: the first scheduled job
//	                     of the type of the row l and the priority of the row p
//	{immediate}          the priority that goes before all others
//	{priority_worth}     what a step of priority counts, in microseconds of waiting
//	{history_index}      follows the jobs table j, and
//	{history_order}      is the order, in a search for the last succeeded jobs of a type:
//	                     together they make it a few steps in an index
//	{has_key j}          the idempotency key of the job j is ?, and binds
//	{skip_locked}        locks the rows of a SELECT, and leaves out those that are locked
//	{see_newest}         makes a SELECT see rows that were committed after its transaction began
//	{job_columns j}      the columns of [model.Job], of the table j
//	{returned_columns}   the same, for RETURNING without a table's name
//	{insert_columns}     the columns that an insert writes
//	{decision_known}     the part of the fence for a write v that ends a job j: see decisionKnown
//	{start}              the assignments that move a job j to processing
//	{except}             leaves jobs out of a search for the first scheduled one of a type; often nothing
type words map[string]string

var inBraces = regexp.MustCompile(`\{(\w+)(?: ([^{}]+))?\}`)

// put returns text with the known words replaced.
func (w words) put(text string) string {
	return inBraces.ReplaceAllStringFunc(text, func(found string) string {
		match := inBraces.FindStringSubmatch(found)
		sql, known := w[match[1]]
		if !known {
			return found
		}
		return w.put(strings.ReplaceAll(sql, "@", match[2]))
	})
}

// and returns the words and more of them.
func (w words) and(more words) words {
	all := maps.Clone(w)
	maps.Copy(all, more)
	return all
}

// micros returns a duration in microseconds.
func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

// oneLine joins the lines of a text, without the space around them, for the
// server's logs and statistics.
func oneLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, " ")
}
