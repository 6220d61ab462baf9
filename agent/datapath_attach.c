// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs on interfaces: native XDP, else generic, else TC, and in words why not better. XDP and TCX by pinned links,
 * which outlive the daemon and take a new program atomically; clsact filters where the kernel has no TCX (before 6.6).
 * Somebody else's program on the interface is never replaced.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if_arp.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "datapath_priv.h"

/* Kernel 6.6; Debian 12's headers don't know them. */
#define ATTACH_TCX_INGRESS ((enum bpf_attach_type)46)
#define ATTACH_TCX_EGRESS ((enum bpf_attach_type)47)

enum {
	FILTER_HANDLE = 0x6d67, /* "mg": ours among clsact filters */
	FILTER_PRIORITY = 50,
};

struct device {
	struct port port;
	bool ethernet;
};

/* The first link-local address; none is left unspecified. */
static int read_link_local(const char *name, struct in6_addr *out)
{
	struct ifaddrs *list;

	if (getifaddrs(&list))
		return -errno;
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		struct sockaddr_in6 sin6;

		if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET6 || strcmp(at->ifa_name, name))
			continue;
		memcpy(&sin6, at->ifa_addr, sizeof(sin6));
		if (IN6_IS_ADDR_LINKLOCAL(&sin6.sin6_addr) && IN6_IS_ADDR_UNSPECIFIED(out))
			*out = sin6.sin6_addr;
	}
	freeifaddrs(list);
	return 0;
}

static int device_read(const char *name, struct device *dev)
{
	struct ifreq hardware = {}, mtu = {};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	memset(dev, 0, sizeof(*dev));
	if (fd < 0)
		return -errno;
	snprintf(hardware.ifr_name, sizeof(hardware.ifr_name), "%s", name);
	snprintf(mtu.ifr_name, sizeof(mtu.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFHWADDR, &hardware) || ioctl(fd, SIOCGIFMTU, &mtu))
		err = -errno;
	close(fd);
	if (err)
		return err;
	dev->ethernet = hardware.ifr_hwaddr.sa_family == ARPHRD_ETHER;
	if (dev->ethernet)
		memcpy(dev->port.mac, hardware.ifr_hwaddr.sa_data, sizeof(dev->port.mac));
	dev->port.mtu = mtu.ifr_mtu > 65535 ? 65535 : mtu.ifr_mtu;
	dev->port.flags = dev->ethernet ? 0 : PORT_NO_ETHERNET;
	return read_link_local(name, &dev->port.link_local);
}

/* A pinned link of ours on this very interface; its descriptor, or -ENOENT. A link whose device is gone is cleared
 * away. */
static int pinned_link(const char *path, __u32 type, int ifindex)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		log_error("datapath: %s is pinned but is no link of ours: not adopted; remove it", path);
		close(fd);
		return -EEXIST;
	}
	/* XDP and TCX keep the ifindex in the same first word of their part */
	if (info.type == type && info.xdp.ifindex == (__u32)ifindex)
		return fd;
	close(fd);
	if (info.type == type && unlink(path) == 0)
		return -ENOENT;
	log_error("datapath: %s is pinned but is a link of type %u, expected %u: not adopted; remove it", path,
		  info.type, type);
	return -EEXIST;
}

static __u32 xdp_flags(enum attach_mode mode)
{
	return mode == ATTACH_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

/* How XDP is attached now; 0 where it isn't. */
static __u32 attached_mode(int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query(ifindex, 0, &query))
		return 0;
	return query.attach_mode == XDP_ATTACHED_DRV   ? XDP_FLAGS_DRV_MODE
	       : query.attach_mode == XDP_ATTACHED_SKB ? XDP_FLAGS_SKB_MODE
						       : 0;
}

