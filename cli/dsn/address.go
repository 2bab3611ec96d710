package dsn

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type kind int

const (
	sqliteFile kind = iota
	postgresServer
	mysqlServer // MariaDB too: the driver and the dialect are the same
)

// memory is SQLite's own name for a database without a file.
const memory = ":memory:"

// address is a DSN taken apart. Parsing is our own, not net/url's: that one
// quotes the text in its errors, accepts passwords cut in two by a '/' or '?',
// and knows neither several hosts nor unix(...).
type address struct {
	kind   kind
	scheme string // as it was written, in lower case; empty for a bare path

	path string // of the SQLite file, or memory

	user        string
	password    string
	hasPassword bool
	hosts       []host
	socket      string // MySQL's unix socket, instead of hosts
	database    string
	params      []param // in the order written
}

type host struct{ name, port string } // both as written; either may be empty

type param struct{ key, value string }

// secret reports whether a parameter looks like a secret, or like settings with
// one among them: options=-c app.token=…, connectionAttributes=token:… .
func (p param) secret() bool { return isSecret(p.key) || isSecret(p.value) }

func (a *address) has(key string) bool {
	return slices.ContainsFunc(a.params, func(p param) bool { return p.key == key })
}

// remove removes a parameter and returns its value.
func (a *address) remove(key string) (string, bool) {
	for i, p := range a.params {
		if p.key == key {
			a.params = append(a.params[:i:i], a.params[i+1:]...)
			return p.value, true
		}
	}
	return "", false
}

var (
	schemePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+$`)
	paramPattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)
	// A name, an IPv4 address, an IPv6 address in brackets, or a folder with
	// PostgreSQL's socket written %2Fpath.
	hostPattern = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*|%2[Ff][A-Za-z0-9._%-]*)(?::([0-9]*))?$`)
	// The Go driver's own way of writing an address, which golang-migrate and
	// others put into URLs.
	netPattern = regexp.MustCompile(`^(?:([^/?#]*)@)?(tcp|unix)\(([^()]*)\)(.*)$`)
	// What is no name of a file, but what an address of a server looks like
	// when it is written as for another tool: user:password@tcp(host)/db, or
	// host=... password=... .
	serverLike = regexp.MustCompile(`:.*@|=`)
)

// parse takes text apart and connects to nothing. Its errors quote nothing of
// the text but the scheme and the names of parameters.
func parse(text string) (*address, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, malformed("it is empty; %s", forms)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, malformed("it holds a control character; %s", forms)
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found || !schemePattern.MatchString(scheme) {
		return parseBare(text)
	}
	scheme = strings.ToLower(scheme)
	switch scheme {
	case "sqlite":
		return parseSQLite(rest)
	case "postgres", "postgresql":
		return parseServer(postgresServer, scheme, rest)
	case "mysql", "mariadb":
		return parseServer(mysqlServer, scheme, rest)
	}
	return nil, malformed("%s:// is not a database this product knows; %s", scheme, forms)
}

func parseBare(text string) (*address, error) {
	first, _, colon := strings.Cut(text, ":")
	hasScheme := colon && schemePattern.MatchString(first) // postgres:x, file:x
	if text != memory && (hasScheme || serverLike.MatchString(text)) {
		return nil, malformed("it is neither a URL nor a plain file path; %s", forms)
	}
	return &address{kind: sqliteFile, path: text}, nil
}

func parseSQLite(rest string) (*address, error) {
	if rest == memory {
		return &address{kind: sqliteFile, scheme: "sqlite", path: memory}, nil
	}
	if strings.ContainsAny(rest, "?#") {
		return nil, malformed("sqlite:// takes no parameters: the settings that matter are made here; write ? and # in a file name as %%3F and %%23")
	}
	if serverLike.MatchString(rest) {
		return nil, malformed("sqlite:// takes a file path, not a user or key=value settings; write @ and = in a file name as %%40 and %%3D")
	}
	path, err := unescape(rest, "path")
	if err != nil {
		return nil, err
	}
	if path == "" {
		return nil, malformed("sqlite:// names no file; write sqlite://jobs.db, or sqlite://:memory: for a database in memory")
	}
	return &address{kind: sqliteFile, scheme: "sqlite", path: path}, nil
}

func parseServer(kind kind, scheme, rest string) (*address, error) {
	a := &address{kind: kind, scheme: scheme}
	var tail string
	var err error
	if m := netPattern.FindStringSubmatch(rest); m != nil && kind == mysqlServer {
		err = a.parseNet(m[1], m[2], m[3])
		tail = m[4]
	} else {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		err = a.parseAuthority(rest[:end])
		tail = rest[end:]
	}
	if err != nil {
		return nil, err
	}
	if err := a.parseTail(tail); err != nil {
		return nil, err
	}
	if err := a.arrange(); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *address) parseNet(userinfo, network, at string) error {
	if err := a.parseUser(userinfo); err != nil {
		return err
	}
	if network == "tcp" {
		return a.parseHosts(at)
	}
	if at == "" {
		return malformed("unix() names no socket; write unix(/path/to/socket)")
	}
	a.socket = at
	return nil
}

