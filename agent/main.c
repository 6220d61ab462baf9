// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mobgwd: options, start and stop in order, dropping privileges. */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "auth.h"
#include "ipsec.h"

enum {
	EXIT_CONFIG = 2,
	HEARTBEAT_US = 1000000,
	HASTE_US = 50000, /* at the start, until the routers are known, HASTE_MOST times */
	HASTE_MOST = 40,
	TICK_ACCURACY_US = 1000,
};

struct options {
	const char *config;
	bool check, detach, debug;
};

static const char usage[] =
	"usage: mobgwd --config FILE [--check | --detach] [--debug]\n"
	"\n"
	"The Mobile IPv6 gateway's daemon; stays in the foreground.\n"
	"\n"
	"  -c, --config FILE   configuration, see mobgwd.conf(5)\n"
	"      --check         read and check the configuration, print it with all defaults, and exit\n"
	"      --detach        take programs, pinned maps, the home device and its routes away, and exit\n"
	"      --debug         log more, the BPF verifier's words among it\n"
	"      --version       print the version\n"
	"  -h, --help          this\n"
	"\n"
	"Stopping the daemon leaves the data path forwarding; the next start adopts it. Exit status: 0 done, 1 "
	"failed,\n"
	"2 the command line or the configuration is wrong.\n";

static struct mono clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){ t.tv_sec * 1000000000LL + t.tv_nsec };
}

static int parse_options(int argc, char **argv, struct options *out)
{
	enum { OPT_CHECK = 256, OPT_DETACH, OPT_DEBUG, OPT_VERSION };
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "detach", no_argument, NULL, OPT_DETACH },
		{ "debug", no_argument, NULL, OPT_DEBUG },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			out->config = optarg;
			break;
		case OPT_CHECK:
			out->check = true;
			break;
		case OPT_DETACH:
			out->detach = true;
			break;
		case OPT_DEBUG:
			out->debug = true;
			break;
		case OPT_VERSION:
			printf("mobgwd %s\n", MOBGW_VERSION);
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			return -EINVAL;
		}
	}
	if (!out->config || optind != argc) {
		fprintf(stderr, "mobgwd: %s\n%s", out->config ? "too many arguments" : "--config FILE is missing",
			usage);
		return -EINVAL;
	}
	return 0;
}

/* ---- from the kernel layer to the roles ---- */

static void on_mh(void *arg, const struct mh_input *in)
{
	dispatch_mh(arg, in);
}

static void on_event(void *arg, const struct event *event)
{
	dispatch_event(arg, event);
}

static void on_icmp_error(void *arg, const struct in6_addr *from, const uint8_t *icmp, size_t len)
{
	dispatch_icmp_error(arg, from, icmp, len);
}

static void on_dad_done(void *arg, const struct in6_addr *home, bool unique)
{
	home_agent_on_dad_done(arg, home, unique);
}

static void on_nexthops_moved(void *arg)
{
	home_agent_on_nexthops_moved(arg);
	correspondent_on_nexthops_moved(arg);
}

static void on_prefix_lifetime(void *arg, int home_link, uint32_t valid_s)
{
	home_agent_on_prefix_lifetime(arg, home_link, valid_s);
}

static void on_address(void *arg, const struct address_info *address)
{
	struct gateway *gw = arg;

	if (gw->mn)
		mobile_node_on_address(gw, address);
}

static void on_nd(void *arg, const struct nd_input *in)
{
	mobile_node_on_nd(arg, in);
}

static void on_link(void *arg, const char *name, int ifindex, bool present)
{
	interfaces_on_link(arg, name, ifindex, present);
}

/* ---- timers and signals ---- */

