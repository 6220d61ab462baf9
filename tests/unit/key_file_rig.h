/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every file of keys has to stand (agent/key_file.c), through the loader of each kind. Who includes it defines
 * before: KEY_FILE_LINE, a line that is taken; KEY_FILE_FAULT, one that isn't; and load_keys_of().
 */
#ifndef MOBGW_TEST_KEY_FILE_RIG_H
#define MOBGW_TEST_KEY_FILE_RIG_H

#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Loads and frees; asserts that keys come with 0 alone, and that they are those of KEY_FILE_LINE. */
static int load_keys_of(const char *from, FILE *errors);

static char path[] = "/tmp/key_file_test.XXXXXX";

static int make_file(void **state)
{
	static const char text[] = KEY_FILE_LINE "\n";
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) != sizeof(text) - 1)
		return -1;
	return close(fd);
}

static int remove_file(void **state)
{
	return remove(path);
}

static int load(const char *from, char *said, size_t size)
{
	FILE *errors = fmemopen(said, size, "w");
	int err;

	assert_non_null(errors);
	err = load_keys_of(from, errors);
	fclose(errors);
	return err;
}

static void a_file_that_others_may_touch_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		int result;
	} cases[] = {
		{ 0600, 0 },	  { 0400, 0 },	    { 0700, 0 },      { 0640, -EPERM }, { 0604, -EPERM },
		{ 0620, -EPERM }, { 0602, -EPERM }, { 0610, -EPERM }, { 0644, -EPERM }, { 0666, -EPERM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char said[1000] = "", mode[16];

		assert_int_equal(chmod(path, cases[i].mode), 0);
		CHECK_CASE(i, load(path, said, sizeof(said)) == cases[i].result);
		snprintf(mode, sizeof(mode), "mode %04o", cases[i].mode);
		if (cases[i].result == 0)
			CHECK_CASE(i, !*said);
		else
			CHECK_CASE(i, strstr(said, path) && strstr(said, mode) && strstr(said, "chmod 0600"));
	}
}

static void what_is_no_plain_file_of_ours_is_refused(void **state)
{
	char said[1000] = "";

	assert_int_equal(load("/nonexistent/keys", said, sizeof(said)), -ENOENT);
	assert_non_null(strstr(said, "/nonexistent/keys: No such file"));
	assert_int_equal(load("/tmp", said, sizeof(said)), -EPERM);
	assert_non_null(strstr(said, "/tmp: not a plain file"));
	remove(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes to it: must not hang */
	assert_int_equal(load(path, said, sizeof(said)), -EPERM);
	if (geteuid() == 0) { /* else nobody can give files away */
		remove(path);
		assert_int_equal(make_file(state), 0);
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(load(path, said, sizeof(said)), -EPERM);
		assert_non_null(strstr(said, "belongs to user 65534"));
	}
}

static void faults_in_a_file_name_it_and_the_line(void **state)
{
	FILE *file = fopen(path, "a");
	char said[1000] = "";

	assert_non_null(file);
	fputs(KEY_FILE_FAULT "\n", file);
	fclose(file);
	assert_int_equal(load(path, said, sizeof(said)), -EINVAL);
	assert_memory_equal(said, path, strlen(path));
	assert_memory_equal(said + strlen(path), ":2: ", 4);
	assert_null(strstr(said, KEY_FILE_FAULT));
}

#define KEY_FILE_TESTS                                                                                                 \
	cmocka_unit_test_setup_teardown(a_file_that_others_may_touch_is_refused, make_file, remove_file),              \
		cmocka_unit_test_setup_teardown(what_is_no_plain_file_of_ours_is_refused, make_file, remove_file),     \
		cmocka_unit_test_setup_teardown(faults_in_a_file_name_it_and_the_line, make_file, remove_file)

#endif
