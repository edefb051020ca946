# Every target does its own set-up on a fresh Debian machine that has Rust, a JDK and root.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test bench bench-rocketmq bench-jvm bench-registry bench-streams bench-connectors simulate chaos soak fmt clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20
	@echo
	@echo "make run FILE=/path/to/file       reads that file; PORT=8083 is where REST listens; RUN_ONCE=1 ends when all is moved"
	@echo "make bench LINES=10000 ROUNDS=1 ONLY=gantry|kafka FLAT_LINES= FLAT_CONNECTORS=   a smaller benchmark; TRANSFORM_S=0 REST_S=0 leave those parts out"
	@echo "make soak FUZZ_S=60 KILLS=50 CONNECTORS=100 FLOW_S=60   a shorter soak"

run: ## build, then move a real file through the log into another file; Ctrl-C ends it
	@scripts/run-example.sh

test: ## everything that must be green, in CI order
	@scripts/test.sh

bench: ## Kafka Connect and Gantry side by side; writes tests/bench/RESULTS.md
	@tests/bench/run.sh

bench-rocketmq: ## a cluster on a real RocketMQ broker; writes tests/bench/rocketmq/RESULTS.md; ROCKETMQ_CONNECT=its source, to measure it too
	@bash -c '. scripts/setup.sh && setup_packages'
	@cargo build --locked --release --workspace --bins
	@tests/bench/rocketmq/bench.py $(if $(ROCKETMQ_CONNECT),--rocketmq-connect $(ROCKETMQ_CONNECT))

bench-jvm: ## Java connectors beside Kafka Connect's, and what the bridge costs; writes tests/bench/jvm/RESULTS.md; ONLY=flow,cost,database,start ROUNDS=1
	@tests/bench/jvm/run.sh

bench-registry: ## the schema registry beside Apicurio; writes tests/bench/registry/RESULTS.md; ONLY=side-by-side,many ROUNDS=1 SECONDS_EACH=2 SCHEMAS=10000
	@tests/bench/registry/run.sh
	@tests/bench/registry/converters.sh

bench-streams: ## a windowed count and Nexmark beside Kafka Streams; writes tests/bench/streams/RESULTS.md; RECORDS=200000 EVENTS=200000 ROUNDS=1 CASES=keyed-1k,nexmark-q5
	@tests/bench/streams/run.sh

bench-connectors: ## native connectors beside bare clients and Java's; writes tests/bench/connectors/RESULTS.md; ROWS=100000 ROUNDS=1
	@tests/bench/connectors/run.sh

chaos: ## workers and a broker killed and stopped while lines flow; SECONDS=300 SEED=1
	@cargo build --locked --release --workspace --bins
	@tests/chaos/chaos.py --seconds $(or $(SECONDS),300) --seed $(or $(SEED),1) --failover

simulate: ## the cluster protocol under simulated faults; SEEDS=10000
	@cargo run --locked --release -q -p gantry-simulation -- --seeds $(or $(SEEDS),10000)
	@cargo run --locked --release -q -p gantry-simulation -- --seeds $(or $(SEEDS),10000) --exactly-once

soak: ## the long runs: fuzzing, kill -9, leaks; writes tests/soak/RESULTS.md
	@tests/soak/run.sh

fmt: ## format the Rust code
	@cargo fmt --all

clean: ## remove what was built and the example's data
	@cargo clean
	@rm -rf work
