# make test   everything, on SQLite, PostgreSQL and MariaDB, with the race detector
# make lint   formatting, vet and the linters
# make vuln   known vulnerabilities in what is used
# make proof  that nothing is lost or doubled: a sample of processes that die, two
#             minutes of a soak, and faults of servers and networks (5 min in all);
#             -every and -kills are for more
# make soak   an hour of work with faults: nothing is lost, and nothing grows
# make bench  how fast it is, beside the bare drivers and three other systems (5 min)
# make demo   the example report, on SQLite in this folder
# make readme the commands of the README, as they stand there

GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
BIN := $(CURDIR)/bin

.PHONY: all test lint vuln proof soak bench demo readme build clean

all: lint test

# Nothing may be skipped: missing servers are installed, and a test that cannot
# have one fails.
test:
	sh testutil/install.sh
	JOBSYSTEM_TEST_REQUIRE=1 go test -race -timeout 40m ./...

proof:
	sh testutil/install.sh
	cd testutil/proof && JOBSYSTEM_TEST_REQUIRE=1 go test -count=1 -timeout 1h -p 1 -v ./...

soak:
	sh testutil/install.sh
	cd testutil/proof && go test -count=1 -timeout 3h -v -run TestASoakLeavesNothingBehind . -soak 1h

lint: $(BIN)/golangci-lint
	test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	go mod tidy -diff
	$(BIN)/golangci-lint run
	cd testutil/proof && go vet ./... && go mod tidy -diff && $(BIN)/golangci-lint run
	cd testutil/bench && go vet ./... && go mod tidy -diff

$(BIN)/golangci-lint:
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

vuln: $(BIN)/govulncheck
	bash .ci/vuln $(BIN)/govulncheck

$(BIN)/govulncheck:
	GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

# A module of its own, so that the others' code stays out of the product's.
bench:
	sh testutil/install.sh
	cd testutil/bench && go test -count=1 -timeout 30m -v -run TestTable .

demo:
	go run ./cli/jobctl demo

readme:
	bash .ci/readme

build:
	go build -o $(BIN)/jobctl ./cli/jobctl

clean:
	rm -rf $(BIN) .cache reports jobsystem.db jobsystem.db-wal jobsystem.db-shm
