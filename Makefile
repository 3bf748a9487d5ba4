# Relève. `make help` lists the targets.
SHELL := /bin/bash
GO    ?= go
BIN   := bin/releve
TESTS  = $(GO) test -race -count=1 -parallel 8

EPISODES ?= 0
SECONDS  ?= 60
SEED     ?= 1
MINUTES  ?= 10
MOVES    ?= 500
PIECES   ?= bin/simulate.jsonl
BUDGET   ?= 0

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

build: ## build bin/releve
	@mkdir -p bin
	$(GO) build -o $(BIN) ./cmd/releve

demo: build ## the whole story in a minute, on loopback, with Go alone
	@$(BIN) demo

test: tools check conformance explore simulate verdicts-short demo flows licence-short interop-short abuse-short waiting-short bench-short ## all that CI runs, in under 20 minutes on two cores

tools:
	@bash testbed/install.sh sip-tester kamailio mariadb-server postfix postgresql monitoring-plugins-basic nagios-nrpe-server nagios-nrpe-plugin systemd snmptrapd snmp smitools sasl2-bin libsasl2-modules rsyslog rsyslog-gnutls openssl python3 chromium

check: ## vet, staticcheck, gofumpt, import direction, every Go test with -race
	@unformatted=$$($(GO) tool gofumpt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofumpt:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(TESTS) ./...

explore: ## walk every state around the mind of one node and of two, and its mutants
	@mkdir -p bin
	$(GO) build -tags mutants -o bin/explore ./testbed/explore/run
	@bin/explore -budget 15m

explore-long: ## the same, and the worlds in which the most faults meet
	@mkdir -p bin
	$(GO) build -tags mutants -o bin/explore ./testbed/explore/run
	@bin/explore -long -budget 6h -memory 9000000000

simulate: ## mutants, 100,000 busy overflows, seeded episodes: EPISODES= (0: as many as SECONDS= allow) SEED=
	@mkdir -p bin
	$(GO) test -tags mutants -run '^TestShrinkOfAMutant$$' ./testbed/sim
	$(GO) build -tags mutants -o bin/simulate ./testbed/sim/run
	@bin/simulate -mutants quick -busy 100000 -episodes $(EPISODES) -seconds $(if $(filter 0,$(EPISODES)),$(SECONDS),0) -seed $(SEED)

simulate-full: ## 3,000,000 episodes in pieces kept in PIECES=; goes on where it ended, within BUDGET= seconds
	@mkdir -p bin
	$(GO) build -o bin/simulate-full ./testbed/sim/run
	@nice -n 15 bin/simulate-full -episodes $(if $(filter 0,$(EPISODES)),3000000,$(EPISODES)) -seed $(SEED) -seconds $(BUDGET) -file $(PIECES) -code $$(git describe --always --dirty)

conformance: build ## every rule of docs/conformance.md, the tests that prove it, the torture messages
	@$(GO) test ./proxy -run '^TestReceiveProtos$$' -whole
	@$(GO) run ./testbed/conformance/run

verdicts: build ## every situation, its truth and its verdict, beside Kamailio; how fast a failure is found; busy is not broken
	@bash testbed/install.sh kamailio
	$(GO) build -o bin/verdicts ./testbed/faults/run
	@bin/verdicts -binary $(BIN)

verdicts-short: build
	$(GO) build -o bin/verdicts ./testbed/faults/run
	@bin/verdicts -binary $(BIN) -short

flows: build ## 72 SIPp flows against the binary, about a minute
	@$(GO) run ./testbed/sipp/run -binary $(abspath $(BIN))

licence-long: build tools ## 500 moves of the licence under every trouble, before two registrars: MOVES= SEED=
	@$(GO) run ./testbed/moves/run -binary $(BIN) -moves $(MOVES) -seed $(SEED)

licence-short: build tools
	@$(GO) run ./testbed/moves/run -binary $(BIN) -short -seed $(SEED)

feasibility: build tools ## plant each quirk in IPBX and servers and have preflight find it, under a minute
	@$(GO) run ./testbed/feasibility/run -binary $(abspath $(BIN))

feasibility-short: build tools
	@$(GO) run ./testbed/feasibility/run -binary $(abspath $(BIN)) -short

INTEROP_PACKAGES = sip-tester kamailio kamailio-tls-modules baresip-core linphone-cli twinkle-console libasound2-data libnet-sip-perl sipsak

interop: build ## every action against Kamailio, baresip, linphone, twinkle, Net::SIP, SIPp, about four minutes
	@bash testbed/install.sh $(INTEROP_PACKAGES)
	@$(GO) run ./testbed/interop/run -binary $(abspath $(BIN))

interop-short: build
	@bash testbed/install.sh $(INTEROP_PACKAGES)
	@$(GO) run ./testbed/interop/run -binary $(abspath $(BIN)) -short

ABUSE_PACKAGES = sipvicious sipsak

abuse: build ## floods, scanners, slow and dropped connections, mutants, while good calls pass
	@bash testbed/install.sh $(ABUSE_PACKAGES)
	@$(GO) run ./testbed/abuse/run -binary $(BIN)

abuse-short: build
	@bash testbed/install.sh $(ABUSE_PACKAGES)
	@$(GO) run ./testbed/abuse/run -binary $(BIN) -short

soak: build ## 10 minutes of calls while everything around fails in turn: MINUTES= SEED=
	@$(GO) run ./testbed/soak/run -binary $(BIN) -minutes $(MINUTES) -seed $(SEED)

soak-short: build
	@$(GO) run ./testbed/soak/run -binary $(BIN) -minutes 1

bench: build tools ## CPU, memory and failed calls beside Kamailio and a bare relay
	$(GO) run ./testbed/bench -binary $(BIN)

bench-short: build
	$(GO) run ./testbed/bench -binary $(BIN) -short

levels: build tools ## each Wel'Suite level on its example of docs/examples, and redundant IPBXs, gateways, virtual machines
	@$(GO) run ./testbed/levels/run -binary $(BIN)

# The two wait most of their time: side by side they take a minute less.
waiting-short: build tools
	@$(MAKE) --no-print-directory -j2 --output-sync=target soak-short levels-short

levels-short: build tools
	@$(GO) run ./testbed/levels/run -binary $(BIN) -short

.PHONY: feasibility feasibility-short help build demo test tools check conformance explore explore-long simulate simulate-full verdicts verdicts-short flows licence-long licence-short interop interop-short abuse abuse-short soak soak-short bench bench-short levels levels-short waiting-short