func (a *address) parseAuthority(text string) error {
	// The last @ ends the user's part: an @ in a password, not encoded as it
	// should be, then still belongs to the password.
	userinfo, hosts := "", text
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		userinfo, hosts = text[:at], text[at+1:]
	}
	if err := a.parseUser(userinfo); err != nil {
		return err
	}
	return a.parseHosts(hosts)
}

func (a *address) parseUser(text string) error {
	user, password, hasPassword := strings.Cut(text, ":")
	var err error
	if a.user, err = unescape(user, "user name"); err != nil {
		return err
	}
	if a.password, err = unescape(password, "password"); err != nil {
		return err
	}
	a.hasPassword = hasPassword
	return nil
}

const encodeAdvice = "special characters in a user name or password must be percent-encoded (@ is %40, / is %2F, # is %23, ? is %3F, : is %3A, % is %25)"

func (a *address) parseHosts(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		m := hostPattern.FindStringSubmatch(one)
		if m == nil {
			return malformed("the host or port cannot be read; write host:port, and %s", encodeAdvice)
		}
		if m[2] != "" {
			if n, err := strconv.Atoi(m[2]); err != nil || n < 1 || n > 65535 {
				return malformed("the port is not a number from 1 to 65535")
			}
		}
		if _, err := unescape(m[1], "host"); err != nil {
			return err
		}
		a.hosts = append(a.hosts, host{name: m[1], port: m[2]})
	}
	return nil
}

// parseTail reads /database?key=value&... .
func (a *address) parseTail(text string) error {
	// A bare @ or # out here is the rest of a password that was not encoded:
	// what stands before it would be taken for a host, and shown.
	if strings.ContainsAny(text, "@#") {
		return malformed("there is an @ or # after the host; %s, and so must @ and # anywhere else", encodeAdvice)
	}
	path, query, _ := strings.Cut(text, "?")
	path = strings.TrimPrefix(path, "/")
	if strings.Contains(path, "/") {
		return malformed("the database name has a / in it; %s", encodeAdvice)
	}
	var err error
	if a.database, err = unescape(path, "database name"); err != nil {
		return err
	}
	if query == "" {
		return nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		if err := a.parseParam(pair); err != nil {
			return err
		}
	}
	return nil
}

func (a *address) parseParam(pair string) error {
	key, value, found := strings.Cut(pair, "=")
	if !found || !paramPattern.MatchString(key) {
		return malformed("a parameter cannot be read; write ?name=value&name=value, with & in a value as %%26")
	}
	if a.has(key) {
		return malformed("the parameter %s is given twice", key)
	}
	value, err := unescape(value, "parameter "+key)
	if err != nil {
		return err
	}
	a.params = append(a.params, param{key, value})
	return nil
}

// arrange moves parameters that are really parts of the address to their place,
// and returns an error for what would send a secret to a wrong place: the MySQL
// driver turns an unknown parameter into SET name=value, so ?password=x would
// change the user's password.
func (a *address) arrange() error {
	if a.kind == postgresServer {
		if password, ok := a.remove("password"); ok {
			a.password, a.hasPassword = password, true
		}
	}
	for _, p := range a.params {
		if isSecret(p.key) && !(a.kind == postgresServer && (p.key == "sslpassword" || p.key == "passfile")) {
			return malformed("the parameter %s is not known; write the password before the host: %s://user:password@host/database", p.key, a.scheme)
		}
	}
	if a.kind == postgresServer {
		return nil
	}
	if socket, ok := a.remove("socket"); ok {
		if a.socket != "" || socket == "" {
			return malformed("the parameter socket must name one unix socket, and only once")
		}
		a.socket = socket
	}
	if len(a.hosts) > 1 {
		return malformed("a %s:// address names one host, not several", a.scheme)
	}
	if a.database == "" {
		return malformed("it names no database; write %s://user:password@host/database", a.scheme)
	}
	return nil
}

func isSecret(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"pass", "pwd", "secret", "token", "credential"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// unescape decodes %41, and nothing else: a + is a +, as in libpq, which is
// also what time_zone=+00:00 means.
func unescape(text, what string) (string, error) {
	plain, err := url.PathUnescape(text)
	if err != nil {
		return "", malformed("the %s has a %% that is not followed by two hexadecimal digits; write a plain %% as %%25", what)
	}
	if strings.IndexByte(plain, 0) >= 0 {
		return "", malformed("the %s holds a NUL", what)
	}
	return plain, nil
}
