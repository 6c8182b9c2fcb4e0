# SPDX-License-Identifier: Apache-2.0
# `make` lists what there is to do. Everything that is built goes to a scratch folder outside the clone.

# Under sudo: that of the user who built it.
HOME_OF_BUILDER := $(if $(SUDO_USER),$(shell getent passwd $(SUDO_USER) | cut -d: -f6),$(HOME))
export ONDECK_SCRATCH ?= $(HOME_OF_BUILDER)/.cache/ondeck-build
DEBUG   := $(ONDECK_SCRATCH)/debug
RELEASE := $(ONDECK_SCRATCH)/release
BINARY  ?= $(RELEASE)/release/ondeck

FIRMWARE     ?= uefi
ONLY         ?=
FUZZ_SECONDS ?= 60
SOAK_MINUTES ?= 30
SEEDS        ?= 1000
LONG_GROUPS  := content content-faults boot-storm boot-failover boot-failover-lb boot-silence boot-silence-lb \
                proxies http-hostile
HOURS        ?= 24

prefix     ?= /usr/local
bindir     := $(prefix)/bin
docdir     := $(prefix)/share/doc/ondeck
sysconfdir ?= /etc
unitdir    := $(prefix)/lib/systemd/system
sysusers   := $(prefix)/lib/sysusers.d
completion := $(prefix)/share/bash-completion/completions

INSTALLED := $(bindir)/ondeck $(unitdir)/ondeck.service $(sysusers)/ondeck.conf $(completion)/ondeck \
             $(docdir)/LICENSE $(docdir)/NOTICE $(docdir)/site.yaml $(docdir)/vip.conf

.DEFAULT_GOAL := help
.PHONY: help demo test unit system system-long build debug install uninstall lint format fuzz soak \
        bench-dhcp bench-start bench-scale bench-tftp bench-http bench-failover bench-cluster bench-outage \
        bench-content bench-storm sim

help:
	@echo 'make demo [FIRMWARE=uefi|bios|http]  a machine boots from the network, here, in private namespaces'
	@echo 'make test                            everything that CI checks: lint, units, fuzz, system (30 minutes)'
	@echo 'make system [ONLY="cli kill9"]       the system tests only; make unit: the others'
	@echo 'make system-long [ONLY="content"]    those with a long variant: 1 GiB transfers, slow links, more rounds (20 minutes)'
	@echo 'make build                           the release binary: $(BINARY)'
	@echo 'make install [prefix= DESTDIR=]      and make uninstall'
	@echo 'make bench-dhcp bench-start bench-scale bench-tftp bench-http bench-failover bench-cluster bench-outage'
	@echo '     bench-content bench-storm'
	@echo '                                     each beside a peer, in one run; ends with the figures'
	@echo 'make fuzz [FUZZ_SECONDS=60]          random bytes against every decoder'
	@echo 'make sim [SEEDS=1000 HOURS=24]       a simulated cluster with faults, seed after seed; hours of computing'
	@echo 'make soak [SOAK_MINUTES=30]          load, kill -9 and growth, for as long as you like'
	@echo 'make lint format                     swift format, shellcheck'
	@echo 'Missing packages are installed by apt-get; Swift 6.3 is not, but you are told how.'

demo:
	@scripts/need build demo
	@$(MAKE) --no-print-directory debug
	@ONDECK=$(DEBUG)/debug/ondeck demo/run $(FIRMWARE)

debug:
	@scripts/need build
	swift build --scratch-path $(DEBUG) --product ondeck

test:
	@scripts/test

unit:
	@scripts/need build test
	swift test --scratch-path $(DEBUG) --no-parallel

system:
	@scripts/need build test
	@$(MAKE) --no-print-directory debug
	@ONDECK=$(DEBUG)/debug/ondeck Tests/System/run $(ONLY)

system-long:
	@$(MAKE) --no-print-directory system LONG=1 IDLE=10000 ONLY='$(or $(ONLY),$(LONG_GROUPS))'

build:
	@scripts/need build
	@scripts/build-release

# Installs the binary that is there; builds it first if there is none.
install:
	@test -x $(BINARY) || $(MAKE) --no-print-directory build
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(unitdir) $(DESTDIR)$(sysusers) $(DESTDIR)$(completion) \
	    $(DESTDIR)$(docdir) $(DESTDIR)$(sysconfdir)/ondeck
	install -m 755 $(BINARY) $(DESTDIR)$(bindir)/ondeck
	strip --strip-debug $(DESTDIR)$(bindir)/ondeck
	sed 's|@bindir@|$(bindir)|; s|@sysconfdir@|$(sysconfdir)|; s|@docdir@|$(docdir)|' packaging/ondeck.service \
	    >$(DESTDIR)$(unitdir)/ondeck.service
	install -m 644 packaging/ondeck.sysusers $(DESTDIR)$(sysusers)/ondeck.conf
	$(BINARY) --generate-completion-script bash >$(DESTDIR)$(completion)/ondeck
	install -m 644 LICENSE NOTICE demo/site.yaml packaging/vip.conf $(DESTDIR)$(docdir)
	test -e $(DESTDIR)$(sysconfdir)/ondeck/ondeck.yaml || \
	    install -m 644 packaging/ondeck.yaml $(DESTDIR)$(sysconfdir)/ondeck/ondeck.yaml
	@echo
	@echo 'Installed. Next: systemd-sysusers && systemctl daemon-reload && systemctl enable --now ondeck'
	@echo 'then describe your site ($(docdir)/site.yaml is an example) and: ondeck apply -f site.yaml'

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rmdir $(DESTDIR)$(docdir) 2>/dev/null || true
	@echo 'Kept: $(sysconfdir)/ondeck and /var/lib/ondeck'

lint:
	@scripts/need build test
	@scripts/lint

format:
	swift format --in-place --parallel --recursive Sources Tests Fuzz Package.swift

fuzz:
	@scripts/need build
	@Fuzz/run $(FUZZ_SECONDS)

soak:
	@scripts/need build test
	@$(MAKE) --no-print-directory debug
	@ONDECK=$(DEBUG)/debug/ondeck Tests/System/soak $(SOAK_MINUTES)

sim:
	@scripts/need build
	@scripts/build-release ondeck-sim
	@$(RELEASE)/release/ondeck-sim --seed 1 --seeds $(SEEDS) --hours $(HOURS)

bench-dhcp bench-start bench-scale bench-tftp bench-http bench-failover bench-cluster bench-outage bench-storm bench-content:
	@scripts/need build demo bench
	@scripts/build-release
	@ONDECK=$(BINARY) Bench/$(@:bench-%=%).sh
