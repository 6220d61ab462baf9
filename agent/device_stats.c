/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Losses after our verdict. A redirect is only a wish: the kernel may refuse it (MTU, no such device) and the device
 * may not take the frame, e.g. veth whose peer has neither XDP nor GRO loses it in silence and counts it nowhere. So
 * beside the statistics of drivers and links this file counts three tracepoints with perf, without sampling.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control.h"

enum {
	SETS = 8,	      /* tracepoint and filter pairs below, with room */
	STATS_MOST = 1 << 14, /* statistics a driver may claim to have; mlx5 has some thousands */
	STATS_SLACK = 1024,   /* the kernel writes what the driver has by then, e.g. after queues were added */
};

/*
 * A perf event counts hits, but one hit of xdp_devmap_xmit reports up to 16 lost frames (DEV_MAP_BULK_SIZE). So it is
 * opened once per bit of `drops`, each with the bit as its filter, and the hits are weighed: an exact sum of frames.
 */
static const struct source {
	const char *tracepoint, *filter;
	uint64_t weight;
	enum redirect_counter counter;
	bool optional; /* newer kernels have no such tracepoint: all is reported by xdp_redirect_err */
} sources[] = {
	{ "xdp_redirect_err", NULL, 1, REDIRECT_REFUSED, false },
	{ "xdp_redirect_map_err", NULL, 1, REDIRECT_REFUSED, true },
	{ "xdp_exception", NULL, 1, REDIRECT_EXCEPTION, false },
	{ "xdp_devmap_xmit", "drops & 1", 1, REDIRECT_NOT_SENT, false },
	{ "xdp_devmap_xmit", "drops & 2", 2, REDIRECT_NOT_SENT, false },
	{ "xdp_devmap_xmit", "drops & 4", 4, REDIRECT_NOT_SENT, false },
	{ "xdp_devmap_xmit", "drops & 8", 8, REDIRECT_NOT_SENT, false },
	{ "xdp_devmap_xmit", "drops & 16", 16, REDIRECT_NOT_SENT, false },
};
_Static_assert(ARRAY_SIZE(sources) <= SETS, "one set of descriptors per source");

static const struct {
	const char *name, *text;
} counter_words[REDIRECT_COUNTERS] = {
	[REDIRECT_REFUSED] = { "redirect-refused", "redirects the kernel refused: frame over the device's MTU, device "
						   "gone, or unable to send (veth: peer without XDP and GRO)" },
	[REDIRECT_NOT_SENT] = { "redirect-not-sent", "redirected frames that the device did not take" },
	[REDIRECT_EXCEPTION] = { "exception", "XDP programs that ended in an exception, or whose verdict failed" },
};

struct redirect_counters {
	int *fds[SETS]; /* cpus each */
	long cpus;
	const char *why[REDIRECT_COUNTERS]; /* NULL: known */
};

const char *redirect_counter_name(enum redirect_counter which)
{
	return counter_words[which].name;
}

const char *redirect_counter_text(enum redirect_counter which)
{
	return counter_words[which].text;
}

/* Number of a tracepoint in xdp:, or -errno. */
static int tracepoint_id(const char *name)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[128], text[16];
	int err = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		FILE *file;
		long id;

		snprintf(path, sizeof(path), "%s/events/xdp/%s/id", roots[i], name);
		file = fopen(path, "re");
		if (!file) {
			err = errno == EACCES || err == -EACCES ? -EACCES : -ENOENT;
			continue;
		}
		id = fgets(text, sizeof(text), file) ? strtol(text, NULL, 10) : 0;
		fclose(file);
		return id > 0 && id < INT32_MAX ? (int)id : -EIO;
	}
	return err;
}

static int open_on_cpu(int id, const char *filter, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = (uint64_t)id,
	};
	int fd, err;

	fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (filter && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static const char *why_unknown(int err)
{
	switch (err) {
	case -ENOENT:
		return "no tracepoint: mount -t tracefs tracefs /sys/kernel/tracing, then restart mobgwd";
	case -EACCES:
	case -EPERM:
		return "not permitted: mobgwd needs CAP_PERFMON and access to /sys/kernel/tracing";
	case -EMFILE:
	case -ENFILE:
		return "too few file descriptors: raise LimitNOFILE of mobgwd";
	default:
		return "the kernel counts no tracepoints here";
	}
}

static void close_set(struct redirect_counters *counters, size_t set)
{
	for (long cpu = 0; counters->fds[set] && cpu < counters->cpus; cpu++)
		if (counters->fds[set][cpu] >= 0)
			close(counters->fds[set][cpu]);
	free(counters->fds[set]);
	counters->fds[set] = NULL;
}

/* A CPU that is offline (ENODEV) has nothing to count; any other failure makes the sum unknown. */
static int open_set(struct redirect_counters *counters, size_t set)
{
	int id = tracepoint_id(sources[set].tracepoint), err;

	if (id < 0)
		return id;
	counters->fds[set] = malloc((size_t)counters->cpus * sizeof(int));
	if (!counters->fds[set])
		return -ENOMEM;
	for (long cpu = 0; cpu < counters->cpus; cpu++)
		counters->fds[set][cpu] = -1;
	for (long cpu = 0; cpu < counters->cpus; cpu++) {
		err = open_on_cpu(id, sources[set].filter, (int)cpu);
		if (err < 0 && err != -ENODEV) {
			close_set(counters, set);
			return err;
		}
		counters->fds[set][cpu] = err;
	}
	return 0;
}

/* One descriptor per source and CPU: more than the usual soft limit of 1024 on a machine of 128. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* fails: then EMFILE below says so */
	}
}