static int on_heartbeat(sd_event_source *source, uint64_t when, void *arg)
{
	static unsigned int hasty;
	struct gateway *gw = arg;
	uint64_t now;
	bool known;

	datapath_heartbeat(gw->dp, gw->clock());
	ipsec_tick(gw);
	known = interfaces_follow_routers(gw);
	sd_event_now(gw->loop, CLOCK_MONOTONIC, &now);
	sd_event_source_set_time(source, now + (known || hasty++ >= HASTE_MOST ? HEARTBEAT_US : HASTE_US));
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static void arm(sd_event_source *tick, struct mono when)
{
	if (!tick)
		return;
	sd_event_source_set_time(tick, when.ns == INT64_MAX ? UINT64_MAX : (uint64_t)(when.ns / 1000 + 1));
	sd_event_source_set_enabled(tick, SD_EVENT_ONESHOT);
}

/* A mobile node says itself when its next tick is due, the other roles by what their ticks return. */
static void wake_at(struct gateway *gw, struct mono when)
{
	arm(gw->tick, when);
}

static void wake_peers_at(struct gateway *gw, struct mono when)
{
	if (!mono_before(when, gw->peers_at))
		return;
	gw->peers_at = when;
	arm(gw->peers_tick, when);
}

static int on_tick(sd_event_source *source, uint64_t when, void *arg)
{
	struct gateway *gw = arg;

	if (gw->mn)
		mobile_node_tick(gw, gw->clock());
	else if (gw->ha)
		wake_at(gw, home_agent_tick(gw, gw->clock()));
	return 0;
}

static int on_peers_tick(sd_event_source *source, uint64_t when, void *arg)
{
	struct gateway *gw = arg;
	struct mono next = correspondent_tick(gw, gw->clock());

	if (gw->peers) {
		struct mono other = mobile_peers_tick(gw, gw->clock());

		next = mono_before(other, next) ? other : next;
	}
	gw->peers_at = (struct mono){ INT64_MAX };
	wake_peers_at(gw, next);
	return 0;
}

static uint32_t direct_mtu(void *arg, const struct in6_addr *src, const struct in6_addr *dst)
{
	struct direct_path path;

	return direct_path(arg, src, dst, &path) ? direct_path_inner_mtu(&path) : 0;
}

static const char *config_path;

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
	sd_notify(0, "RELOADING=1");
	reload(arg, config_path);
	sd_notify(0, "READY=1");
	return 0;
}

/* ---- start ---- */

static int raise_limits(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	/* kernels account BPF memory to cgroups since 5.11; older rules in containers still look at this */
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited))
		log_debug("start: raise RLIMIT_MEMLOCK: %s", strerror(errno));
	return 0;
}

/* Another daemon on the same pins would fight over the maps. The descriptor stays open for the daemon's life. */
static int take_lock(const struct config *config)
{
	char path[256], dir[200];
	char *slash;
	int fd;

	snprintf(dir, sizeof(dir), "%s", config->control_path);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		mkdir(dir, 0755);
	}
	snprintf(path, sizeof(path), "%s.lock", config->control_path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		log_error("start: %s: %s", path, strerror(errno));
		return -errno;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		log_error("start: another mobgwd runs with control socket %s; stop it first, or name another in the "
			  "configuration",
			  config->control_path);
		close(fd);
		return -EBUSY;
	}
	return fd;
}

static int lock_pins(const struct config *config)
{
	int fd = open(config->pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		log_error("start: another mobgwd uses %s; stop it first, or name another pin-directory in the "
			  "configuration",
			  config->pin_dir);
		close(fd);
		return -EBUSY;
	}
	return fd;
}

/* BPF maps are pinned there; mounted by us where it is missing and we may. */
static int mount_bpffs(const struct config *config)
{
	static const char root[] = "/sys/fs/bpf";
	struct statfs fs;

	if (strncmp(config->pin_dir, root, strlen(root)) || (!statfs(root, &fs) && fs.f_type == BPF_FS_MAGIC))
		return 0;
	if (!mount("bpf", root, "bpf", 0, "mode=0700"))
		return 0;
	log_error("start: %s is no BPF file system and can't be mounted (%s); as root: mount -t bpf bpf %s", root,
		  strerror(errno), root);
	return -errno;
}

static int open_datapath(struct gateway *gw)
{
	uint32_t peers = gw->config->peer_bindings;
	struct datapath_options options = { .pin_dir = gw->config->pin_dir,
					    .max_bindings = gw->config->max_bindings + peers,
					    .max_registrations = gw->config->max_bindings + 2 * peers,
					    .agent = gw->config->agent };
	int err = home_device_open(gw->config, &gw->home_ifindex, &gw->home_peer_ifindex);

	if (err)
		return err;
	options.home_ifindex = gw->home_ifindex;
	options.roles = gw->config->roles;
	err = datapath_open(&options, &gw->dp);
	if (!err)
		err = datapath_attach_home(gw->dp, gw->home_ifindex);
	return err;
}

static int start_home_agent(struct gateway *gw)
{
	int err = nexthops_open(gw->loop, gw->nl, gw->dp, &gw->handlers, &gw->nh);

	if (!err)
		err = neighbour_open(gw->loop, gw->nl, gw->dp, gw->config, &gw->handlers, &gw->nb);
	if (!err)
		err = home_agent_open(gw);
	if (!err)
		err = netlink_start(gw->nl, gw->dp, gw->nh);
	if (!err)
		err = interfaces_attach(gw);
	if (!err)
		err = home_agent_adopt(gw);
	return err;
}

