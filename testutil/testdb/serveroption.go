package testdb

// ServerOption is an option of [StartServer].
type ServerOption func(*serverOptions)

type serverOptions struct {
	named       [][2]string
	environment []string
	disk        string
}

// ServerSetting sets a setting of the server by its own name, in place of the tests'
// default: max_connections, for example.
func ServerSetting(name, value string) ServerOption {
	return func(o *serverOptions) { o.named = append(o.named, [2]string{name, value}) }
}

// ServerEnvironment sets variables of the server's process, each NAME=value.
func ServerEnvironment(variables ...string) ServerOption {
	return func(o *serverOptions) { o.environment = append(o.environment, variables...) }
}

// ServerDisk puts the server's data onto a disk: see Disk.
func ServerDisk(disk string) ServerOption {
	return func(o *serverOptions) { o.disk = disk }
}
