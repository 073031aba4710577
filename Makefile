# Everything that one does with this project. `make help` lists it from the comments below.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DISTRIBUTIONS := shared[client,db,http,kafka,otlp] coupon-service order-service notification-service[report] outbox-relay \
                 deploy/devstack deploy/sandbox deploy/demo
PROJECT_FILES := constraints.txt requirements-dev.txt pyproject.toml $(wildcard */pyproject.toml deploy/*/pyproject.toml)
INSTALLED := $(VENV)/.installed
KUSTOMIZE := build/kustomize
# What is measured has the packages of its container, and nothing that the tests or the demo need.
RELAY_ALONE := build/benchmarks/outbox-relay
SOURCES := shared/src coupon-service/src order-service/src notification-service/src outbox-relay/src \
           deploy/devstack/src deploy/sandbox/src deploy/demo/src

# Variables of the stack and the demo: make demo USERS=2000 STOCK=500 ORDERS=completejourney KAFKA=3.4.0
export KAFKA POSTGRES STACK OFFLINE_IMAGES PROVIDERS GATEWAY ORDERS USERS STOCK SEED LIMIT KEEP

# Start servers of their own versions, or try our side alone: bad HTTP input, and what is said when a server refuses us.
UNMOVED_BY_SERVERS := --ignore=tests/integration/devstack --ignore=tests/integration/provider_sandbox \
                      --ignore-glob='*/test_bad_input.py' --ignore-glob='*/test_refused_by_*.py' \
                      --ignore-glob='*/test_debezium.py'

# Each worker has servers of its own, and waits for them most of the time: three keep two cores busy. Files begin in the
# order of tests/conftest.py. Whole stacks, frozen and under load, are tried one after the other.
WORKERS ?= 3
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# Together a third of the integration tests' time.
FAULTS_OF_THE_RELAY := tests/integration/outbox_relay/faults
SELDOM_TOUCHED := tests/integration/benchmarks tests/integration/security tests/integration/upgrade
# Programs of Debian judge or serve these: promtool, amtool, prometheus, pgbouncer.
BY_DEBIAN := tests/integration/deploy/test_alerts.py tests/integration/pooling
SCENES_BY_DEBIAN := tests/chaos/faults

.DEFAULT_GOAL := help
.PHONY: help install up status down clean-stack demo test test-debian unit contract integration e2e chaos seldom-touched faults matrix images operations seed-cluster manifests test-kubernetes release-check bench-relay bench-coupon bench-reconcile bench-ledger bench-retention bench-notifications bench-payments mutations crash-matrix lint format clean

help: ## List what can be made
	@grep -hE '^[a-z0-9 -]+:.*?## ' $(MAKEFILE_LIST) | awk 'BEGIN {FS = ":.*?## "} {printf "  make %-38s %s\n", $$1, $$2}'

install: $(INSTALLED) ## Make the virtual environment in .venv with everything at its pinned version

$(INSTALLED): $(PROJECT_FILES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --build-constraint constraints.txt \
	    $(foreach distribution,$(DISTRIBUTIONS),--editable '$(distribution)') --requirement requirements-dev.txt
	@mkdir -p $(@D) && touch $@

up: $(INSTALLED) ## Start the whole stack, or what is missing of it (STACK=compose for containers, KAFKA=3.4.0 for the seed's cluster)
	@$(BIN)/devstack up

status: $(INSTALLED) ## Say what of the stack runs, and where
	@$(BIN)/devstack status

down: $(INSTALLED) ## Stop the stack; its data stay
	@$(BIN)/devstack down

clean-stack: $(INSTALLED) ## Stop the stack and remove its data
	@$(BIN)/devstack clean

demo: $(INSTALLED) ## Start the stack, run both processes end to end, check every number, stop the stack (USERS= STOCK= ORDERS= SEED= LIMIT= KEEP=1 KAFKA= PROVIDERS= GATEWAY=portone)
	@if [ -e "$${DEVSTACK_DIRECTORY:-build/devstack}/stack.json" ]; then KEEP=1; \
	elif [ "$$STACK" != external ]; then export GATEWAY="$${GATEWAY:-toss}"; fi; \
	$(BIN)/devstack up || exit; \
	if [ "$$KEEP" != 1 ]; then trap '$(BIN)/devstack down' EXIT; trap 'exit 130' INT TERM; fi; \
	$(BIN)/shop-demo

test: $(INSTALLED) ## Run the tests of every change, on the embedded stack (WORKERS=1 for one after the other)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) tests/unit tests/contract tests/integration \
	    $(addprefix --ignore=,$(FAULTS_OF_THE_RELAY) $(SELDOM_TOUCHED) $(BY_DEBIAN))
	$(BIN)/python -m pytest -m 'not long' tests/e2e tests/chaos $(addprefix --ignore=,$(SCENES_BY_DEBIAN))

test-debian: $(INSTALLED) ## Run the tests of every change that need promtool, amtool, prometheus or pgbouncer
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(BY_DEBIAN)
	$(BIN)/python -m pytest -m 'not long' $(SCENES_BY_DEBIAN)

contract integration e2e: $(INSTALLED) ## Run one tier of the tests (e2e: STACK=compose for containers)
	$(BIN)/python -m pytest tests/$@

unit: $(INSTALLED) ## Run the tests that need no server
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) tests/unit

chaos: $(INSTALLED) ## Kill and freeze processes and servers (make faults and crash-matrix play the rest of tests/chaos)
	$(BIN)/python -m pytest -m 'not long' tests/chaos --ignore=tests/chaos/faults

seldom-touched: $(INSTALLED) ## Run the integration tests of what few changes touch: upgrades, secured servers, benchmarks
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(SELDOM_TOUCHED)

ifeq ($(STACK),compose)
faults: images
endif
faults: $(INSTALLED) ## Play every fault on the whole stack, and print what clients, operators and data saw
	$(BIN)/python -m pytest tests/chaos/faults
ifneq ($(STACK),compose)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(FAULTS_OF_THE_RELAY)
endif

matrix: $(INSTALLED) ## Run what depends on the servers, on PostgreSQL 15 and the seed's Kafka (POSTGRES=15 KAFKA=3.4.0 suit any tier)
	POSTGRES=15 KAFKA=3.4.0 PROTOCOL_EXAMPLES=$${PROTOCOL_EXAMPLES:-50} $(BIN)/python -m pytest $(SIDE_BY_SIDE) tests/contract tests/integration $(UNMOVED_BY_SERVERS)

# Before the tests, whose time is limited.
images: $(INSTALLED) ## Build all images (OFFLINE_IMAGES=1 on stand-ins for the public ones)
	@$(BIN)/python -m devstack.tools
	@if [ "$(OFFLINE_IMAGES)" = 1 ]; then \
	    mkdir -p build && deploy/offline-images/build >build/offline-images.log 2>&1 || { tail -n 1 build/offline-images.log >&2; exit 1; }; \
	    set -a && . deploy/offline-images/images.env; \
	fi; docker compose build --quiet

ifeq ($(STACK),compose)
e2e: images
endif

operations: images ## Restart, kill, scale and upgrade containers under load (OFFLINE_IMAGES=1 without a registry)
	STACK=compose $(BIN)/python -m pytest tests/operations

seed-cluster: images ## Run both processes in containers on the seed's own cluster (OFFLINE_IMAGES=1 without a registry)
	STACK=compose KAFKA=3.4.0 $(BIN)/python -m pytest tests/e2e tests/operations/test_containers.py

manifests: $(KUSTOMIZE) ## Render the Kubernetes manifests into build/kubernetes, a file an overlay
	@mkdir -p build/kubernetes
	@for overlay in development production; do \
	    $(KUSTOMIZE) build deploy/kubernetes/overlays/$$overlay --output build/kubernetes/$$overlay.yaml || exit; done

test-kubernetes: $(INSTALLED) $(KUSTOMIZE) ## Compare the rendered manifests with the compose file and Kubernetes' schemas (needs Go)
	$(BIN)/python -m pytest tests/kubernetes

# By any Go from 1.21 on: it fetches the one that go.mod asks for.
$(KUSTOMIZE): deploy/kubernetes/tools/go.mod deploy/kubernetes/tools/go.sum
	@command -v go >/dev/null || { echo "kustomize is built by Go: please install Go 1.21 or newer" >&2; exit 2; }
	cd $(<D) && GOTOOLCHAIN=auto GOFLAGS=-mod=readonly go build -o $(CURDIR)/$@ sigs.k8s.io/kustomize/kustomize/v5

$(RELAY_ALONE)/.installed: $(INSTALLED)
	@$(BIN)/python -m venv --clear --without-pip $(@D)
	@$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --constraint constraints.txt \
	    --build-constraint constraints.txt --editable 'shared[db,http,kafka,otlp]' --editable outbox-relay
	@touch $@

bench-relay: $(RELAY_ALONE)/.installed ## Measure the relay beside Debezium, on an idle machine (OPTIONS="--only NAME --repeats N --events N")
	@$(BIN)/python -m tests.benchmarks.relay $(OPTIONS)

bench-retention: $(INSTALLED) ## Measure the coupon service while old rows are removed (OPTIONS="--rows N --seconds N --repeats N")
	@$(BIN)/python -m tests.benchmarks.retention $(OPTIONS)

bench-notifications: $(INSTALLED) ## Measure the effects of completed orders, on an idle machine (OPTIONS="--only NAME --quick --repeats N")
	@$(BIN)/python -m tests.benchmarks.notifications $(OPTIONS)

bench-payments: $(INSTALLED) ## Measure payments at a sandbox gateway, on an idle machine (OPTIONS="--only NAME --quick --repeats N")
	@$(BIN)/python -m tests.benchmarks.payments $(OPTIONS)

bench-reconcile: $(INSTALLED) ## Reconcile many clean requests, and faults among them (OPTIONS="--requests N")
	@$(BIN)/python -m tests.benchmarks.reconcile $(OPTIONS)

bench-ledger: $(INSTALLED) ## Verify a large sealed ledger, clean and with faults in it (OPTIONS="--entries N")
	@$(BIN)/python -m tests.benchmarks.ledger $(OPTIONS)

bench-coupon: $(INSTALLED) ## Measure coupons at the size of a drop, on an idle machine (OPTIONS="--only NAME --quick --repeats N")
	@$(BIN)/python -m tests.benchmarks.coupon $(OPTIONS)

mutations: $(INSTALLED) ## Break each safeguard of the relay's protocol, and see its test notice (takes long)
	$(BIN)/python -m tests.integration.outbox_relay.protocol.try_mutations $(OPTIONS)

crash-matrix: $(INSTALLED) ## Kill order-service and coupon-service at every boundary of an order, with every behaviour of gateways; build/crash-matrix/matrix.txt
	$(BIN)/python -m pytest -s -m long tests/chaos/payments

release-check: $(INSTALLED) ## Run every check there is, and end with a table of them (OPTIONS="--only lint kubernetes"; takes hours)
	@$(BIN)/python .ci/checks.py $(OPTIONS)

lint: $(INSTALLED) ## Check style, types and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy $(SOURCES) tests .ci/checks.py

format: $(INSTALLED) ## Format the sources
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

clean: ## Remove what was built, but not the virtual environment nor the stack's data
	rm -rf build/demo build/benchmarks build/former-release build/kubernetes build/kustomize build/crash-matrix .mypy_cache .ruff_cache .pytest_cache .hypothesis
