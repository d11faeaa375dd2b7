# One line a verb.
.DEFAULT_GOAL := help
.PHONY: help dev test rehearse seed fuzz backtest bench soak check migration fmt build deploy
export PATH := $(CURDIR)/.dev/tools/bin:$(PATH):$(CURDIR)/.dev/tools/template/bin

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)
dev: ## run everything here, on PORT (9000), until Ctrl-C
	@scripts/dev
test: ## run all tests, against databases of their own
	@scripts/test
rehearse: ## rehearse the deployment, with the functions that `make test` has built
	@scripts/rehearse
seed: ## put the samples into what `make dev` runs on PORT (9000)
	@scripts/seed http://127.0.0.1:$${PORT:-9000}
fuzz: ## have a validator, Chromium and schemathesis judge the API (5 minutes)
	@scripts/check-api
backtest: ## judge fair prices and deal scores on generated markets, of SEEDS
	@cargo run --release --quiet -p backtest -- $(SEEDS)
bench: ## measure the functions, beside a handler that does nothing and pgbench
	@scripts/bench
soak: ## run the long proofs: kills, freezes, crashes, retries, the release before, arm64, an hour of fuzzing
	@SOAK=1 scripts/test --no-capture -E 'binary(frozen_functions) or binary(killed_migrations) or binary(migrations_under_load) or binary(outages) or binary(retries) or binary(killed_workers) or test(run::tests)'
	@scripts/check-previous-release
	@scripts/check-arm64
	@FUZZ_EXAMPLES=500 scripts/check-api 3600
check: ## format, lints, template
	@scripts/tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/check-template
migration: ## begin the next migration, of NAME (add_what)
	@scripts/migration '$(NAME)'
fmt: ## format the code
	cargo fmt --all
build: ## build for the cloud
	@scripts/tools cargo-lambda
	@scripts/certificates
	sam build
deploy: build ## build and deploy to the cloud
	sam deploy
