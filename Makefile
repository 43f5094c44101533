# Everything that a person runs. Each target does its own set-up, from a bare clone.
SHELL := /bin/bash
export GOFLAGS := -buildvcs=false
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
unexport AWS_CA_BUNDLE

TOOLS   := $(CURDIR)/.tools
BIN     := $(CURDIR)/bin
MOTO    := 5.2.1
SAM     := 1.110.0
GOLANGCI := v2.15.0
GOVULNCHECK := v1.8.0
FUZZTIME ?= 10s

# Where this machine has a mirror of Terraform's providers, and no configuration that says
# where they come from, they come from there.
MIRROR ?= /opt/tf-plugins
ifeq ($(and $(TF_CLI_CONFIG_FILE),$(wildcard $(TF_CLI_CONFIG_FILE))),)
ifneq ($(wildcard $(MIRROR)),)
export TF_CLI_CONFIG_FILE := $(TOOLS)/terraformrc
$(shell mkdir -p $(TOOLS) && printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' '$(MIRROR)' > $(TOOLS)/terraformrc)
endif
endif

# Packages that start nothing beside themselves: the race detector would make them three times as
# slow to wait for, and has nothing to find. internal/archtest holds them to it.
CALM     = adopt archtest config config/nearest hostile packaging propose render runner/assembly sandbox/cloudformation/template sandbox/lambda/policy sim/fleet supply template terraform
FAST     = $(shell go list ./... 2>/dev/null | grep -v -E '/(infra|e2e|faults)$$')
export PATH := $(CURDIR)/.venv/bin:$(TOOLS):$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help build test check vet lint tidy e2e lab demo sandbox bench conformance sim soak mutants faults fuzz sbom vuln synth invoke deploy update-golden clean

help: ## show this
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

build: ## build the command line, the demo and the CDK app into bin/
	go build -trimpath -o $(BIN)/ ./cmd/... ./infra

test: moto ## run the tests, except those of infra and the end-to-end run
	@go test $(FAST)

check: vet lint tidy moto node_modules ## what CI runs: vet, linters, all tests with -race, simulation, fuzzing, infra, the runs in the sandbox
	@go test -race $(filter-out $(addprefix %/internal/,runner $(CALM)),$(FAST))
	@go test $(addprefix ./internal/,$(CALM))
	@go test ./internal/runner # the real terraform, which the race detector makes four times as slow to wait for
	$(MAKE) --no-print-directory sim
	$(MAKE) --no-print-directory fuzz
	go test ./infra
	$(MAKE) --no-print-directory synth
	$(MAKE) --no-print-directory -j2 e2e lab # each waits more than it works

vet:
	go vet ./...
	@test -z "$$(gofmt -l cmd functions infra internal)" || { echo "not gofmt-ed:"; gofmt -l cmd functions infra internal; exit 1; }

lint: $(TOOLS)/golangci-lint
	$(TOOLS)/golangci-lint run ./...

$(TOOLS)/golangci-lint: ## (the first time takes a few minutes)
	@echo "building golangci-lint $(GOLANGCI): about four minutes, once"
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)

tidy:
	go mod tidy -diff

e2e: moto node_modules build ## the whole of it in the sandbox, through the real CDK CLI
	go test -count=1 -timeout 30m -v ./internal/e2e

lab: moto node_modules build ## let a sample of the calls of a rollout go wrong, each in every way
	go test -count=1 -timeout 30m ./internal/faults -run 'R13|TheRollouts|ThePage|EveryRow|EveryCase|TheSeed|ACallHas|WhatEnds|ATestThat|AStepOf|OfTheCalls|ABuildsCalls|AnObject|AMended|AScenario'

demo: moto node_modules build ## see the main job done, in a sandbox, with every engine, in about four minutes
	@$(BIN)/demo

sandbox: moto node_modules build ## the same, left running, with the commands to play with
	@$(BIN)/demo --keep

bench: moto node_modules build ## measure Driftless beside its peers, in about ten minutes; writes docs/performance.md and docs/cost.md
	@$(BIN)/bench $(ARGS)

conformance: moto build ## hold the sandbox to AWS; a real account only with ACCOUNT=123456789012 REGION=eu-west-1 YES=1
	@$(BIN)/conformance $(if $(ACCOUNT),-account $(ACCOUNT)) $(if $(REGION),-region $(REGION)) $(if $(YES),-yes) $(if $(ONLY),-only $(ONLY))

sim: build ## simulate the reconciler with 100,000 seeds of faults, and builds with 12,000, as check does: make sim SEEDS=1000
	$(BIN)/sim run -every 15s -seeds $(or $(SEEDS),100000)
	$(BIN)/sim run -world builds -every 15s -seeds $(or $(SEEDS),12000)

soak: build ## the same with a million seeds and 200,000, other ones each time: make soak SEEDS=5000000
	$(BIN)/sim run -from random -seeds $(or $(SEEDS),1000000) -every 1m
	$(BIN)/sim run -world builds -from random -seeds $(or $(SEEDS),200000) -every 1m

mutants: build ## plant bugs into the protocol, and see that the simulation finds each
	$(BIN)/sim mutants

faults: moto node_modules build ## let every call of a rollout go wrong in every way, run the tests of the fault matrix; writes docs/faults.md
	$(BIN)/faults

fuzz: ## fuzz every parser for FUZZTIME each (10s)
	@go run ./cmd/fuzz -time $(FUZZTIME)

sbom: ## write a bill of materials of each function into dist/
	go run ./cmd/supply sbom

vuln: $(TOOLS)/govulncheck ## ask whether weaknesses are known of what is called
	go run ./cmd/supply -govulncheck $(TOOLS)/govulncheck vuln

$(TOOLS)/govulncheck:
	GOBIN=$(TOOLS) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)

synth: node_modules build ## write the installation's CloudFormation template into cdk.out
	npx cdk synth --quiet

invoke: moto synth ## run one function on one event: make invoke EVENT=events/webhook-github-push.json [FN=webhook]
	@$(BIN)/invoke -function "$(FN)" -event "$(EVENT)"

deploy: node_modules build ## install Driftless into the account that your AWS credentials belong to
	@$(BIN)/driftless preflight
	npx cdk deploy $(CDK_ARGS)

update-golden: ## write the golden files anew; review the diff
	go test ./internal/gitops ./internal/render ./internal/cli ./internal/aws/cloudformation -update
	go test ./internal/conformance -run Readme -update

clean: ## remove what was built
	rm -rf bin cdk.out dist

# moto is the AWS emulator that the sandbox stands on; aws-sam-translator runs SAM's transform in it.
.PHONY: moto
moto:
	@command -v moto_server >/dev/null || { \
	  echo "moto_server is not on the PATH: installing moto[server]==$(MOTO) and aws-sam-translator==$(SAM) into .venv"; \
	  python3 -m venv .venv && .venv/bin/pip install --quiet 'moto[server]==$(MOTO)' 'aws-sam-translator==$(SAM)'; }

node_modules: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch node_modules
