package migrations

import "github.com/ntxdev/jobsystem/model"

// Option changes what the functions of this package work on.
type Option func(*settings)

type settings struct{ prefix string }

// TablePrefix is what the names of the tables begin with, so that several job systems
// fit into one database: "crm_" for crm_job_system_jobs, crm_job_type_lock and
// crm_job_system_migrations. At most 20 lower-case letters, digits and underscores, no
// digit first. Give engine.Config the same one. By default there is none.
func TablePrefix(prefix string) Option { return func(s *settings) { s.prefix = prefix } }

// tablesOf returns the tables that the options name.
func tablesOf(opts []Option) (model.Tables, error) {
	var s settings
	for _, opt := range opts {
		opt(&s)
	}
	return model.TablesWithPrefix(s.prefix)
}
