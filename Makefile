# The two commands of a newcomer are `make run` and `make test`. Everything needs Go, git, make and a C compiler (for
# the race detector); the linter is fetched through the Go proxy, and the programs that tests call by `make tools`.

GO ?= go

# All is compiled in the one way that the image needs, since each other way compiles the whole of CoreDNS once more:
# without C, without paths of this machine, and without the pages of gRPC that nothing here serves (see deploy/image.sh).
# The race detector alone needs C.
export CGO_ENABLED := 0
export GOFLAGS := $(GOFLAGS) -trimpath -tags=grpcnotrace
KUBE_TAGS := -tags kube,grpcnotrace

# Pinned: a linter that changes by itself fails a build that nobody touched.
GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)

# How long each fuzzer runs in `make fuzz`.
FUZZTIME ?= 60s

# Packages whose tests run in their own process, without a server binary.
UNIT := ./cmd/... ./health/... ./policy/... ./plugin/...
# Those that run the real binary, and none that wants the machine for itself.
E2E := ./test ./test/judge
# What they run.
BINARIES := COREDNS_BINARY="$(CURDIR)/bin/coredns" FAILOVERCTL_BINARY="$(CURDIR)/bin/failoverctl"
# What the tests call, each with the Debian package that it is in.
TOOLS := curl:curl ip:iproute2 nft:nftables chrt:util-linux nice:coreutils \
	delv:bind9-dnsutils dig:bind9-dnsutils dnsperf:dnsperf kdig:knot-dnsutils knotd:knot named:bind9 nsd:nsd \
	promtool:prometheus prometheus-alertmanager:prometheus-alertmanager \
	chromium-headless-shell:chromium-headless-shell
# What `make judge` calls beside these.
JUDGES := ldns-verify-zone:ldnsutils unbound:unbound zonemaster-cli:zonemaster-cli
# Whom bench-query compares with, the same way. Nothing fails without them but the comparison.
RIVALS := gdnsd:gdnsd pdns_server:pdns-server,pdns-backend-bind
# What the tests against a Kubernetes API server call beside what test/plane makes.
KUBE_TOOLS := curl:curl dig:bind9-dnsutils ip:iproute2 nft:nftables unshare:util-linux mount:mount getent:libc-bin \
	jq:jq umoci:umoci buildah:buildah skopeo:skopeo runc:runc setcap:libcap2-bin
# The Kubernetes of test/plane. A server that does not know its version is refused by its own tools.
KUBE_VERSION = $(shell awk '$$1 == "k8s.io/kubernetes" { print $$2; exit }' test/plane/go.mod)
KUBE_STAMP = k8s.io/component-base/version
KUBE_BINARIES = PLANE_BINARY="$(CURDIR)/bin/plane" KUBECTL_BINARY="$(CURDIR)/bin/kubectl" \
	KUBEADM_BINARY="$(CURDIR)/bin/kubeadm" STOCK_BINARY="$(CURDIR)/bin/coredns-stock" \
	IMAGE_LAYOUT="$(abspath $(IMAGE_LAYOUT))"
# What makes the images, and brings them to a registry.
IMAGE_TOOLS := buildah:buildah setcap:libcap2-bin update-ca-certificates:ca-certificates skopeo:skopeo
# The version of failover. Of an image it is said by the path, REPOSITORY/coredns:TAG, since kubeadm takes a tag for a
# version of CoreDNS and fails on one that is newer than itself: this is the newest that kubeadm 1.36 knows.
VERSION := 0.1.0
IMAGE_REPOSITORY ?= registry.example.org/coredns-failover-$(VERSION)
IMAGE_TAG ?= v1.14.2
IMAGE_LAYOUT ?= bin/image
SOURCES := cmd health policy plugin test

.PHONY: FORCE all build man run test unit race alloc e2e faults faults-full plane test-kube kube-or-say judge image tools fmt fmt-check vet lint fuzz bench bench-checks bench-query bench-scale bench-limits bench-smoke rivals clean

all: build

# The tests measure time, so they are not to run beside each other.
.NOTPARALLEL:

## build: bin/coredns, stock CoreDNS with failover in it, and bin/failoverctl, its command line.
build:
	$(GO) build -o bin/coredns ./cmd/coredns
	$(GO) build -o bin/failoverctl ./cmd/failoverctl

