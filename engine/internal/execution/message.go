package execution

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// message is what people read about a run: a text, or what is to be formatted when
// somebody wants to see it.
type message struct {
	text   string
	format string // empty where the text stands
	args   []any
}

// plain is a message that needs no formatting.
func plain(text string) message { return message{text: text} }

// say replaces the message, unless the new one turns out to be empty. The arguments
// are such that never change: see immutable.
func (m *message) say(format string, args []any) {
	clear(m.args)
	m.format, m.args = format, append(m.args[:0], args...)
}

// show is the message, cut to that many characters.
func (m *message) show(limit int) string {
	if m.format != "" {
		if text := fmt.Sprintf(m.format, m.args...); text != "" {
			m.text = model.CutText(text, limit)
		}
		m.format = ""
		clear(m.args)
	}
	return m.text
}

// immutable reports whether arguments can be formatted later as well as now: they
// never change, and no code of the host's is called for that.
func immutable(args []any) bool {
	for _, arg := range args {
		switch arg.(type) {
		case string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, time.Duration, time.Time:
		default:
			return false
		}
	}
	return true
}
