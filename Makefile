.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
SHELL := /bin/bash

only ?=
holdfast := node conformance/holdfast.js

.PHONY: compare fuzz all help install build generate verify defects cross-check reductions simulate kvm test check types format boundaries test-ends bench clean update-golden

all: build ## Install, generate, verify, run the vectors against the simulator and the running kernel
	@node --import tsx conformance/command/first-run.ts

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

install: node_modules/.package-lock.json ## Install what package-lock.json names

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

build: install build/linux-kvm ## Compile the adapter for the running kernel, and bundle the command line
	@node --import tsx conformance/bundle-command.ts

build/linux-kvm: $(wildcard conformance/linux-kvm/*.c conformance/linux-kvm/*.h)
	@mkdir -p build
	$(MAKE) --no-print-directory -C conformance/linux-kvm OUT=$(CURDIR)/build/linux-kvm

generate: install ## Write oracles, vectors and schemas from spec/
	$(holdfast) generate

verify: install ## Explore every scenario of every system
	$(holdfast) verify --quiet

defects: install ## Explore every defect; each must be found by the rule it names
	$(holdfast) verify --defects --quiet

cross-check: install ## Let SPIN, where it is installed, count what the explorer counts; takes minutes; systems=, states=, nodes= narrow
	@node --import tsx conformance/command/cross-check.ts $(systems) $(if $(states),--max-states $(states)) $(if $(nodes),--max-nodes $(nodes))

reductions: install ## Explore every scenario and defect with and without reductions, and compare; takes minutes; systems=, states= narrow
	@node --import tsx conformance/command/reductions.ts $(systems) $(if $(states),--max-states $(states))

simulate: install ## Run the vectors against the embedded simulator
	$(holdfast) run --adapter simulator

kvm: build ## Run the vectors against the running kernel, where /dev/kvm opens
	$(holdfast) run --adapter linux-kvm

test: build types test-ends boundaries ## Pass all tests; only=<folder or file> narrows
	@node --import tsx .ci/test-files.ts $(only)

check: types format boundaries test-ends ## Types, format and lint, folder boundaries, drift of generated files
	$(holdfast) generate --check

types: install
	npx --no-install tsc -p .

format: install
	npx --no-install biome check --error-on-warnings .

bench: build ## Measure what has a goal, beside its peer; large=1 takes minutes more
	@node --import tsx generator/bench.ts $(if $(large),--large)

compare: install ## Run the same wrong C programs under ThreadSanitizer, Helgrind and Holdfast, and print who finds what
	@node --import tsx conformance/compared/compare.ts

fuzz: install ## Hostile input to the readers of traces, for 10 minutes; minutes=1 shortens, seed=N repeats
	@node --import tsx oracles/fuzz.ts $(or $(minutes),10) $(seed)

update-golden: install ## Rewrite the expected files under testdata/; then read the diff
	UPDATE_GOLDEN=1 node --import tsx .ci/test-files.ts generator

# uvu passes a test file silently if it never runs its suite.
test-ends:
	@missing=$$(git ls-files --cached --others --exclude-standard -- '*.test.ts' | xargs grep -L '^test\.run();$$' || true); \
	if [ -n "$$missing" ]; then echo "These test files never run their tests; end them with test.run();"; echo "$$missing"; exit 1; fi

# oracles/ is copied beside implementations, so it imports nothing from outside; a spec imports nothing but the language and its own folder.
boundaries:
	@out=$$(grep -nE "from '(\.\./|[a-z@])" oracles/*.ts | grep -v '\.test\.ts:' || true; \
	  grep -nE "from '(\.\./\.\./|[a-z@])" oracles/*/*.ts | grep -v '\.test\.ts:' || true); \
	if [ -n "$$out" ]; then echo "oracles/ imports from outside, and could not be copied beside an implementation:"; echo "$$out"; exit 1; fi
	@out=$$(grep -rnE "from '[^']+'" spec --include='*.ts' | grep -vE "from '(\.\./language|\./[a-z0-9.-]+)\.ts'" | grep -v '\.test\.ts:' || true); \
	if [ -n "$$out" ]; then echo "A spec imports something other than the language and its own folder:"; echo "$$out"; exit 1; fi

clean: ## Remove what was built; keeps node_modules
	rm -rf build
	$(MAKE) --no-print-directory -C conformance/linux-kvm clean
