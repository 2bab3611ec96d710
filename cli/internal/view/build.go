package view

// Build is what is known of how a binary was made.
type Build struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Jobsystem string `json:"jobsystem,omitempty"` // this module's version, in a host's binary
	Go        string `json:"go"`
	Platform  string `json:"platform"`
	Revision  string `json:"revision,omitempty"`
	Time      string `json:"time,omitempty"` // of the revision
	Modified  bool   `json:"modified"`       // built from changed files
}

// String returns the build for people, a line for each thing that is known.
func (b Build) String() string {
	sheet := &sheet{}
	sheet.add(b.Name, b.Version)
	sheet.add("jobsystem", b.Jobsystem)
	sheet.add("go", b.Go+" "+b.Platform)
	revision := b.Revision
	if b.Modified {
		revision += ", with changes"
	}
	sheet.add("revision", revision)
	sheet.add("of", b.Time)
	return sheet.String()
}
