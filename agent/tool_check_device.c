/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mobgw check: what a device can do, asked of ethtool and of the generic netlink family "netdev". Never by trial: to
 * attach a program, even for a moment, resets the queues of some drivers.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool_check.h"

/* linux/netdev.h came with kernel 6.3; Debian 12 ships headers of 6.1. */
enum netdev_uapi {
	NETDEV_CMD_DEV_GET = 1,
	NETDEV_A_DEV_IFINDEX = 1,
	NETDEV_A_DEV_XDP_FEATURES = 3,
	NETDEV_VERSION = 1,
};

/* An attribute of a reply, by number. */
struct wanted {
	uint16_t type;
	bool found;
	uint64_t value;
};

static int on_reply(const struct nlmsghdr *nlh, void *arg)
{
	struct wanted *wanted = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) != wanted->type)
			continue;
		wanted->found = true;
		if (mnl_attr_get_payload_len(attr) == sizeof(uint64_t))
			wanted->value = mnl_attr_get_u64(attr);
		else if (mnl_attr_get_payload_len(attr) == sizeof(uint16_t))
			wanted->value = mnl_attr_get_u16(attr);
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *start_request(char *buf, uint16_t family, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

static int ask(struct mnl_socket *nl, struct nlmsghdr *nlh, struct wanted *wanted)
{
	char buf[16384];
	ssize_t len;
	int more = 1;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (more > 0) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len <= 0)
			return len ? -errno : -EIO;
		more = mnl_cb_run(buf, (size_t)len, 0, 0, on_reply, wanted);
		if (more < 0)
			return -errno;
	}
	return wanted->found ? 0 : -ENOENT;
}

int check_xdp_features(int ifindex, uint64_t *features)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	struct wanted family = { .type = CTRL_ATTR_FAMILY_ID }, mask = { .type = NETDEV_A_DEV_XDP_FEATURES };
	struct nlmsghdr *nlh;
	char buf[512];
	int err = -errno;

	if (!nl)
		return err;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0) {
		nlh = start_request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
		mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "netdev");
		err = ask(nl, nlh, &family) ? -EOPNOTSUPP : 0;
	}
	if (!err) {
		nlh = start_request(buf, (uint16_t)family.value, NETDEV_CMD_DEV_GET, NETDEV_VERSION);
		mnl_attr_put_u32(nlh, NETDEV_A_DEV_IFINDEX, (uint32_t)ifindex);
		err = ask(nl, nlh, &mask);
	}
	mnl_socket_close(nl);
	*features = mask.value;
	return err;
}

static int ethtool(const char *ifname, void *command)
{
	struct ifreq request = {};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	request.ifr_data = command;
	err = ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
	close(fd);
	return err;
}

int check_driver(const char *ifname, char *driver, size_t size)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	int err = ethtool(ifname, &info);

	snprintf(driver, size, "%s", err || !info.driver[0] ? "unknown" : info.driver);
	return err;
}

bool check_has_lro(const char *ifname)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };

	return ethtool(ifname, &flags) == 0 && (flags.data & ETH_FLAG_LRO);
}
