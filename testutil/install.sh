#!/bin/sh
# Installs what the tests start: the programs of PostgreSQL and MariaDB, what sets
# their clocks and cuts networks, and SQLite's command.
# Debian and its relatives only; elsewhere it says what to install. Does nothing
# where all is there, or where the server to use is named by its variable.
set -eu

PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin:/usr/libexec

has_postgres() {
	[ -n "${JOBSYSTEM_TEST_POSTGRES_DSN:-}" ] || command -v postgres >/dev/null ||
		ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1
}

has_mariadb() {
	[ -n "${JOBSYSTEM_TEST_MYSQL_DSN:-}" ] ||
		{ command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; }
}

has_faketime() { ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1; }

has_sqlite3() { command -v sqlite3 >/dev/null; }

has_ip() { command -v ip >/dev/null; }

packages=
has_postgres || packages="$packages postgresql"
has_mariadb || packages="$packages mariadb-server"
has_faketime || packages="$packages faketime"
has_sqlite3 || packages="$packages sqlite3"
has_ip || packages="$packages iproute2"
[ -n "$packages" ] || exit 0

fail() {
	echo "testutil/install.sh: $1" >&2
	echo "Or name servers to use, in JOBSYSTEM_TEST_POSTGRES_DSN and JOBSYSTEM_TEST_MYSQL_DSN." >&2
	exit 1
}

command -v apt-get >/dev/null ||
	fail "missing:$packages. This is not Debian: install them with your system's own tools (the server programs must be in the PATH; they need not run)."

if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		exec sudo -n sh "$0"
	fi
	fail "missing:$packages. Installing needs root: run 'sudo apt-get install$packages'."
fi

# Installing these packages starts a service of each on its usual port, unless
# this file says no. The tests start servers of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi

echo "testutil/install.sh: installing$packages" >&2
export DEBIAN_FRONTEND=noninteractive
# A list that cannot be brought up to date may still do.
apt-get -qq -o DPkg::Lock::Timeout=300 update || true
# shellcheck disable=SC2086 # several words on purpose
apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $packages >&2

has_postgres || fail "postgresql is installed, but /usr/lib/postgresql/*/bin/postgres is not there."
has_mariadb || fail "mariadb-server is installed, but mariadbd or mariadb-install-db is not in the PATH."
has_faketime || fail "faketime is installed, but /usr/lib/*/faketime/libfaketimeMT.so.1 is not there."
has_sqlite3 || fail "sqlite3 is installed, but not in the PATH."
has_ip || fail "iproute2 is installed, but ip is not in the PATH."
