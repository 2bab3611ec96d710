package dsn_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

func TestAListenerThatCannotConnectKeepsThePasswordToItself(t *testing.T) {
	t.Parallel()
	l, err := dsn.NewListener("postgres://ann:S3CRET@127.0.0.1:1/app")
	require.NoError(t, err)
	err = l.Listen(t.Context(), "channel", func() { t.Error("not ready") }, func(string) { t.Error("no news") })
	require.ErrorIs(t, err, dsn.ErrUnreachable)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", err, err), "S3CRET")
	_, err = dsn.NewListener("postgres://ann:S3CRET@127.0.0.1:port/app")
	require.ErrorIs(t, err, dsn.ErrMalformed)
	assert.NotContains(t, err.Error(), "S3CRET")
}