static int start_mobile_node(struct gateway *gw)
{
	int err = mobile_peers_open(gw);

	if (!err)
		err = mobile_node_open(gw);
	mobile_node_slowpath(gw, &gw->slow);
	if (!err)
		err = netlink_start(gw->nl, gw->dp, NULL);
	if (!err)
		err = interfaces_attach(gw);
	if (!err)
		err = nd_socket_open(gw->loop, &gw->handlers, &gw->nd);
	return err;
}

static int start_correspondent(struct gateway *gw)
{
	int err = netlink_start(gw->nl, gw->dp, NULL);

	return err ? err : interfaces_attach(gw);
}

static int start_role(struct gateway *gw)
{
	if (gw->config->roles & ROLE_MOBILE_NODE)
		return start_mobile_node(gw);
	if (gw->config->roles & ROLE_HOME_AGENT)
		return start_home_agent(gw);
	return start_correspondent(gw);
}

static int start(struct gateway *gw)
{
	int err = sd_event_default(&gw->loop);

	if (err < 0)
		return err;
	gw->bindings = binding_cache_new(gw->config->max_bindings ? gw->config->max_bindings : 1);
	gw->slow = (struct slowpath_roles){ .arg = gw, .direct_mtu = direct_mtu };
	gw->attachments = calloc(gw->config->interface_count, sizeof(*gw->attachments));
	if (!gw->bindings || !gw->attachments)
		return -ENOMEM;
	err = open_datapath(gw);
	if (!err)
		err = netlink_open(gw->loop, gw->config, &gw->handlers, &gw->nl);
	if (!err)
		err = ipsec_open(gw);
	if (!err)
		err = auth_open(gw);
	if (!err)
		err = correspondent_open(gw); /* the home agent's adoption hands on what is the correspondent's */
	if (!err)
		err = start_role(gw);
	if (!err)
		err = correspondent_adopt(gw);
	if (!err)
		err = ipsec_settle(gw);
	if (!err)
		err = sockets_open(gw->loop, gw->dp, gw->config, &gw->handlers, &gw->so);
	if (!err)
		err = slowpath_open(gw->loop, gw->so, gw->nh, gw->ha ? gw->bindings : NULL, &gw->slow, gw->config,
				    gw->home_peer_ifindex, &gw->sp);
	if (!err)
		err = datapath_events_start(gw->dp, gw->loop, &gw->handlers);
	if (!err)
		err = control_open(gw);
	return err;
}

/* CAP_PERFMON: without it the kernel hardens the programs, and they are slower. */
static int drop_privileges(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, CAP_BPF, CAP_PERFMON,
			  CAP_NET_ADMIN, CAP_NET_RAW, -1)) {
		log_error("start: drop privileges: %s", strerror(errno));
		return -EPERM;
	}
	/* first, while that may be done; under the unit it is done already, and nothing may */
	if (capng_apply(CAPNG_SELECT_BOUNDS))
		log_debug("start: the bounding set of capabilities stays as it is");
	if (capng_apply(CAPNG_SELECT_CAPS)) {
		log_error("start: drop privileges: %s", strerror(errno));
		return -EPERM;
	}
	return 0;
}

static int add_sources(struct gateway *gw)
{
	static const int stop_signals[] = { SIGTERM, SIGINT };
	sigset_t mask;
	int err;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	err = sd_event_add_signal(gw->loop, NULL, SIGHUP, on_reload, gw);
	for (size_t i = 0; err >= 0 && i < ARRAY_SIZE(stop_signals); i++)
		err = sd_event_add_signal(gw->loop, NULL, stop_signals[i], NULL, NULL); /* NULL: ends the loop */
	if (err >= 0)
		err = sd_event_add_time(gw->loop, NULL, CLOCK_MONOTONIC, 0, 0, on_heartbeat, gw);
	if (err >= 0)
		err = sd_event_add_time(gw->loop, &gw->tick, CLOCK_MONOTONIC, 0, TICK_ACCURACY_US, on_tick, gw);
	if (err >= 0)
		err = sd_event_add_time(gw->loop, &gw->peers_tick, CLOCK_MONOTONIC, 0, TICK_ACCURACY_US, on_peers_tick,
					gw);
	if (err >= 0)
		err = sd_event_set_watchdog(gw->loop, true);
	return err < 0 ? err : 0;
}

