/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw check: the kernel, its BPF, and what this process may do with it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "tool_check.h"

enum {
	TCX_INGRESS = 46,      /* BPF_TCX_INGRESS, in kernels and headers from 6.6 on */
	BYTES_PER_ENTRY = 136, /* of a preallocated hash with values of 64 octets: measured, DESIGN §7 */
};

bool check_parse_release(const char *release, unsigned int *major, unsigned int *minor)
{
	char *end;
	unsigned long number = strtoul(release, &end, 10);

	if (end == release || *end != '.' || number > 1000)
		return false;
	*major = (unsigned int)number;
	release = end + 1;
	number = strtoul(release, &end, 10);
	*minor = (unsigned int)number;
	return end != release && number <= 1000;
}

void check_kernel(struct check *check)
{
	struct utsname host = {};

	uname(&host);
	if (!check_parse_release(host.release, &check->kernel_major, &check->kernel_minor))
		check_say(check, CHECK_WARN, "kernel", "release '%s' can't be read: expected 6.1 or later",
			  host.release);
	else if (check_kernel_is(check, 6, 1))
		check_say(check, CHECK_OK, "kernel", "%s: 6.1 or later", host.release);
	else {
		check_say(check, CHECK_FAIL, "kernel", "%s: older than 6.1", host.release);
		check_cure(check, "apt-get install linux-image-amd64 && reboot");
	}
}

bool check_read_number(const char *path, long *value)
{
	FILE *file = fopen(path, "re");
	char text[32], *end = text;

	if (!file)
		return false;
	if (fgets(text, sizeof(text), file))
		*value = strtol(text, &end, 10);
	fclose(file);
	return end != text;
}

/* Only the initial network namespace shows it. */
static void check_jit(struct check *check)
{
	long value;

	if (!check_read_number("/proc/sys/net/core/bpf_jit_enable", &value))
		check_say(check, CHECK_INFO, "bpf-jit", "net.core.bpf_jit_enable is not visible here: unknown");
	else if (value >= 1)
		check_say(check, CHECK_OK, "bpf-jit", "net.core.bpf_jit_enable is %ld", value);
	else {
		check_say(check, CHECK_WARN, "bpf-jit",
			  "net.core.bpf_jit_enable is 0: programs are interpreted, many times slower");
		check_cure(check, "sysctl -w net.core.bpf_jit_enable=1");
	}
}

/* Probed by a program of two instructions that is loaded, attached nowhere and dropped. */
static void check_bpf_types(struct check *check)
{
	static const struct {
		enum bpf_prog_type type;
		const char *name, *option;
	} types[] = { { BPF_PROG_TYPE_XDP, "XDP", "CONFIG_BPF_SYSCALL=y" },
		      { BPF_PROG_TYPE_SCHED_CLS, "TC", "CONFIG_NET_CLS_BPF, CONFIG_NET_CLS_ACT" } };
	libbpf_print_fn_t old = libbpf_set_print(NULL);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		int got = libbpf_probe_bpf_prog_type(types[i].type, NULL);

		if (got == 1) {
			check_say(check, CHECK_OK, "bpf", "%s programs can be loaded", types[i].name);
		} else if (geteuid() != 0) {
			check_say(check, CHECK_WARN, "bpf", "whether %s programs can be loaded only root can tell",
				  types[i].name);
			check_cure(check, "sudo mobgw check --config %s", check->options->config);
		} else {
			check_say(check, CHECK_FAIL, "bpf", "%s programs can't be loaded: needs a kernel with %s",
				  types[i].name, types[i].option);
			check_cure(check, "grep -E 'BPF_SYSCALL|NET_CLS_BPF|NET_CLS_ACT' /boot/config-$(uname -r)");
		}
	}
	libbpf_set_print(old);
}

static bool module_is_known(const char *name)
{
	char path[256], line[256], wanted[64];
	struct utsname host = {};
	bool known = false;
	static const char *const lists[] = { "modules.builtin", "modules.dep" };

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (access(path, F_OK) == 0)
		return true;
	uname(&host);
	snprintf(wanted, sizeof(wanted), "/%s.ko", name);
	for (size_t i = 0; i < ARRAY_SIZE(lists) && !known; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "/lib/modules/%s/%s", host.release, lists[i]);
		file = fopen(path, "re");
		while (file && !known && fgets(line, sizeof(line), file))
			known = strstr(line, wanted) != NULL;
		if (file)
			fclose(file);
	}
	return known;
}

