# One line a verb.
.DEFAULT_GOAL := help
.PHONY: help dev test check fmt build deploy
export PATH := $(CURDIR)/.dev/tools/bin:$(PATH):$(CURDIR)/.dev/tools/template/bin

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)
dev: ## run everything here, on PORT (9000), until Ctrl-C
	@scripts/dev
test: ## run all tests, against databases of their own
	@scripts/test
check: ## format, lints, template
	@scripts/tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/check-template
fmt: ## format the code
	cargo fmt --all
build: ## build for the cloud
	@scripts/tools cargo-lambda
	sam build
deploy: build ## build and deploy to the cloud
	sam deploy