static void stop(struct gateway *gw)
{
	datapath_leave(gw->dp); /* before the sockets: the kernel would say that nobody here knows mobility */
	control_close(gw);
	slowpath_close(gw->sp);
	sockets_close(gw->so);
	nd_socket_close(gw->nd);
	mobile_peers_close(gw);
	mobile_node_close(gw);
	correspondent_close(gw);
	if (gw->ha)
		home_agent_close(gw);
	neighbour_close(gw->nb);
	nexthops_close(gw->nh);
	netlink_close(gw->nl);
	ipsec_close(gw);
	auth_close(gw);
	datapath_close(gw->dp);
	binding_cache_free(gw->bindings);
	free(gw->attachments);
	sd_event_unref(gw->loop);
}

/* What authentication: none means for the role. */
static void warn_of_trust(const struct config *config)
{
	bool agent = config->roles & ROLE_HOME_AGENT;

	if (config->roles == ROLE_CORRESPONDENT)
		return; /* return routability is all there is between strangers: RFC 6275 §5.2 */
	if (config->auth != AUTH_NONE)
		return;
	if (agent)
		log_warn("authentication: none: binding updates are believed as they come; whoever can send to %s can "
			 "move the traffic of every configured home address",
			 addr_text(&config->agent));
	else
		log_warn("authentication: none: binding acknowledgements are believed by their source address; "
			 "whoever can forge a home agent's can cut this node off");
}

static void log_ready(const struct config *config)
{
	if (config->roles & ROLE_HOME_AGENT)
		log_info("ready: home agent %s, %zu mobile nodes", addr_text(&config->agent),
			 config->mobile_node_count);
	else if (config->roles & ROLE_MOBILE_NODE)
		log_info("ready: mobile node with %zu home addresses, %zu uplinks", config->home_address_count,
			 config->uplink_count);
	else
		log_info("ready: correspondent on %zu interfaces, at most %u bindings", config->interface_count,
			 config->peer_bindings);
}

static int run(struct gateway *gw)
{
	int lock, pins = -1, err;

	warn_of_trust(gw->config);
	lock = take_lock(gw->config);
	if (lock < 0)
		return EXIT_FAILURE;
	raise_limits();
	err = mount_bpffs(gw->config);
	if (!err && access(gw->config->pin_dir, F_OK) == 0) {
		pins = lock_pins(gw->config);
		err = pins < 0 ? pins : 0;
	}
	if (!err)
		err = start(gw);
	if (!err && pins < 0) {
		pins = lock_pins(gw->config);
		err = pins < 0 ? pins : 0;
	}
	if (!err)
		err = add_sources(gw);
	if (!err)
		err = drop_privileges();
	if (!err) {
		log_ready(gw->config);
		if (gw->mn)
			mobile_node_start(gw);
		sd_notify(0, "READY=1");
		err = sd_event_loop(gw->loop);
		log_info("stopping; the data path goes on forwarding (mobgwd --detach takes it away)");
	}
	stop(gw);
	if (pins >= 0)
		close(pins);
	close(lock);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Everything that outlives the daemon. */
static int detach(const struct config *config)
{
	int lock = take_lock(config), err, removed;
	char lock_path[256];

	if (lock < 0)
		return EXIT_FAILURE;
	err = datapath_detach(config->pin_dir);
	if (!err)
		err = ipsec_detach();
	removed = config->roles & ROLE_MOBILE_NODE ? mobile_device_remove(config) : 0;
	if (!removed)
		removed = home_device_remove(config);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", config->control_path);
	unlink(lock_path);
	close(lock);
	if (err || removed)
		return EXIT_FAILURE;
	log_info("detached: nothing of %s and %s is left", config->pin_dir, config->home_device);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {};
	static struct gateway gw;
	struct config *config;
	int ret;

	if (parse_options(argc, argv, &options))
		return EXIT_CONFIG;
	log_open(options.debug);
	if (config_load(options.config, &config, stderr))
		return EXIT_CONFIG;
	config_path = options.config;
	if (options.check) {
		config_print(config, stdout);
		ret = EXIT_SUCCESS;
	} else if (options.detach) {
		ret = detach(config);
	} else {
		gw.config = config;
		gw.clock = clock_now;
		gw.handlers = (struct kernel_handlers){ &gw,
							on_mh,
							on_event,
							on_icmp_error,
							on_dad_done,
							on_nexthops_moved,
							on_prefix_lifetime,
							on_link,
							on_address,
							on_nd };
		gw.wake_at = wake_at;
		gw.wake_peers_at = wake_peers_at;
		ret = run(&gw);
	}
	config_free(config);
	return ret;
}