## man: the manual pages of failoverctl, in bin/man.
man: build
	rm -rf bin/man
	bin/failoverctl man bin/man

## run: build it and run it on the example.
run: build
	bin/coredns -conf Corefile.example

## test: everything that must pass before a change goes in.
test: fmt-check vet lint race alloc faults bench-smoke kube-or-say

## unit: the quick tests, without the race detector and without the end-to-end tests.
unit:
	$(GO) test $(UNIT)

# The race run is the unit test run too. The end-to-end tests come last and alone, because they measure time; they are
# never taken from the test cache, which does not know the server binary. That one is built without the race detector,
# since they watch it from outside; what they run in their own process is under it.
## race: unit and end-to-end tests under the race detector.
race: build tools
	CGO_ENABLED=1 $(GO) test -race -skip Alloc $(UNIT)
	CGO_ENABLED=1 $(BINARIES) $(GO) test -race -count=1 -p 1 -timeout 15m $(E2E)

# The race detector allocates by itself, so what counts allocations is run without it.
## alloc: the tests that count allocations.
alloc:
	$(GO) test -run 'Alloc' $(UNIT)

## e2e: the end-to-end tests alone.
e2e: build
	$(BINARIES) $(GO) test -count=1 -p 1 $(E2E)

# Alone, since they measure time and starve the machine, and without the race detector, which starves it too.
## faults: the end-to-end tests in which our own side breaks, in a network namespace; some 90 seconds.
faults: build tools
	COREDNS_BINARY="$(CURDIR)/bin/coredns" $(GO) test -count=1 -timeout 10m ./test/faults

## faults-full: the same with the times and numbers of the failure matrix.
faults-full: build tools
	FAULTS_FULL=1 COREDNS_BINARY="$(CURDIR)/bin/coredns" $(GO) test -count=1 -timeout 60m -v ./test/faults

# A module of its own, since a control plane's requirements are none of the plugin's. With cold caches it takes eight
# minutes on two cores, and afterwards a second.
## plane: a Kubernetes control plane for tests, and kubectl and kubeadm of its version, from the Go module proxy.
plane:
	cd test/plane && $(GO) build -o "$(CURDIR)/bin/" -ldflags "-s -w -X $(KUBE_STAMP).gitVersion=$(KUBE_VERSION) \
		-X $(KUBE_STAMP).gitMajor=$(word 1,$(subst ., ,$(KUBE_VERSION:v%=%))) \
		-X $(KUBE_STAMP).gitMinor=$(word 2,$(subst ., ,$(KUBE_VERSION:v%=%)))" \
		. k8s.io/kubernetes/cmd/kubectl k8s.io/kubernetes/cmd/kubeadm

## test-kube: the tests against a real Kubernetes API server; on Linux, as root.
test-kube: build plane image
	@$(MAKE) --no-print-directory tools TOOLS="$(KUBE_TOOLS)"
	$(GO) build -o bin/coredns-stock ./test/kube/stock
	$(BINARIES) $(KUBE_BINARIES) $(GO) test $(KUBE_TAGS) -count=1 -timeout 15m ./test/kube

# What a user's account cannot do is left out, but not in silence; what is merely missing or broken is a failure.
kube-or-say:
	@if [ "$$(uname)" = Linux ] && [ "$$(id -u)" = 0 ]; then $(MAKE) --no-print-directory test-kube; else \
		echo "*** LEFT OUT: test-kube, the tests against a Kubernetes API server. They make namespaces and bind" >&2; \
		echo "*** port 53, for which they need root on Linux: sudo make test-kube" >&2; \
	fi

# A judge that cannot be had is a verdict of its own, MISSING, and a failure; the others are asked all the same.
## judge: what other programs say of our answers, as a table; some 30 seconds.
judge: build
	-@$(MAKE) --no-print-directory tools TOOLS="$(TOOLS) $(JUDGES)"
	$(GO) test -c -o bin/judge.test ./test/judge
	cd test/judge && JUDGE_ALL=1 COREDNS_BINARY="$(CURDIR)/bin/coredns" "$(CURDIR)/bin/judge.test" -test.timeout 10m