static int attach_xdp(struct datapath *dp, const char *name, int ifindex, enum attach_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = xdp_flags(mode));
	int prog = bpf_program__fd(dp->xdp->progs.mobgw_xdp), fd, err;
	char path[320];

	err = datapath_path(dp, path, sizeof(path), "xdp-", name);
	if (err)
		return err;
	fd = pinned_link(path, BPF_LINK_TYPE_XDP, ifindex);
	if (fd >= 0 && attached_mode(ifindex) != opts.flags) {
		close(fd);
		unlink(path); /* another mode is wished for: the last reference takes the old one off */
		fd = -ENOENT;
	}
	if (fd >= 0) {
		err = bpf_link_update(fd, prog, NULL);
		close(fd);
		return err;
	}
	if (fd != -ENOENT)
		return fd;
	fd = bpf_link_create(prog, ifindex, BPF_XDP, &opts);
	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, path);
	if (err)
		log_error("datapath: pin %s: %s", path, strerror(-err));
	close(fd);
	return err;
}

/* clsact: the filter stays with the device, so there is nothing to pin. */
static int attach_clsact(int ifindex, int prog, bool egress)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY, .prog_fd = prog,
		    .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

static int attach_tc(struct datapath *dp, const char *name, int ifindex, int prog, bool egress)
{
	char path[320];
	int fd, err = datapath_path(dp, path, sizeof(path), egress ? "tcx-out-" : "tcx-in-", name);

	if (err)
		return err;
	fd = pinned_link(path, 11 /* BPF_LINK_TYPE_TCX */, ifindex);
	if (fd >= 0) {
		err = bpf_link_update(fd, prog, NULL);
		close(fd);
		return err;
	}
	if (fd != -ENOENT)
		return fd;
	fd = bpf_link_create(prog, ifindex, egress ? ATTACH_TCX_EGRESS : ATTACH_TCX_INGRESS, NULL);
	if (fd < 0)
		return attach_clsact(ifindex, prog, egress);
	err = bpf_obj_pin(fd, path);
	close(fd);
	return err;
}

/* All keys of `ports` first: an update moves an entry to the head of its bucket, and a walk that updates as it goes
 * never ends where two interfaces share one. */
static size_t all_ports(int fd, __u32 keys[LIMIT_PORTS])
{
	__u32 *at = NULL;
	size_t count = 0;

	while (count < LIMIT_PORTS && !bpf_map_get_next_key(fd, at, &keys[count]))
		at = &keys[count++];
	return count;
}

/* XDP on native ports redirects only to native ports; where none is native, the generic code reaches every device. */
static void mark_redirect(struct datapath *dp)
{
	int fd = bpf_map__fd(dp->xdp->maps.ports);
	__u32 keys[LIMIT_PORTS];
	size_t count = all_ports(fd, keys);
	bool any_native = false;

	for (size_t i = 0; i < count; i++)
		if (attached_mode(keys[i]) == XDP_FLAGS_DRV_MODE)
			any_native = true;
	for (size_t i = 0; i < count; i++) {
		struct port port;
		bool can;

		if (bpf_map_lookup_elem(fd, &keys[i], &port))
			continue;
		can = !(port.flags & PORT_NO_ETHERNET) && (!any_native || attached_mode(keys[i]) == XDP_FLAGS_DRV_MODE);
		port.flags = (port.flags & ~PORT_REDIRECT) | (can ? PORT_REDIRECT : 0);
		bpf_map_update_elem(fd, &keys[i], &port, BPF_EXIST);
	}
}

static int port_set(struct datapath *dp, int ifindex, const struct device *dev)
{
	__u32 key = ifindex;
	int err = bpf_map_update_elem(bpf_map__fd(dp->xdp->maps.ports), &key, &dev->port, BPF_ANY);

	if (!err)
		mark_redirect(dp);
	return err;
}

/* What a failed step means for the operator. */
static const char *cause(int err)
{
	switch (-err) {
	case EBUSY:
	case EEXIST:
		return "another XDP program is attached";
	case EOPNOTSUPP:
	case EINVAL:
		return "the driver does not support it";
	case ERANGE:
		return "the MTU is too large for it";
	default:
		return strerror(-err);
	}
}

