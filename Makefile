# Two commands to begin with: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
RELEASE := swift build -c release --static-swift-stdlib --product hermes-ops-runner

.PHONY: help build demo test lint bench install uninstall clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

build: ## a release binary at dist/hermes-ops-runner
	@scripts/bootstrap build
	$(RELEASE)
	@mkdir -p dist
	@install -m 0755 "$$($(RELEASE) --show-bin-path)/hermes-ops-runner" dist/hermes-ops-runner

demo: build ## the main job on a realistic home, with secrets planted at run time and searched for afterwards
	@scripts/demo dist/hermes-ops-runner

test: ## every test, against real git, age, tar, SQLite, systemd and Hermes
	@scripts/bootstrap test
	@scripts/test

lint: ## format and shell lint, warnings as errors
	swift format lint --strict --recursive Sources Tests Package.swift
	@if command -v shellcheck >/dev/null; then grep -lE '^#!.*bash' scripts/* .ci/run | xargs shellcheck --severity=warning; fi

bench: build ## speed against peers, as ratios of the same run
	@scripts/bootstrap bench
	@benchmarks/run dist/hermes-ops-runner

install: ## binary, units, completions and man page below PREFIX (default /usr/local); wants `make build` first
	@scripts/install dist/hermes-ops-runner "$(DESTDIR)$(PREFIX)"

uninstall: ## takes away what `make install` put below PREFIX
	@scripts/install --remove "$(DESTDIR)$(PREFIX)"

clean: ## removes what was built
	rm -rf .build dist
