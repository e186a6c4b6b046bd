# Nephoscope. `make help` lists what there is.
SHELL       := /bin/bash
GO          ?= go
VERSION     ?= $(shell packaging/version.sh 2>/dev/null || echo dev)
STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
LISTEN      ?= 127.0.0.1:4586
FUZZTIME    ?= 10s
BENCH       ?=
RUNS        ?= 1
TORTURE     ?=

.DEFAULT_GOAL := help
.PHONY: help build run test check package apt-repo reproduce test-package test-package-all test-vm image bench bench-peer torture fuzz screenshot clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/nephoscope, bin/nephoscope-prometheus and bin/nephoscope-local: static, for this machine
	VERSION=$(VERSION) scripts/build.sh nephoscope bin/nephoscope
	VERSION=$(VERSION) scripts/build.sh nephoscope-prometheus bin/nephoscope-prometheus
	VERSION=$(VERSION) scripts/build.sh nephoscope-local bin/nephoscope-local

run: build ## a CloudWatch on this machine, and the agent shipping this host into it (LISTEN=127.0.0.1:4586)
	@$(GO) build -o bin/demo ./internal/demo
	@exec bin/demo -listen $(LISTEN)

test: ## everything; as root on Debian or Ubuntu it installs what it needs
	@scripts/test.sh

check: ## format, vet for three systems, staticcheck, imports, go.mod; fast
	@scripts/check.sh "$(STATICCHECK)"

package: ## dist/: .deb, .rpm and .tar.gz for amd64 and arm64, checksums, SBOM (SIGN_KEY=gpg-key-id signs them)
	@packaging/package.sh

apt-repo: ## dist/apt: an apt repository of the packages, signed with SIGN_KEY
	@packaging/apt-repo.sh

reproduce: ## the packages of this commit built twice, in two clones, and every byte compared
	@packaging/reproduce.sh

image: build ## a container image from packaging/container (needs buildah)
	@packaging/container/image.sh

test-package: ## the packages on a booted Debian with systemd, from installing to purging (root on Debian or Ubuntu)
	@scripts/test-package.sh bookworm

test-package-all: ## the same with systemd 247, 252 and 257
	@scripts/test-package.sh bullseye bookworm trixie

test-vm: ## power cuts, clock jumps, a full disk and a memory limit, in a virtual machine (half an hour)
	@scripts/test-vm.sh

bench: ## CPU, memory and latency beside the floor of the same run (BENCH="--size 256MiB" for a short one)
	$(GO) run ./internal/bench $(BENCH)

bench-peer: ## host metrics every second beside Telegraf's, which is fetched for it (root; RUNS=3)
	$(GO) run ./internal/bench --only peer,crowd,sockets --runs $(RUNS)

torture: ## ten minutes of kills, rotations and outages, and no line lost (TORTURE="--duration 1m --seed 7")
	$(GO) run ./internal/torture $(TORTURE)

fuzz: ## each parser for FUZZTIME (10s)
	@scripts/fuzz.sh $(FUZZTIME)

screenshot: ## docs/console.png, from a real run
	@scripts/screenshot.sh

clean: ## remove what was built and what make run wrote
	rm -rf bin dist .run
