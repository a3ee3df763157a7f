# SPDX-License-Identifier: Apache-2.0
# One build front: `make help` lists it.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD := build
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

include tools/build.mk
include tools/test.mk
include tools/bench.mk
