package dsn

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const mask = "xxxxx"

// Redact returns text fit for a log or a screen: the same address with the
// password, and every parameter that looks like a secret, replaced by xxxxx.
// Text that Open would not accept is not shown at all, only what kind of
// database it seems to be meant for: where it is not known which part of it is
// the password, showing any of it would be a guess.
func Redact(text string) string {
	a, err := parse(text)
	if err != nil {
		for _, scheme := range []string{"sqlite", "postgres", "postgresql", "mysql", "mariadb"} {
			if strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), scheme+"://") {
				return scheme + "://(malformed, not shown)"
			}
		}
		return "(malformed, not shown)"
	}
	if a.kind == sqliteFile {
		return strings.TrimSpace(text)
	}
	return a.url(func(p param) string {
		if p.secret() {
			return mask
		}
		return p.value
	}, mask)
}

// HasSecret reports whether Redact hides something of text: a password, a
// parameter that looks like a secret, or all of a text that Open would not
// accept.
func HasSecret(text string) bool {
	a, err := parse(text)
	return err != nil || a.hasPassword || slices.ContainsFunc(a.params, param.secret)
}

// WithDatabase returns the same address with another database on the same
// server: for tools and tests that create databases. The text it returns holds
// the password. On SQLite, which has no databases beside each other, it is an error.
func WithDatabase(text, database string) (string, error) {
	a, err := parse(text)
	if err != nil {
		return "", err
	}
	if a.kind == sqliteFile {
		return "", malformed("SQLite has one database per file: name another file instead")
	}
	a.database = database
	return a.url(func(p param) string { return p.value }, a.password), nil
}

// url writes a server's address again, every part percent-encoded.
func (a *address) url(value func(param) string, password string) string {
	var b strings.Builder
	b.WriteString(a.scheme + "://")
	if a.user != "" || a.hasPassword {
		b.WriteString(escape(a.user))
		if a.hasPassword {
			b.WriteString(":" + escape(password))
		}
		b.WriteByte('@')
	}
	b.WriteString(a.hostList())
	b.WriteString("/" + escape(a.database))
	separator := "?"
	for _, p := range a.params {
		b.WriteString(separator + p.key + "=" + escape(value(p)))
		separator = "&"
	}
	if a.socket != "" {
		b.WriteString(separator + "socket=" + escape(a.socket))
	}
	return b.String()
}

func (a *address) hostList() string {
	list := make([]string, len(a.hosts))
	for i, h := range a.hosts {
		list[i] = h.name
		if h.port != "" {
			list[i] += ":" + h.port
		}
	}
	return strings.Join(list, ",")
}

// escape encodes everything that has a meaning in some part of a URL; a slash
// in a parameter's value has none, and paths read better with it.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// File returns the DSN of a SQLite file, whatever characters its path has but
// NUL, which no file's has.
func File(path string) string {
	if path == memory {
		path = "./" + path // a file of that name, and not a database without one
	}
	var b strings.Builder
	b.WriteString("sqlite://")
	for i, r := range path {
		one := path[i:]
		if _, size := utf8.DecodeRuneInString(one); size > 0 {
			one = one[:size]
		}
		if r > unicode.MaxASCII && !unicode.IsSpace(r) || r > ' ' && r < 0x7f && !strings.ContainsRune("%?#@=", r) {
			b.WriteString(one)
			continue
		}
		for k := range len(one) {
			fmt.Fprintf(&b, "%%%02X", one[k])
		}
	}
	return b.String()
}
