package testdb

// ServerOption has a server of a test's own be otherwise than usual.
type ServerOption func(*serverOptions)

type serverOptions struct {
	named       [][2]string
	environment []string
	disk        string
}

// ServerSetting gives the server a setting by its own name, in place of what
// the tests' servers have: max_connections, say.
func ServerSetting(name, value string) ServerOption {
	return func(o *serverOptions) { o.named = append(o.named, [2]string{name, value}) }
}

// ServerEnvironment gives the server's process variables, each NAME=value.
func ServerEnvironment(variables ...string) ServerOption {
	return func(o *serverOptions) { o.environment = append(o.environment, variables...) }
}

// ServerDisk puts the server's data onto a disk: see Disk.
func ServerDisk(disk string) ServerOption {
	return func(o *serverOptions) { o.disk = disk }
}