struct redirect_counters *redirect_counters_open(void)
{
	struct redirect_counters *counters = calloc(1, sizeof(*counters));

	if (!counters)
		return NULL;
	counters->cpus = sysconf(_SC_NPROCESSORS_CONF);
	raise_file_limit();
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		int err = open_set(counters, i);

		if (err && !(sources[i].optional && err == -ENOENT) && !counters->why[sources[i].counter])
			counters->why[sources[i].counter] = why_unknown(err);
	}
	return counters;
}

void redirect_counters_close(struct redirect_counters *counters)
{
	if (!counters)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		close_set(counters, i);
	free(counters);
}

bool redirect_counters_read(const struct redirect_counters *counters, enum redirect_counter which, uint64_t *count,
			    const char **why)
{
	const char *reason = counters ? counters->why[which] : "not opened";
	uint64_t sum = 0, hits;

	for (size_t i = 0; !reason && i < ARRAY_SIZE(sources); i++) {
		if (sources[i].counter != which || !counters->fds[i])
			continue;
		for (long cpu = 0; cpu < counters->cpus; cpu++) {
			if (counters->fds[i][cpu] < 0)
				continue;
			if (read(counters->fds[i][cpu], &hits, sizeof(hits)) != sizeof(hits)) {
				reason = "the kernel's counter can't be read";
				break;
			}
			sum += hits * sources[i].weight;
		}
	}
	if (why)
		*why = reason;
	if (!reason)
		*count = sum;
	return !reason;
}

/* Statistics of the link itself. A socket of its own: this is asked for seldom, and /sys may show another namespace. */
static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	struct device_stats *out = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct ifinfomsg))
	{
		struct rtnl_link_stats64 stats = {};
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) != IFLA_STATS64)
			continue;
		memcpy(&stats, mnl_attr_get_payload(attr), len < sizeof(stats) ? len : sizeof(stats));
		out->link_known = true;
		out->rx_dropped = stats.rx_dropped;
		out->tx_dropped = stats.tx_dropped;
		out->rx_errors = stats.rx_errors;
		out->tx_errors = stats.tx_errors;
	}
	return MNL_CB_OK;
}

static void read_link(unsigned int ifindex, struct device_stats *out)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[16384];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;
	ssize_t len;

	if (!nl)
		return;
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_index = (int)ifindex;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 && mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len > 0)
			(void)mnl_cb_run(buf, (size_t)len, 0, 0, on_link, out); /* fails: stays unknown */
	}
	mnl_socket_close(nl);
}

/* By word, because each driver has its own: rx_queue_0_xdp_drops, rx_xdp_tx_full, xdp_errors, rx_xdp_redirect_fail. */
bool device_stat_is_xdp_error(const char *name)
{
	static const char *const words[] = { "drop", "err", "fail", "full", "abort" };
	const char *xdp = strcasestr(name, "xdp");

	for (size_t i = 0; xdp && i < ARRAY_SIZE(words); i++)
		if (strcasestr(xdp, words[i]))
			return true;
	return false;
}

static int ethtool(int fd, const char *ifname, void *command)
{
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	request.ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

static void add_xdp_stat(struct device_stats *out, const char name[ETH_GSTRING_LEN], uint64_t count)
{
	struct device_error kept = { .count = count };

	memcpy(kept.name, name, sizeof(kept.name) - 1);
	if (!device_stat_is_xdp_error(kept.name))
		return;
	out->xdp_known = true;
	out->xdp_total += count;
	if (count && out->xdp_count < DEVICE_ERRORS_KEPT)
		out->xdp[out->xdp_count++] = kept;
}

/* Count, names and numbers come by three calls; a driver may change its set between them, hence the slack and the
 * minimum. */
static void read_driver(int fd, const char *ifname, struct device_stats *out)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t count;
	} sset = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_STATS } };
	struct ethtool_gstrings *names = NULL;
	struct ethtool_stats *stats = NULL;

	if (ethtool(fd, ifname, &sset) || !sset.info.sset_mask || !sset.count || sset.count > STATS_MOST)
		return;
	names = calloc(1, sizeof(*names) + ((size_t)sset.count + STATS_SLACK) * ETH_GSTRING_LEN);
	stats = calloc(1, sizeof(*stats) + ((size_t)sset.count + STATS_SLACK) * sizeof(uint64_t));
	if (!names || !stats)
		goto out;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_STATS;
	names->len = sset.count;
	stats->cmd = ETHTOOL_GSTATS;
	stats->n_stats = sset.count;
	if (ethtool(fd, ifname, names) || ethtool(fd, ifname, stats))
		goto out;
	for (uint32_t i = 0; i < sset.count && i < names->len && i < stats->n_stats; i++)
		add_xdp_stat(out, (const char *)&names->data[(size_t)i * ETH_GSTRING_LEN], stats->data[i]);
out:
	free(stats);
	free(names);
}

int device_stats_read(const char *ifname, struct device_stats *out)
{
	unsigned int ifindex = if_nametoindex(ifname);
	int fd;

	memset(out, 0, sizeof(*out));
	if (!ifindex)
		return -ENODEV;
	read_link(ifindex, out);
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		read_driver(fd, ifname, out);
		close(fd);
	}
	return 0;
}
