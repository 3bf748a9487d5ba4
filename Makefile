# Relève. `make help` lists the targets.
SHELL := /bin/bash
GO    ?= go
BIN   := bin/releve
TESTS  = $(GO) test -race -count=1

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

build: ## build bin/releve
	@mkdir -p bin
	$(GO) build -o $(BIN) ./cmd/releve

demo: build ## the whole story in a minute, on loopback, with Go alone
	@$(BIN) demo

test: ## all that CI runs
	@bash testbed/install.sh sip-tester kamailio
	@$(MAKE) --no-print-directory check explore simulate EPISODES=0 SECONDS=60 demo flows bench-short

check: ## vet, staticcheck, gofumpt, import direction, every Go test with -race
	@unformatted=$$($(GO) tool gofumpt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofumpt:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(TESTS) ./...

.PHONY: help build demo test check
