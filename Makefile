# gozun: `make demo` shows it working, `make test` proves it. Both want root and Go, and
# install what else is missing (Debian packages).

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS   = -s -w -X main.version=$(VERSION)
TOOLS     = $(CURDIR)/.tools/bin
PREFIX   ?= /usr/local
export CGO_ENABLED ?= 0

.PHONY: build demo demo-down test check unit race e2e bench bench-go fuzz install tools clean openstack-up openstack-down test-openstack test-zunui

build: ## bin/zun, bin/neutron (the same program), bin/zund, bin/kuryr-libnetwork: static, version stamped
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/zun ./cmd/zund ./cmd/kuryr-libnetwork
	@ln -sf zun bin/neutron

demo: ## the main job on this machine, command by command
	@scripts/demo.sh

demo-down: ## removes all that the demo left running, and checks that nothing is left
	@scripts/demo-down.sh

test: ## every test there is
	@scripts/test.sh

check: tools ## formatting, vet, linters, the law of imports, and the race detector
	@scripts/check.sh

unit: ## all tests but the end-to-end ones
	$(GO) test ./...

race: ## the same under the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 30m ./...

e2e: build ## the built programs with a real Docker
	GOZUN_E2E=1 $(GO) test -count=1 -timeout 40m -v ./tests/e2e/...

bench: build ## what a container, an API request, a start cost, compared within one run (BENCH=--help)
	$(GO) build -trimpath -o bin/bench ./tests/bench
	bin/bench $(BENCH)

bench-go: ## Go's benchmarks of the parts
	$(GO) test -run '^$$' -bench . -benchtime 1s ./...

fuzz: ## every fuzz target for a short while (FUZZTIME=10s each)
	@scripts/fuzz.sh

install: build ## into PREFIX (/usr/local), with man pages, completion and systemd units
	@scripts/install.sh $(PREFIX)

tools: $(TOOLS)/gofumpt $(TOOLS)/staticcheck $(TOOLS)/golangci-lint

$(TOOLS)/gofumpt:
	GOBIN=$(TOOLS) $(GO) install mvdan.cc/gofumpt@v0.12.0
$(TOOLS)/staticcheck:
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.8.2
$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

BACKEND ?= linuxbridge
openstack-up: ## a real Keystone and Neutron for tests, with BACKEND=linuxbridge|ovs|ovn
	@OPENSTACK_BACKEND=$(BACKEND) tests/openstack/up.sh

openstack-down: ## stops it and removes what it left, whichever BACKEND it had
	@tests/openstack/down.sh --purge

BACKENDS ?= linuxbridge ovs ovn
test-openstack: ## the workflow and the plugin on a real Keystone and Neutron, one of BACKENDS after the other
	@scripts/test-openstack.sh $(BACKENDS)

test-zunui: ## Horizon's zun-ui of the checkout ZUN_UI, clicked in a browser
	@scripts/test-zunui.sh $(ZUN_UI)

clean:
	rm -rf bin .tools
