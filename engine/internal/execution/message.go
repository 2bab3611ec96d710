package execution

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// message is a run's progress message: a text, or a format with arguments that is formatted
// when the message is written.
type message struct {
	text   string
	format string // empty if text is the message
	args   []any
}

// textMessage returns a message that needs no formatting.
func textMessage(text string) message { return message{text: text} }

// set replaces the message, unless the new one is empty when it is formatted. The arguments
// must be immutable: see that function.
func (m *message) set(format string, args []any) {
	clear(m.args)
	m.format, m.args = format, append(m.args[:0], args...)
}

// render returns the message as text, cut to that many characters.
func (m *message) render(limit int) string {
	if m.format != "" {
		if text := fmt.Sprintf(m.format, m.args...); text != "" {
			m.text = model.CutText(text, limit)
		}
		m.format = ""
		clear(m.args)
	}
	return m.text
}

// immutable reports whether arguments can be formatted later with the same result: they
// cannot change, and formatting them calls no code of the host.
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
