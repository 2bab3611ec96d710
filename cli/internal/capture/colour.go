package capture

import "regexp"

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Uncoloured returns a line as it stands on a screen.
func Uncoloured(line string) string { return colours.ReplaceAllString(line, "") }
