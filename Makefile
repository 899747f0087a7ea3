# SPDX-License-Identifier: Apache-2.0
# Short targets before Meson and the scripts. `make help` says what there is.
BUILD = build
MESON = meson

# Set on the command line: make run SOURCE=... RECIPE=...
SOURCE =
RECIPE =
FRESH =
FUZZ_SECONDS = 60
BENCH =
DESTDIR =
PREFIX = /usr/local

SHELL = /bin/bash
.DEFAULT_GOAL = build
.PHONY: help setup build run test bench lint fuzz interop install clean

help:
	@echo 'make           install what is missing (apt-get), and build'
	@echo 'make run       the promise once, end to end: see scripts/demo'
	@echo '               SOURCE=DIR|GIT-URL|DEBIAN-PACKAGE RECIPE=FILE for your own software'
	@echo '               FRESH=1 to start over where a run was interrupted'
	@echo 'make centre    the Centre of a finished make run, in a browser'
	@echo 'make test      set up, build, and run every test'
	@echo 'make lint      format, warnings of gcc and clang, static analysis, scripts, man pages'
	@echo 'make fuzz      each fuzz target for FUZZ_SECONDS=60'
	@echo 'make interop   our formats against the Go and Python projects that speak them'
	@echo 'make bench     measure; BENCH=NAME for one'
	@echo 'make install   PREFIX=/usr/local DESTDIR='
	@echo 'make clean     remove build/ and demo/, but not the cached packages in .cache/'

setup:
	@scripts/setup build

# Two settings of one folder: without tests nothing but the program and what
# the demonstration needs is compiled.
build: setup
	@. scripts/lib.sh; test -f $(BUILD)/build.ninja || quietly $(MESON) setup -Dtests=false $(BUILD)
	@ninja -C $(BUILD) --quiet
	@scripts/web build

run: build
	@SOURCE='$(SOURCE)' RECIPE='$(RECIPE)' FRESH='$(FRESH)' BUILD='$(BUILD)' scripts/demo

centre: build
	@CENTRE=1 BUILD='$(BUILD)' scripts/demo
.PHONY: centre

test-build:
	@scripts/setup test
	@test -f $(BUILD)/build.ninja || $(MESON) setup $(BUILD)
	@$(MESON) configure -Dtests=true $(BUILD)
	@ninja -C $(BUILD)
	@scripts/web build
.PHONY: test-build

test: test-build
	$(MESON) test -C $(BUILD) --no-rebuild --print-errorlogs

bench: build
	@BENCH='$(BENCH)' BUILD='$(BUILD)' tests/bench/run

lint:
	@scripts/setup lint
	scripts/lint

fuzz:
	@scripts/setup fuzz
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' scripts/fuzz

interop: build
	@scripts/setup interop
	@BUILD='$(BUILD)' scripts/interop

install: build
	$(MESON) configure --prefix=$(PREFIX) $(BUILD)
	DESTDIR='$(DESTDIR)' $(MESON) install -C $(BUILD)
	install -D -m 644 docs/man/vitrine.1 $(DESTDIR)$(PREFIX)/share/man/man1/vitrine.1
	cd web/dist && find . -type f -exec install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/vitrine/web/{} \;
	install -D -m 644 scripts/completion/vitrine.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vitrine

clean:
	rm -rf $(BUILD) demo web/dist web/node_modules
