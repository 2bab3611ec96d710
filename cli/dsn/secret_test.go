package dsn_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// It is not parallel: the environment is the process's.
func TestNoSecretOfAParameterOrOfTheEnvironmentIsShown(t *testing.T) {
	dir := t.TempDir()
	services, passwords, key := filepath.Join(dir, "services"), filepath.Join(dir, "passwords"), filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(services, []byte("[shop]\nhost=127.0.0.1\nport=1\nuser=u\npassword=s3cr3t\n"), 0o600))
	require.NoError(t, os.WriteFile(passwords, []byte("127.0.0.1:1:*:*:s3cr3t\n"), 0o600))
	require.NoError(t, os.WriteFile(key, []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\ns3cr3t\n-----END RSA PRIVATE KEY-----\n"), 0o600))
	t.Setenv("PGPASSWORD", "s3cr3t")
	for _, text := range []string{
		"postgres://u@127.0.0.1:1/db",
		"postgres://u:s3cr3t@127.0.0.1:1,127.0.0.1:2/db?sslmode=require",
		"postgres://u@127.0.0.1:1/db?password=s3cr3t",
		"postgres://u@127.0.0.1:1/db?PASSWORD=s3cr3t",
		"postgres://u@127.0.0.1:1/db?pass%77ord=s3cr3t",
		"postgres://u@127.0.0.1:1/db?password=s3cr3t&password=s3cr3t",
		"postgres://u@127.0.0.1:1/db?sslpassword=s3cr3t&sslcert=" + key + "&sslkey=" + key,
		"postgres://u@127.0.0.1:1/db?options=-c%20app.token%3Ds3cr3t",
		"postgres://u@127.0.0.1:1/db?service=shop&servicefile=" + services,
		"postgres://u@127.0.0.1:1/db?passfile=" + passwords,
		"postgres://u:s3cr3t@127.0.0.1:1/db?sslmode=wrong",
		"postgres://u:s3cr3t@127.0.0.1:1/db?target_session_attrs=wrong",
		"mysql://u:s3cr3t@127.0.0.1:1/db?password=s3cr3t",
		"mysql://u:s3cr3t@127.0.0.1:1/db?tls=wrong",
		"mysql://u:s3cr3t@127.0.0.1:1/db?connectionAttributes=token:s3cr3t",
		"mysql://u:s3cr3t@127.0.0.1:1/db?parseTime=wrong",
		"mysql://u:s3cr3t@unix(" + dir + "/none)/db",
		"mysql://u:s3cr3t@tcp(127.0.0.1:1)/db?timeout=wrong",
	} {
		_, err := dsn.Open(t.Context(), text)
		require.Error(t, err, text)
		shown := dsn.Redact(text) + err.Error() + fmt.Sprintf("%+v %#v", err, err)
		if listener, err := dsn.NewListener(text); err == nil && listener != nil {
			err := listener.Listen(t.Context(), "c", func() {}, func(string) {})
			shown += err.Error() + fmt.Sprintf("%+v", err)
		}
		assert.NotContains(t, shown, "s3cr3t", text)
	}
}
