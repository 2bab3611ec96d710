GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
BIN := $(CURDIR)/bin

# Tests mostly wait, so more of them run at a time than there are processors.
PARALLEL := -parallel 8

# What is tested is what each go.mod says, as a user gets it; the workspace, which has
# one set of versions for all modules, is for editors and make check.
test proof soak lint vuln bench bench-eta: export GOWORK := off

# SQLite is C that was translated to Go: most of the race detector's time would go
# into looking at that.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

# Databases are made in memory where there is room: most of their time goes into
# waiting for a disk.
check test: export JOBSYSTEM_TEST_DIR ?= $(shell test "$$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $$4 }')" -ge 3000000 2>/dev/null && echo /dev/shm)

.PHONY: all help check test lint vuln proof soak bench bench-eta demo readme build clean

all: lint test ## lint and test

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## at each save (1 min): vet, and all tests on SQLite without the race detector
	go vet ./... ./testutil/proof/... ./testutil/bench/...
	JOBSYSTEM_TEST_KINDS=sqlite go test $(PARALLEL) ./...
	@echo "make check leaves out PostgreSQL, MariaDB and the race detector (make test), the linters (make lint) and the proof"

# Nothing may be skipped: missing servers are installed, and a test that cannot
# have one fails.
test: ## everything on SQLite, PostgreSQL and MariaDB, with the race detector
	sh testutil/install.sh
	JOBSYSTEM_TEST_REQUIRE=1 go test $(RACE) -timeout 40m $(PARALLEL) ./...

proof: ## nothing is lost or doubled: processes, servers and networks that fail (5 min); -every and -kills are for more
	sh testutil/install.sh
	cd testutil/proof && JOBSYSTEM_TEST_REQUIRE=1 go test -count=1 -timeout 1h -p 1 -v ./...

soak: ## an hour of work with faults: nothing is lost, and nothing grows
	sh testutil/install.sh
	cd testutil/proof && go test -count=1 -timeout 3h -v -run TestASoakLeavesNothingBehind . -soak 1h

lint: $(BIN)/golangci-lint ## formatting, vet and the linters
	test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	go mod tidy -diff
	$(BIN)/golangci-lint run
	cd testutil/proof && go vet ./... && go mod tidy -diff && $(BIN)/golangci-lint run
	cd testutil/bench && go vet ./... && go mod tidy -diff
	cd testutil/eta/figure && go vet ./... && go mod tidy -diff

$(BIN)/golangci-lint:
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

vuln: $(BIN)/govulncheck ## known vulnerabilities in what is used
	bash .ci/vuln $(BIN)/govulncheck

$(BIN)/govulncheck:
	GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

# A module of its own, so that the others' code stays out of the product's.
bench: ## how fast it is, beside the bare drivers and three other systems (5 min)
	sh testutil/install.sh
	cd testutil/bench && go test -count=1 -timeout 30m -v -run TestTable .

bench-eta: ## how far estimates of the remaining time are off, beside other programs' (1 min)
	go test -count=1 -v -run TestETA ./testutil/eta -jobs 400
	cd testutil/eta/figure && go run . -o ../eta.svg

demo: ## the example report, on SQLite in this folder
	go run ./cli/jobctl demo

readme: ## the commands of the README, as they stand there
	bash .ci/readme

build: ## the command jobctl, into bin
	go build -o $(BIN)/jobctl ./cli/jobctl

clean: ## remove what was made here
	rm -rf $(BIN) .cache reports jobsystem.db jobsystem.db-wal jobsystem.db-shm