/* How TC programs are held: a TCX link where the kernel has it, else a clsact filter. A query changes nothing. */
static void check_tcx(struct check *check)
{
	unsigned int count = 0, flags = 0;
	int err = bpf_prog_query(1 /* lo */, (enum bpf_attach_type)TCX_INGRESS, 0, &flags, NULL, &count);

	if (err == 0)
		check_say(check, CHECK_OK, "tcx", "TC programs are attached by TCX links");
	else if (err == -EPERM)
		check_say(check, CHECK_INFO, "tcx", "whether the kernel has TCX (6.6 or later) only root can tell");
	else if (module_is_known("sch_ingress") && module_is_known("cls_bpf"))
		check_say(check, CHECK_OK, "tcx",
			  "no TCX before kernel 6.6: TC programs are attached by clsact filters");
	else {
		check_say(check, CHECK_WARN, "tcx",
			  "no TCX (kernel 6.6 or later), and no sign of clsact: needs sch_ingress and cls_bpf");
		check_cure(check, "modprobe -a sch_ingress cls_bpf");
	}
}

/* The nearest directory above @path that is there. */
static int statfs_above(const char *path, struct statfs *fs)
{
	char *parent = strdup(path), *slash;
	int err = parent ? statfs(parent, fs) : -1;

	while (parent && err && (slash = strrchr(parent, '/')) && slash != parent) {
		*slash = '\0';
		err = statfs(parent, fs);
	}
	free(parent);
	return err;
}

static void check_filesystems(struct check *check)
{
	const char *pins = check->config ? check->config->pin_dir : "/sys/fs/bpf/mobgw";
	struct statfs fs = {};

	if (statfs_above(pins, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC)
		check_say(check, CHECK_OK, "bpffs", "%s is in a BPF file system", pins);
	else {
		check_say(check, CHECK_FAIL, "bpffs", "%s is in no BPF file system: nothing can be pinned there", pins);
		check_cure(check, "mount -t bpf bpf /sys/fs/bpf");
	}
	if (access("/sys/kernel/btf/vmlinux", F_OK) == 0)
		check_say(check, CHECK_OK, "btf", "/sys/kernel/btf/vmlinux is there");
	else {
		check_say(check, CHECK_FAIL, "btf",
			  "no /sys/kernel/btf/vmlinux: needs a kernel with CONFIG_DEBUG_INFO_BTF=y");
		check_cure(check, "apt-get install linux-image-amd64 && reboot");
	}
	if (access("/sys/kernel/tracing/events/xdp/xdp_redirect_err/id", F_OK) == 0)
		check_say(check, CHECK_OK, "tracefs", "losses after a redirect can be counted");
	else if (geteuid() == 0) {
		check_say(check, CHECK_WARN, "tracefs",
			  "no tracepoints in /sys/kernel/tracing: losses after a redirect stay unknown");
		check_cure(check, "mount -t tracefs tracefs /sys/kernel/tracing");
	}
}

void check_bpf(struct check *check)
{
	check_bpf_types(check);
	check_jit(check);
	check_filesystems(check);
	check_tcx(check);
}

static void check_capabilities(struct check *check)
{
	static const struct {
		unsigned int cap;
		const char *name, *purpose;
	} caps[] = {
		{ CAP_BPF, "CAP_BPF", "to load programs" },
		{ CAP_PERFMON, "CAP_PERFMON", "without it the kernel hardens programs and they are slower" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "to attach programs, follow routes and neighbours" },
		{ CAP_NET_RAW, "CAP_NET_RAW", "for mobility headers and ICMPv6" },
	};
	size_t effective = 0;

	capng_get_caps_process();
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, caps[i].cap)) {
			effective++;
		} else if (!capng_have_capability(CAPNG_BOUNDING_SET, caps[i].cap)) {
			check_say(check, CHECK_FAIL, "privileges", "%s can't be had here, %s", caps[i].name,
				  caps[i].purpose);
			check_cure(check, "start the container with --cap-add=BPF --cap-add=PERFMON "
					  "--cap-add=NET_ADMIN --cap-add=NET_RAW");
		} else {
			check_say(check, CHECK_WARN, "privileges",
				  "this process lacks %s: not everything can be checked", caps[i].name);
			check_cure(check, "sudo mobgw check --config %s", check->options->config);
		}
	}
	if (effective == ARRAY_SIZE(caps))
		check_say(check, CHECK_OK, "privileges", "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_NET_RAW");
}

/* From 5.11 on the memory of maps is charged to the memory cgroup, so that only its limit matters. */
static void check_memory(struct check *check)
{
	struct rlimit limit = {};
	uint64_t bindings =
		check->config ? check->config->max_bindings + (uint64_t)check->config->peer_bindings : 65536;
	uint64_t megabytes = 2 * bindings * BYTES_PER_ENTRY / 1000000 + 1;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (check_kernel_is(check, 5, 11) || limit.rlim_cur == RLIM_INFINITY)
		check_say(check, CHECK_OK, "memory",
			  "maps for %llu bindings take about %llu MB; ulimit -l does not limit them",
			  (unsigned long long)bindings, (unsigned long long)megabytes);
	else {
		check_say(check, CHECK_WARN, "memory", "maps take about %llu MB, locked memory is limited to %llu kB",
			  (unsigned long long)megabytes, (unsigned long long)limit.rlim_cur / 1024);
		check_cure(check, "ulimit -l unlimited");
	}
}

void check_privileges(struct check *check)
{
	check_capabilities(check);
	check_memory(check);
}
