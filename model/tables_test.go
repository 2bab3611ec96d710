package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

func TestTablesWithAPrefixAreNamedInATextAndNothingElseIs(t *testing.T) {
	t.Parallel()
	tables, err := model.TablesWithPrefix("crm_")
	require.NoError(t, err)
	for text, want := range map[string]string{
		"UPDATE job_system_jobs AS j":                          "UPDATE crm_job_system_jobs AS j",
		"FORCE INDEX (job_system_jobs_claim), 'job_type_lock'": "FORCE INDEX (crm_job_system_jobs_claim), 'crm_job_type_lock'",
		"l.job_id, my_job_system_jobs, job_types":              "l.job_id, my_job_system_jobs, job_types",
	} {
		assert.Equal(t, want, tables.In(text))
		assert.Equal(t, want, tables.In(want), "once is enough")
		assert.Equal(t, text, model.Tables{}.In(text))
	}
	assert.Equal(t, "job_system_jobs", tables.Usual("crm_job_system_jobs"))
	assert.Equal(t, "crm_", tables.Prefix())
}