/* On the way out: routing headers for bound home addresses, and the gate of a mobile node's uplinks. */
static int attach_egress(struct datapath *dp, const char *name, int ifindex, const struct device *dev)
{
	return attach_tc(dp, name, ifindex,
			 bpf_program__fd(dev->ethernet ? dp->tc->progs.mobgw_tc_out : dp->tc->progs.mobgw_tc_out_ip),
			 true);
}

/* Goes down the steps from the best that is wished for. */
int datapath_attach(struct datapath *dp, const char *name, int ifindex, enum attach_mode wish, struct attachment *out)
{
	static const enum attach_mode steps[] = { ATTACH_NATIVE, ATTACH_GENERIC, ATTACH_TC };
	struct device dev;
	int err = device_read(name, &dev);

	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->ifindex = ifindex;
	if (err) {
		snprintf(out->why, sizeof(out->why), "can't be read: %s", strerror(-err));
		return err;
	}
	if (!dev.ethernet && wish != ATTACH_TC) {
		if (wish != ATTACH_AUTO) {
			snprintf(out->why, sizeof(out->why),
				 "mode %s is not possible: no Ethernet header; use auto or tc", attach_mode_name(wish));
			return -EOPNOTSUPP;
		}
		snprintf(out->why, sizeof(out->why), "no Ethernet header, so TC");
		wish = ATTACH_TC;
	}
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		size_t used = strlen(out->why);

		if (wish != ATTACH_AUTO && wish != steps[i])
			continue;
		if (steps[i] == ATTACH_TC)
			err = attach_tc(dp, name, ifindex,
					bpf_program__fd(dev.ethernet ? dp->tc->progs.mobgw_tc_in
								     : dp->tc->progs.mobgw_tc_in_ip),
					false);
		else
			err = attach_xdp(dp, name, ifindex, steps[i]);
		if (!err)
			err = attach_egress(dp, name, ifindex, &dev);
		if (!err) {
			out->mode = steps[i];
			dev.port.flags |= steps[i] == ATTACH_TC ? 0 : PORT_BEHIND;
			return port_set(dp, ifindex, &dev);
		}
		snprintf(out->why + used, sizeof(out->why) - used, "%sno %s: %s", used ? "; " : "",
			 attach_mode_name(steps[i]), cause(err));
	}
	return err;
}

int datapath_port_behind(struct datapath *dp, int ifindex)
{
	int fd = bpf_map__fd(dp->xdp->maps.ports);
	__u32 key = ifindex;
	struct port port;
	int err = bpf_map_lookup_elem(fd, &key, &port);

	if (err)
		return err;
	port.flags |= PORT_BEHIND;
	return bpf_map_update_elem(fd, &key, &port, BPF_EXIST);
}

int datapath_attach_home(struct datapath *dp, int ifindex)
{
	char name[IF_NAMESIZE];
	int err;

	if (!if_indextoname(ifindex, name))
		return -errno;
	err = attach_tc(dp, name, ifindex, bpf_program__fd(dp->tc->progs.mobgw_tc_home), true);
	if (err)
		log_error("datapath: attach to %s: %s", name, strerror(-err));
	return err;
}

/* The device is gone, and its link with it. */
int datapath_forget_port(struct datapath *dp, int ifindex)
{
	__u32 key = ifindex;
	int err = bpf_map_delete_elem(bpf_map__fd(dp->xdp->maps.ports), &key);

	mark_redirect(dp);
	return err;
}

static void detach_clsact(__u32 ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	if (bpf_tc_query(&hook, &opts))
		return;
	opts.prog_fd = opts.prog_id = opts.flags = 0;
	bpf_tc_detach(&hook, &opts);
}

/* clsact filters of ours; links go with their pins. */
void datapath_detach_ports(const char *ports_pin)
{
	int fd = bpf_obj_get(ports_pin);
	__u32 key, *at;

	if (fd < 0)
		return;
	for (at = NULL; !bpf_map_get_next_key(fd, at, &key); at = &key) {
		detach_clsact(key, BPF_TC_INGRESS);
		detach_clsact(key, BPF_TC_EGRESS);
	}
	close(fd);
}
