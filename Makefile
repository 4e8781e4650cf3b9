# The doors to the build. `make help` says what each is for.
.DEFAULT_GOAL := help
DATA ?= data
HTTP ?= 127.0.0.1:8080
RTMP ?= 127.0.0.1:1935
SRT ?= 127.0.0.1:9000

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

run: build ## install what is missing, build, fill an example organisation the first time, and serve it
	@tools/run "$(DATA)" "$(HTTP)" "$(RTMP)" "$(SRT)"

build: ## install what is missing and leave build/grandstand and the pages
	@tools/setup
	@tools/build release
	@tools/build-pages

check: ## run every test (under 12 minutes)
	@tools/setup check
	@tools/check

check-long: ## exhaustive fault loops and long fuzzing on top
	@tools/setup check
	@tools/check long

bench: ## measure speed and size against the peers
	@tools/setup check
	@tools/build release
	@bench/run

clean: ## remove what was built (not your data)
	rm -rf build web/dist

.PHONY: help run build check check-long bench clean
