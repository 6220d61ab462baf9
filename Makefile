# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# All of the build: BPF objects -> skeletons -> daemon, tool -> tests. V=1 shows commands; warnings are errors.
CLANG   ?= clang
CC      ?= gcc
BPFTOOL ?= bpftool
PYTHON  ?= /usr/bin/python3
PREFIX  ?= /usr/local
SYSCONFDIR ?= /etc
B       := build
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
endif

PKGS     := libbpf libmnl libcyaml jansson libsystemd libcap-ng libcrypto
CPPFLAGS := -D_GNU_SOURCE -DMOBGW_VERSION='"$(VERSION)"' -I$(B) -MMD -MP
CFLAGS   := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wvla -Wno-unused-parameter -fstack-protector-strong
LDLIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
SAN      := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
BPFFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-address-of-packed-member

# pure: no socket, no clock; kernel: the network; the rest are roles and operator
PURE     := log mh nd packet packet_route binding movement movement_belief update_list rr peer_list key_file auth_keys auth_option ipsec_suites ipsec_keys ipsec_plan ike_secrets ike_connection ike_sas vici_message config config_source config_schema config_check config_check_protection config_check_peers
AGENT_MAIN := agent/main.c
TOOL_SRC := agent/mobgw.c $(wildcard agent/tool_*.c)
AGENT_SRC := $(filter-out $(AGENT_MAIN) $(TOOL_SRC),$(wildcard agent/*.c))
AGENT_OBJ := $(AGENT_SRC:%.c=$(B)/%.o)
PURE_OBJ := $(PURE:%=$(B)/agent/%.o)
SAN_OBJ  := $(AGENT_SRC:%.c=$(B)/san/%.o)
BPF_SRC  := $(wildcard bpf/*.bpf.c)
SKELS    := $(BPF_SRC:bpf/%.bpf.c=$(B)/%.skel.h)
UNIT_SRC := $(wildcard tests/unit/*_test.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%) $(UNIT_SRC:%.c=$(B)/san/%)
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)
DATA_SRC := $(wildcard tests/datapath/*_test.c)
DATA_BIN := $(DATA_SRC:%.c=$(B)/%)
BENCH_SRC := $(wildcard tests/bench/*_bench.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(B)/%)
MAN_SRC  := $(wildcard docs/*.scd)
MAN      := $(MAN_SRC:%.scd=$(B)/%)

.PHONY: all deps check check-build demo bench fuzz install clean vmlinux
all: $(B)/mobgwd $(B)/mobgw $(MAN)

$(B)/mobgwd: $(B)/agent/main.o $(AGENT_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)
$(B)/mobgw: $(TOOL_SRC:%.c=$(B)/%.o) $(AGENT_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

$(B)/%.o: %.c | $(SKELS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/san/%.o: %.c | $(SKELS)
	$(call say,CC-SAN,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $(SAN) -c -o $@ $<
$(B)/san/mobgwd: $(B)/san/agent/main.o $(SAN_OBJ)
	$(call say,LINK-SAN,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) -o $@ $^ $(LDLIBS)

$(B)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) $(wildcard headers/*.h) vmlinux.h
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPFFLAGS) -c -o $@ $<
$(B)/tests/bench/%.bpf.o: tests/bench/%.bpf.c $(wildcard bpf/*) $(wildcard headers/*.h) vmlinux.h
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPFFLAGS) -c -o $@ $<
$(B)/tests/bench/%.skel.h: $(B)/tests/bench/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@
$(B)/tests/bench/program_bench.o: $(B)/tests/bench/bench.skel.h
$(B)/tests/bench/edit_bench.o: $(B)/tests/bench/edit.skel.h $(SKELS)
$(B)/tests/bench/edit_bench: $(B)/agent/log.o
$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

# A unit test links every object but those it includes as source (tests/unit/fake_*.c stand in for the kernel layer).
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(AGENT_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -Wl,--allow-multiple-definition -o $@ $^ $(LDLIBS) -lcmocka
$(B)/san/tests/unit/%: $(B)/san/tests/unit/%.o $(SAN_OBJ)
	$(call say,LINK-SAN,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) -Wl,--allow-multiple-definition -o $@ $^ $(LDLIBS) -lcmocka
$(B)/tests/datapath/%: $(B)/tests/datapath/%.o $(AGENT_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS) -lcmocka
$(B)/tests/bench/%: $(B)/tests/bench/%.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS) -lcmocka
$(B)/tests/fuzz/%: tests/fuzz/%.c $(PURE:%=agent/%.c)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) -D_GNU_SOURCE -I$(B) -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $^ $(LDLIBS)

$(B)/docs/%: docs/%.scd
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D) && scdoc < $< > $@.tmp && mv $@.tmp $@

deps:
	$(Q)tests/deps

check: deps
	$(Q)tests/check

check-build: all $(UNIT_BIN) $(FUZZ_BIN) $(DATA_BIN) $(BENCH_BIN) $(B)/san/mobgwd

demo: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/demo/demo $(if $(HANDOVERS),--handovers $(HANDOVERS)) $(DEMOFLAGS)

bench: deps
	$(Q)$(MAKE) --no-print-directory all $(BENCH_BIN)
	$(Q)tests/bench/run

fuzz: deps
	$(Q)$(MAKE) --no-print-directory $(FUZZ_BIN)
	$(Q)tests/fuzz/run 300

# The types come from a kernel that has them; headers of ours need only these (docs/architecture.md).
vmlinux:
	$(Q)$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c > $(B)/vmlinux.full.h
	$(Q)echo "kept types are listed at the top of vmlinux.h; take their definitions from $(B)/vmlinux.full.h"

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7 \
		$(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(SYSCONFDIR)/mobgw $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(B)/mobgwd $(B)/mobgw $(DESTDIR)$(PREFIX)/sbin/
	for page in $(MAN); do install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/; done
	sed 's#@sbindir@#$(PREFIX)/sbin#' packaging/mobgwd.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/mobgwd.service
	install -d $(DESTDIR)$(PREFIX)/share/doc/mobgw $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 packaging/mobgwd-mobile-node.yaml packaging/mobgwd-correspondent.yaml $(DESTDIR)$(PREFIX)/share/doc/mobgw/
	install -m 644 packaging/completions/mobgw.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mobgw
	[ -e $(DESTDIR)$(SYSCONFDIR)/mobgw/mobgwd.yaml ] || install -m 640 packaging/mobgwd.yaml $(DESTDIR)$(SYSCONFDIR)/mobgw/mobgwd.yaml

clean:
	rm -rf $(filter-out $(B)/vm,$(wildcard $(B)/*))

.SECONDARY:
-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d)
