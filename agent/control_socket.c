/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The socket file of the control protocol: a dead daemon's is replaced, a live one's is left alone; owner, group and
 * mode are right before the first client can connect. Care-of addresses are location data: whoever may connect sees
 * them.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

/* Whether a daemon answers at @addr. A file that nobody listens on refuses the connection. */
static bool socket_is_live(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool live = fd >= 0 && (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return live;
}

/* Return: 0 with the path free; -EADDRINUSE, -errno, logged. */
static int make_room(const struct sockaddr_un *addr)
{
	char parent[sizeof(addr->sun_path)];
	struct stat st;
	char *slash;

	snprintf(parent, sizeof(parent), "%s", addr->sun_path);
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		if (mkdir(parent, 0755) && errno != EEXIST) {
			log_error("control: create directory %s: %s", parent, strerror(errno));
			return -errno;
		}
	}
	if (lstat(addr->sun_path, &st))
		return 0; /* if it isn't ENOENT, bind() will say more */
	if (!S_ISSOCK(st.st_mode)) {
		log_error("control: %s is there and is no socket: remove it, or set control.path", addr->sun_path);
		return -EADDRINUSE;
	}
	if (socket_is_live(addr)) {
		log_error("control: another mobgwd listens on %s: stop it first, or set control.path", addr->sun_path);
		return -EADDRINUSE;
	}
	if (unlink(addr->sun_path)) {
		log_error("control: remove the old %s: %s", addr->sun_path, strerror(errno));
		return -errno;
	}
	return 0;
}

/* Owner's only until group and mode are set; nobody can connect before listen(). */
static int set_rights(const struct config *config)
{
	gid_t gid = (gid_t)-1;

	if (config->control_group) {
		const struct group *group = getgrnam(config->control_group);

		if (!group) {
			log_error("control: group '%s' of control.group does not exist: groupadd --system %s",
				  config->control_group, config->control_group);
			return -ENOENT;
		}
		gid = group->gr_gid;
	}
	if (gid != (gid_t)-1 && lchown(config->control_path, (uid_t)-1, gid)) {
		log_error("control: give %s to group %s: %s", config->control_path, config->control_group,
			  strerror(errno));
		return -errno;
	}
	if (chmod(config->control_path, config->control_mode & 0777)) {
		log_error("control: set the mode of %s: %s", config->control_path, strerror(errno));
		return -errno;
	}
	return 0;
}

int control_listen(const struct config *config, struct stat *st)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = config->control_path;
	mode_t old;
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		log_error("control: path %s is longer than %zu octets", path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	err = make_room(&addr);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	old = umask(0177);
	err = bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(old);
	if (err) {
		log_error("control: bind %s: %s", path, strerror(-err));
		goto close_fd;
	}
	err = set_rights(config);
	if (err)
		goto remove_file;
	if (lstat(path, st) || listen(fd, CONTROL_CLIENTS)) {
		err = -errno;
		log_error("control: listen on %s: %s", path, strerror(-err));
		goto remove_file;
	}
	return fd;

remove_file:
	unlink(path);
close_fd:
	close(fd);
	return err;
}