## image: the images for Kubernetes, as an OCI layout in bin/image, for this machine's processor or GOARCH; as root.
image:
	@$(MAKE) --no-print-directory tools TOOLS="$(IMAGE_TOOLS)"
	GO="$(GO)" IMAGE_LAYOUT="$(IMAGE_LAYOUT)" IMAGE_TAG="$(IMAGE_TAG)" IMAGE_VERSION="$(VERSION)" deploy/image.sh
	@echo "to publish one: skopeo copy oci:$(IMAGE_LAYOUT):TAG docker://$(IMAGE_REPOSITORY)/coredns:TAG"

# Root gets what is missing, as in a bare container; others are told. The name servers among it are for tests only, so
# the policy keeps Debian from running them.
## tools: the programs that tests call.
tools:
	@PATH="$$PATH:/usr/sbin:/sbin"; missing=; \
	for tool in $(TOOLS); do \
		command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool##*:}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "the tests need what is in these Debian packages:$$missing" >&2; exit 1; \
	fi; \
	policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then \
		trap "rm -f $$policy" EXIT; \
		printf '#!/bin/sh\nexit 101\n' >$$policy && chmod +x $$policy || exit 1; \
	fi; \
	apt-get -q update && apt-get -q install -y --no-install-recommends $$(echo "$$missing" | tr , ' ')

## fmt: format the code.
fmt:
	gofmt -w $(SOURCES)

fmt-check:
	@files=$$(gofmt -l $(SOURCES)) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted (run make fmt):"; echo "$$files"; exit 1; fi

## vet: what go vet finds.
vet:
	$(GO) vet $(KUBE_TAGS) ./...

## lint: what the linter finds, the one-way imports of .golangci.yml among it.
lint: $(GOLANGCI)
	$(GOLANGCI) run ./...

$(GOLANGCI):
	GOBIN="$(CURDIR)/bin" $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

## fuzz: every fuzzer for FUZZTIME; what they find stays under testdata/fuzz as a seed.
fuzz:
	@set -e; \
	for file in $$(grep -rl --include='*_test.go' '^func Fuzz' health policy plugin); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "== $$name ($$(dirname $$file))"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./$$(dirname $$file); \
		done; \
	done

## bench: every benchmark, with allocation counts.
bench:
	$(GO) test -run '^$$' -bench . -benchmem $(UNIT)

## bench-checks: what 10,000 and 100,000 checks cost, beside gdnsd (if it is installed) and net/http; some 7 minutes.
bench-checks: build
	COREDNS_BINARY="$(CURDIR)/bin/coredns" $(GO) run ./test/benchchecks

# One build for all plugins that are compared, with one that does nothing among them.
bin/coredns-bench: FORCE
	$(GO) build -o $@ ./test/benchquery/coredns

FORCE:

## bench-query: what an answer costs, beside other plugins, gdnsd and PowerDNS, and while health changes; some 10 minutes.
bench-query: bin/coredns-bench tools rivals
	BENCH_BINARY="$(CURDIR)/bin/coredns-bench" $(GO) run ./test/benchquery

## bench-scale: a thousand to a million record sets: loading, memory, changes; some 5 minutes.
bench-scale: build
	COREDNS_BINARY="$(CURDIR)/bin/coredns" $(GO) run ./test/benchscale

## bench-limits: what a pod takes with so many record sets and checks, of the image; some 5 minutes, as root.
bench-limits: build plane image
	@$(MAKE) --no-print-directory tools TOOLS="$(KUBE_TOOLS)"
	$(GO) build -o bin/coredns-stock ./test/kube/stock
	LIMITS_FULL=1 $(BINARIES) $(KUBE_BINARIES) $(GO) test $(KUBE_TAGS) -count=1 -timeout 15m -v -run TestLimits ./test/kube

# As tools, but without an error: what is not there is left out, and bench-query says so.
rivals:
	@for rival in $(RIVALS); do \
		$(MAKE) --no-print-directory tools TOOLS="$$rival" || echo "*** $${rival%%:*} is NOT INSTALLED ***" >&2; \
	done

## bench-smoke: that these programs still work; it judges no figure.
bench-smoke: build bin/coredns-bench tools
	COREDNS_BINARY="$(CURDIR)/bin/coredns" BENCH_BINARY="$(CURDIR)/bin/coredns-bench" \
		$(GO) test -count=1 -timeout 10m -p 1 ./test/flood ./test/bench ./test/benchchecks ./test/benchquery \
		./test/benchscale

## clean: remove what the build made.
clean:
	rm -rf bin
