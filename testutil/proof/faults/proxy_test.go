package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// newProxy makes a proxy before a server, and returns the database's address through it.
func newProxy(t *testing.T, text, listen string) (*toxiproxy.Proxy, string) {
	t.Helper()
	at, err := url.Parse(text)
	require.NoError(t, err)
	zerolog.SetGlobalLevel(zerolog.Disabled) // the toxics log by themselves
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "database", listen, at.Host)
	require.NoError(t, proxy.Start())
	t.Cleanup(proxy.Stop)
	at.Host = proxy.Listen
	return proxy, at.String()
}

// What happens to connections, and how long it lasts; in the words of toxiproxy.
var connectionFaults = []struct {
	name, toxic string
	lasts       time.Duration
}{
	{"reset", `{"type": "reset_peer", "stream": "upstream"}`, lease / 2},
	{"cut in the middle of statements", `{"type": "limit_data", "stream": "upstream", "attributes": {"bytes": %d}}`, lease},
	{"cut in the middle of answers", `{"type": "limit_data", "stream": "downstream", "attributes": {"bytes": %d}}`, lease},
	{"stalled on the way there", `{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`, lease * 3 / 2},
	{"stalled on the way back", `{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`, lease * 3 / 2},
	{"half of them stalled", `{"type": "timeout", "stream": "downstream", "toxicity": 0.5, "attributes": {"timeout": 0}}`, lease * 3},
	{"slow to answer", `{"type": "latency", "stream": "downstream", "attributes": {"latency": 200, "jitter": 100}}`, lease * 3 / 2},
	{"narrow", `{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 20}}`, lease * 3 / 2},
}

// The connections of one worker, also that of its listener, are reset, cut, stalled and
// slowed. The other worker's are not.
func TestConnectionsAreCutStalledAndSlowed(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		text := testdb.DSN(t, kind)
		s := newScene(t, text)
		proxy, through := newProxy(t, text, "127.0.0.1:0")
		s.workAt(through)
		s.work(1)
		for range (*times + 2) / 3 {
			for _, f := range connectionFaults {
				s.fault(func() {
					s.keepBusy(s.workers[0])
					toxic := f.toxic
					if strings.Contains(toxic, "%d") {
						toxic = fmt.Sprintf(toxic, 200+rand.N(4000))
					}
					_, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
					require.NoError(t, err)
					last(t, f.lasts)
					proxy.Toxics.ResetToxics(context.WithoutCancel(t.Context()))
				})
				t.Logf("connections %s: %d runs have lost their lease until now", f.name, s.lost())
			}
		}
		s.end(fmt.Sprintf("connections reset, cut, stalled, slowed (%d ways)", len(connectionFaults)))
	})
}

// One of the two workers gets no connection for longer than a lease: it is rejected.
func TestConnectionsAreRejected(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		text := testdb.DSN(t, kind)
		s := newScene(t, text)
		proxy, through := newProxy(t, text, "127.0.0.1:0")
		s.workAt(through)
		s.work(1)
		for range *times {
			s.fault(func() {
				s.keepBusy(s.workers[0])
				proxy.Stop()
				s.awaitTakeover(s.workers[0])
				require.NoError(t, proxy.Start())
			})
		}
		s.end("connections rejected until the lease had expired")
	})
}
