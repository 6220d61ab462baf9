// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The data path's life: load the programs, pin the maps or adopt those of a former daemon, take everything away.
 * Pins live in <pin_dir>/<ABI_VERSION>/, a directory of mode 0700 that must be ours; a map there whose shape differs
 * from what this build expects is refused by name and never reinterpreted (DESIGN §2.3).
 */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "datapath_priv.h"

enum { SAS_PER_BINDING = 6 }; /* of a home agent: four that the data path knows, two more while keys change */

int datapath_path(const struct datapath *dp, char *buf, size_t size, const char *kind, const char *name)
{
	int n = snprintf(buf, size, "%s/%s%s", dp->dir, kind, name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int libbpf_log(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("datapath: %s", line);
	return 0;
}

/* A directory on bpffs, ours, closed to others. */
static int check_dir(const char *dir)
{
	struct statfs fs;
	struct stat st;

	if (mkdir(dir, 0700) && errno != EEXIST) {
		int err = -errno;

		log_error("datapath: make %s: %s; is a BPF file system mounted there? (mount -t bpf bpf /sys/fs/bpf)",
			  dir, strerror(-err));
		return err;
	}
	if (lstat(dir, &st) || statfs(dir, &fs))
		return -errno;
	if (!S_ISDIR(st.st_mode) || fs.f_type != BPF_FS_MAGIC) {
		log_error("datapath: %s is no directory of a BPF file system; mount one: mount -t bpf bpf /sys/fs/bpf",
			  dir);
		return -ENOTDIR;
	}
	if (st.st_uid != geteuid() || (st.st_mode & 077)) {
		log_error("datapath: %s belongs to uid %u with mode %04o; expected ours (uid %u) with mode 0700: not "
			  "adopted",
			  dir, st.st_uid, st.st_mode & 07777, geteuid());
		return -EPERM;
	}
	return 0;
}

/* Tables whose size the operator chooses: a pinned one keeps its own. */
static bool is_sized(const char *name)
{
	return !strcmp(name, "bindings") || !strcmp(name, "registrations") || !strcmp(name, "proxied");
}

static bool is_internal(const struct bpf_map *map)
{
	return strchr(bpf_map__name(map), '.') != NULL; /* .rodata and its kind: part of the program */
}

/* An existing pin must be exactly the map that we would have made. */
static int check_pinned(const struct bpf_map *map, int fd, const char *path)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		log_error("datapath: %s is pinned but is no BPF map: not ours, not adopted; remove it", path);
		return -EEXIST;
	}
	if (info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
	    info.value_size == bpf_map__value_size(map) &&
	    !strncmp(info.name, bpf_map__name(map), BPF_OBJ_NAME_LEN - 1) &&
	    (info.max_entries == bpf_map__max_entries(map) || is_sized(bpf_map__name(map))))
		return 0;
	log_error("datapath: %s: map '%s' type %u key %u value %u entries %u, expected '%s' type %u key %u value %u "
		  "entries %u: "
		  "not ours, not adopted; `mobgwd --detach` with the build that made it, or remove the pin",
		  path, info.name, info.type, info.key_size, info.value_size, info.max_entries, bpf_map__name(map),
		  bpf_map__type(map), bpf_map__key_size(map), bpf_map__value_size(map), bpf_map__max_entries(map));
	return -EEXIST;
}

static int adopt_map(struct datapath *dp, struct bpf_map *map)
{
	char path[320];
	int fd, err;

	err = datapath_path(dp, path, sizeof(path), "", bpf_map__name(map));
	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0) {
		log_error("datapath: open pin %s: %s: not adopted", path, strerror(errno));
		return -errno;
	}
	err = check_pinned(map, fd, path);
	if (!err)
		err = bpf_map__reuse_fd(map, fd);
	if (!err)
		dp->adopted = true;
	close(fd);
	return err;
}

static int load_xdp(struct datapath *dp)
{
	struct bpf_map *map;
	int err;

	dp->xdp = xdp_bpf__open();
	if (!dp->xdp)
		return -errno;
	bpf_map__set_max_entries(dp->xdp->maps.bindings, dp->options.max_bindings);
	bpf_map__set_max_entries(dp->xdp->maps.registrations, dp->options.max_registrations);
	bpf_map__set_max_entries(dp->xdp->maps.proxied, 2 * dp->options.max_bindings);
	if (SAS_PER_BINDING * dp->options.max_bindings > LIMIT_SAS)
		bpf_map__set_max_entries(dp->xdp->maps.sas, SAS_PER_BINDING * dp->options.max_bindings);
	bpf_object__for_each_map(map, dp->xdp->obj)
	{
		if (is_internal(map))
			continue;
		err = adopt_map(dp, map);
		if (err)
			return err;
	}
	err = xdp_bpf__load(dp->xdp);
	if (err)
		log_error("datapath: load XDP program: %s (run with --debug for the verifier's words)", strerror(-err));
	return err;
}

static int pin_maps(struct datapath *dp)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, dp->xdp->obj)
	{
		char path[320];
		int err;

		if (is_internal(map))
			continue;
		err = datapath_path(dp, path, sizeof(path), "", bpf_map__name(map));
		if (err)
			return err;
		if (access(path, F_OK) == 0)
			continue; /* adopted */
		err = bpf_obj_pin(bpf_map__fd(map), path);
		if (err) {
			log_error("datapath: pin %s: %s", path, strerror(-err));
			return err;
		}
	}
	return 0;
}

