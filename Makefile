# SPDX-License-Identifier: Apache-2.0
# One build front: `make help` lists it. tools/*.mk hold the rules, one file a concern.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD := build
# A tree owned by another user (sudo make) is still ours to describe.
VERSION := $(shell git -c safe.directory='$(CURDIR)' describe --tags --always --dirty 2>/dev/null || echo unknown)
# Debian's own Python has the packages that tools/install-deps installs, another one in PATH has not.
PYTHON := /usr/bin/python3

# As many jobs as processors; JOBS=1 says otherwise.
JOBS ?= $(shell nproc)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS := $(MAKEFLAGS) -j$(JOBS)
endif
MAKEFLAGS := $(MAKEFLAGS) --no-builtin-rules
# Objects that lead to a program are kept.
.SECONDARY:
.DELETE_ON_ERROR:

include tools/build.mk
include tools/test.mk
include tools/lint.mk
-include tools/bench.mk

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | expand -t 16
