package capture

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Patience is how long a test waits for what must happen.
const Patience = 60 * time.Second

// Stream is a writer that can be waited on for a text.
type Stream struct {
	t    testing.TB
	mu   sync.Mutex
	text bytes.Buffer
	done bool          // nothing more comes
	more chan struct{} // closed at the next write or the end
}

// NewStream returns an empty stream for that test.
func NewStream(t testing.TB) *Stream { return &Stream{t: t, more: make(chan struct{})} }

// Write keeps what is written.
func (s *Stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.text.Write(b)
}

// End says that nothing more comes.
func (s *Stream) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	close(s.more)
	s.more = make(chan struct{})
}

// String returns what has been written.
func (s *Stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// WaitFor returns when the text has been written. The test fails if it does not
// come.
func (s *Stream) WaitFor(text string) {
	s.t.Helper()
	s.wait("the text "+text, func() bool {
		found := strings.Contains(s.text.String(), text)
		require.True(s.t, found || !s.done, "%q was not written, only\n%s", text, &s.text)
		return found
	})
}

// WaitForEnd returns when nothing more comes.
func (s *Stream) WaitForEnd() {
	s.t.Helper()
	s.wait("the end", func() bool { return s.done })
}

// wait returns when the condition holds, which is asked for with the lock held.
func (s *Stream) wait(what string, holds func() bool) {
	s.t.Helper()
	late := time.After(Patience)
	for {
		holding, more := s.check(holds)
		if holding {
			return
		}
		select {
		case <-more:
		case <-late:
			require.Fail(s.t, what+" does not come", "%s", s)
		}
	}
}

func (s *Stream) check(holds func() bool) (holding bool, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return holds(), s.more
}