/* The same maps under the other object's names. */
static int load_tc(struct datapath *dp)
{
	struct bpf_map *map;
	int err;

	dp->tc = tc_bpf__open();
	if (!dp->tc)
		return -errno;
	bpf_object__for_each_map(map, dp->tc->obj)
	{
		if (is_internal(map))
			continue;
		err = bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(dp->xdp->obj, bpf_map__name(map)));
		if (err)
			return err;
	}
	err = tc_bpf__load(dp->tc);
	if (err)
		log_error("datapath: load TC programs: %s (run with --debug for the verifier's words)", strerror(-err));
	return err;
}

/* The tag is made once per boot: packets rewritten before a restart of the daemon must pass after it. */
static int make_secrets(struct datapath *dp)
{
	static const struct secrets none;
	struct secrets s;
	__u32 zero = 0;
	int fd = bpf_map__fd(dp->xdp->maps.secrets), err;

	err = bpf_map_lookup_elem(fd, &zero, &s);
	if (err)
		return err;
	if (memcmp(&s, &none, sizeof(s)) == 0) {
		if (getrandom(s.tag, sizeof(s.tag), 0) != sizeof(s.tag) ||
		    getrandom(s.route_tag, sizeof(s.route_tag), 0) != sizeof(s.route_tag) ||
		    getrandom(&s.bucket_key, sizeof(s.bucket_key), 0) != sizeof(s.bucket_key))
			return -EIO;
		s.tag[0] |= 1; /* never all zero: that means unset; and never the same */
		s.route_tag[0] &= (uint8_t)~1;
		err = bpf_map_update_elem(fd, &zero, &s, BPF_ANY);
	}
	explicit_bzero(&s, sizeof(s));
	return err;
}

/* What a former daemon said of route optimisation stands until the correspondent says otherwise. */
static int first_settings(struct datapath *dp)
{
	struct timespec tick, now;
	struct settings was;
	__u32 zero = 0;
	int err;

	/* one jiffy is the resolution of the coarse clock: no configuration file needed to know HZ */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || clock_gettime(CLOCK_MONOTONIC, &now))
		return -errno;
	dp->settings.agent = dp->options.agent;
	dp->settings.hz = (1000000000 + tick.tv_nsec / 2) / tick.tv_nsec;
	dp->settings.home_ifindex = dp->options.home_ifindex;
	dp->settings.roles = dp->options.roles;
	if (!bpf_map_lookup_elem(bpf_map__fd(dp->xdp->maps.settings), &zero, &was)) {
		dp->settings.nonce = was.nonce;
		dp->settings.flags = was.flags;
		dp->settings.heartbeat = was.heartbeat; /* ours begins when everything is open */
	}
	err = datapath_clock(dp, (struct mono){ now.tv_sec * 1000000000LL + now.tv_nsec });
	return err ? err : datapath_settings(dp);
}

int datapath_open(const struct datapath_options *options, struct datapath **out)
{
	struct datapath *dp = calloc(1, sizeof(*dp));
	int err = -ENAMETOOLONG;

	if (!dp)
		return -ENOMEM;
	libbpf_set_print(libbpf_log);
	dp->options = *options;
	if ((size_t)snprintf(dp->dir, sizeof(dp->dir), "%s/%d", options->pin_dir, ABI_VERSION) >= sizeof(dp->dir))
		goto fail;
	err = check_dir(options->pin_dir);
	if (!err)
		err = check_dir(dp->dir);
	if (!err)
		err = load_xdp(dp);
	if (!err)
		err = pin_maps(dp);
	if (!err)
		err = load_tc(dp);
	if (!err)
		err = make_secrets(dp);
	if (!err)
		err = first_settings(dp);
	if (err)
		goto fail;
	log_info("datapath: %s maps in %s", dp->adopted ? "adopted the" : "made new", dp->dir);
	*out = dp;
	return 0;

fail:
	datapath_close(dp);
	return err;
}

void datapath_close(struct datapath *dp)
{
	if (!dp)
		return;
	sd_event_source_unref(dp->events_source);
	ring_buffer__free(dp->events);
	tc_bpf__destroy(dp->tc);
	xdp_bpf__destroy(dp->xdp);
	free(dp);
}

/* Works on pins alone: also those of another version, and where programs don't load. */
int datapath_detach(const char *pin_dir)
{
	struct dirent *entry;
	char dir_path[256], path[512];
	DIR *dir;
	int err;

	if ((size_t)snprintf(dir_path, sizeof(dir_path), "%s/%d", pin_dir, ABI_VERSION) >= sizeof(dir_path))
		return -ENAMETOOLONG;
	if (access(dir_path, F_OK))
		return rmdir(pin_dir) && errno != ENOENT && errno != ENOTEMPTY ? -errno : 0;
	err = check_dir(dir_path);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/ports", dir_path);
	datapath_detach_ports(path);
	dir = opendir(dir_path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir_path, entry->d_name);
		if (unlink(path)) {
			err = -errno;
			log_error("datapath: remove pin %s: %s", path, strerror(-err));
		}
	}
	closedir(dir);
	if (rmdir(dir_path) && !err)
		err = -errno;
	rmdir(pin_dir); /* stays where other versions live */
	return err;
}
