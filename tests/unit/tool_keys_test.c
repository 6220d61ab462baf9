/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mobgw keys: what it makes mobgwd takes, what it shows has no key in it, and nothing of the operator's is overwritten.
 */
#include "check.h"

#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../agent/tool_keys.c"
#include "../../agent/tool_table.c"

#define HOME "2001:db8:1::100"
#define OTHER "2001:db8:1::101"

/* tool_show.c's, which would want the rest of the tool. */
void tool_print_json(json_t *data)
{
	json_dumpf(data, stdout, JSON_COMPACT);
}

/* A directory of its own for each test, which works there; what mobgw said last. */
struct scene {
	char dir[32];
	char out[4096], err[4096];
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	strcpy(scene->dir, "/tmp/mobgw-keys-XXXXXX");
	if (!mkdtemp(scene->dir) || chdir(scene->dir))
		return -1;
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	static const char *const files[] = { "out", "err", "keys", "more", "link" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(files[i]);
	if (chdir("/") || rmdir(scene->dir))
		return -1;
	free(scene);
	return 0;
}

static void slurp(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t len = file ? fread(text, 1, size - 1, file) : 0;

	text[len] = '\0';
	if (file)
		fclose(file);
}

static void spill(const char *path, const char *text)
{
	FILE *file;

	unlink(path);
	umask(077);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void redirect(int to, const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd < 0 || fchmod(fd, mode) || dup2(fd, to) < 0)
		_exit(99);
	close(fd);
}

/* @tty: standard output; otherwise a file of @mode. @room: octets that a file may grow to; 0: as many as it likes. */
struct surroundings {
	int tty;
	mode_t mode;
	rlim_t room;
};

static int run_within(struct scene *scene, const struct surroundings *around, const struct tool_options *options,
		      const char *const *words)
{
	pid_t child = fork();
	int status;

	if (!child) {
		redirect(STDERR_FILENO, "err", 0600);
		redirect(STDOUT_FILENO, "out", around->mode);
		if (around->tty)
			dup2(around->tty, STDOUT_FILENO);
		signal(SIGXFSZ, SIG_IGN);
		if (around->room)
			setrlimit(RLIMIT_FSIZE, &(struct rlimit){ around->room, around->room });
		status = tool_keys(options, (char **)words);
		fflush(stdout);
		_exit(status);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	slurp("out", scene->out, sizeof(scene->out));
	slurp("err", scene->err, sizeof(scene->err));
	return WEXITSTATUS(status);
}

#define RUN(scene, options, ...)                                                                                       \
	run_within(scene, &(struct surroundings){ .mode = 0600 }, &(struct tool_options)options,                       \
		   (const char *const[]){ __VA_ARGS__, NULL })
#define WITH(...)                                                                                                      \
	{                                                                                                              \
		__VA_ARGS__                                                                                            \
	}

static void what_it_makes_is_taken_in_every_suite(void **state)
{
	struct scene *scene = *state;

	for (const struct ipsec_suite *suite = ipsec_suites; suite->name; suite++) {
		struct ipsec_keys *keys;
		struct stat st;

		umask(0);
		assert_int_equal(RUN(scene, WITH(.suite = suite->name, .output = "keys"), "generate", HOME, OTHER), 0);
		assert_string_equal(scene->out, "");
		assert_string_equal(scene->err, "");
		assert_int_equal(stat("keys", &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(ipsec_keys_load("keys", &keys, stderr), 0);
		assert_int_equal(keys->count, 2);
		for (int child = 0; child < IPSEC_CHILDREN; child++) {
			assert_true(keys->nodes[1].has[child]);
			assert_ptr_equal(keys->nodes[1].to_node[child].suite, suite);
		}
		ipsec_keys_free(keys);
		unlink("keys");
	}
}

static void without_a_suite_it_is_aes128_gcm(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(RUN(scene, WITH(.json = false), "generate", HOME), 0);
	assert_non_null(strstr(scene->out, HOME " signalling to-agent 0x"));
	assert_non_null(strstr(scene->out, " aes128-gcm "));
	assert_int_equal(RUN(scene, WITH(.output = "keys"), "generate", HOME), 0);
}

static void what_exists_is_not_overwritten(void **state)
{
	struct scene *scene = *state;
	char text[64];

	spill("keys", "of old\n");
	assert_int_equal(RUN(scene, WITH(.output = "keys"), "generate", HOME), EXIT_TROUBLE);
	assert_non_null(strstr(scene->err, "keys exists"));
	assert_int_equal(symlink("more", "link"), 0); /* to nothing: it would be made elsewhere */
	assert_int_equal(RUN(scene, WITH(.output = "link"), "generate", HOME), EXIT_TROUBLE);
	assert_int_equal(access("more", F_OK), -1);
	slurp("keys", text, sizeof(text));
	assert_string_equal(text, "of old\n");
}

static void half_a_file_is_taken_away(void **state)
{
	struct scene *scene = *state;
	const struct surroundings narrow = { .mode = 0600, .room = 100 };

	assert_int_equal(run_within(scene, &narrow, &(struct tool_options){ .output = "keys" },
				    (const char *const[]){ "generate", HOME, NULL }),
			 EXIT_TROUBLE);
	assert_non_null(strstr(scene->err, "mobgw keys: write keys: "));
	assert_int_equal(access("keys", F_OK), -1);
}

static void keys_go_to_no_terminal_and_to_no_file_of_others(void **state)
{
	struct scene *scene = *state;
	const char *const words[] = { "generate", HOME, NULL };
	struct surroundings around = { .mode = 0600 };
	struct tool_options options = {};
	int master;

	assert_int_equal(openpty(&master, &around.tty, NULL, NULL, NULL), 0);
	assert_int_equal(run_within(scene, &around, &options, words), EXIT_TROUBLE);
	assert_non_null(strstr(scene->err, "--output"));
	assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(master, scene->out, 1), -1); /* nothing was written there */
	options.output = "keys";
	assert_int_equal(run_within(scene, &around, &options, words), EXIT_OK);
	close(around.tty);
	close(master);

	options.output = NULL;
	for (size_t i = 0; i < 6; i++) {
		around = (struct surroundings){ .mode = 0600 | 1 << i };
		CHECK_CASE(i, run_within(scene, &around, &options, words) == EXIT_TROUBLE);
		CHECK_CASE(i, scene->out[0] == '\0' && strstr(scene->err, "--output"));
	}
}

static void wrong_command_lines_are_told(void **state)
{
	static const struct {
		const char *words[4];
		struct tool_options options;
		const char *told;
	} cases[] = {
		{ { "make" }, {}, "found 'make'" },
		{ { "generate" }, {}, "home addresses are missing" },
		{ { "generate", "2001:db8:1::x" }, {}, "'2001:db8:1::x' is no address" },
		{ { "generate", "fe80::1" }, {}, "'fe80::1' is no address" },
		{ { "generate", HOME, "2001:DB8:1:0::100" }, {}, "2001:DB8:1:0::100 stands twice" },
		{ { "generate", HOME }, { .suite = "aes128" }, "'aes128'; there are aes128-gcm, aes256-gcm," },
		{ { "generate", HOME }, { .json = true }, "generate takes" },
		{ { "generate", HOME }, { .auth_option = true }, "generate takes" },
		{ { "check" }, {}, "one file" },
		{ { "check", "keys", "more" }, {}, "one file" },
		{ { "check", "keys" }, { .output = "more" }, "check takes" },
		{ { "check", "keys" }, { .suite = "aes128-gcm" }, "check takes" },
	};
	struct scene *scene = *state;
	const struct surroundings around = { .mode = 0600 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_CASE(i, run_within(scene, &around, &cases[i].options, cases[i].words) == EXIT_USAGE);
		CHECK_CASE(i, strstr(scene->err, cases[i].told) && scene->out[0] == '\0');
	}
	assert_int_equal(access("more", F_OK), -1);
}

#define KEY_A "00112233445566778899aabbccddeeff"
#define KEY_B "10112233445566778899aabbccddeeff"
#define SALT "01020304"
#define HASH "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3"

static const char mixed[] = HOME " payload to-node 0x1002 aes128-gcm " KEY_A SALT "\n" HOME
				 " payload to-agent 4097 aes128-sha1 " KEY_B " " HASH "\n";

static void check_shows_what_there_is_and_never_a_key(void **state)
{
	struct scene *scene = *state;

	spill("keys", mixed);
	assert_int_equal(RUN(scene, WITH(.json = false), "check", "keys"), EXIT_OK);
	assert_string_equal(scene->out,
			    "HOME ADDRESS     PROTECTS  SUITE                    SPI TO AGENT  SPI TO NODE\n" HOME
			    "  payload   aes128-sha1, aes128-gcm  0x00001001    0x00001002\n");
	assert_int_equal(RUN(scene, WITH(.json = true), "check", "keys"), EXIT_OK);
	assert_string_equal(scene->out, "{\"keys\":[{\"home_address\":\"" HOME
					"\",\"child\":\"payload\",\"suite_to_agent\":\"aes128-sha1\",\"suite_to_node\":"
					"\"aes128-gcm\",\"spi_to_agent\":4097,\"spi_to_node\":4098}]}");
	spill("keys", "# none yet\n");
	assert_int_equal(RUN(scene, WITH(.json = false), "check", "keys"), EXIT_OK);
	assert_string_equal(scene->out, "keys: no keys\n");
	assert_int_equal(RUN(scene, WITH(.json = true), "check", "keys"), EXIT_OK);
	assert_string_equal(scene->out, "{\"keys\":[]}");
}

static void check_tells_why_mobgwd_would_not_take_it(void **state)
{
	struct scene *scene = *state;

	for (int json = 0; json < 2; json++) {
		assert_int_equal(RUN(scene, WITH(.json = json), "check", "keys"), EXIT_TROUBLE);
		assert_string_equal(scene->err, "keys: No such file or directory\n");
	}
	spill("keys", HOME " payload to-node 0x1002 aes128-gcm " KEY_A "\n");
	assert_int_equal(RUN(scene, WITH(.json = true), "check", "keys"), EXIT_TROUBLE);
	assert_string_equal(scene->out, "");
	assert_non_null(strstr(scene->err, "keys:1: "));
	assert_null(strstr(scene->err, "00112233"));
	spill("keys", mixed);
	assert_int_equal(chmod("keys", 0640), 0);
	assert_int_equal(RUN(scene, WITH(.json = false), "check", "keys"), EXIT_TROUBLE);
	assert_non_null(strstr(scene->err, "chmod 0600"));
}

static void check_knows_the_authentication_option_too(void **state)
{
	struct scene *scene = *state;

	spill("keys", "0x1001 " HOME " " KEY_A "\n4098 node@example.com " KEY_B "\n4099 n\xFF " HASH "\n");
	assert_int_equal(RUN(scene, WITH(.auth_option = true), "check", "keys"), EXIT_TROUBLE);
	assert_non_null(strstr(scene->err, "keys:3: "));
	spill("keys", "0x1001 " HOME " " KEY_A "\n4098 node@example.com " KEY_B "\n");
	assert_int_equal(RUN(scene, WITH(.auth_option = true), "check", "keys"), EXIT_OK);
	assert_string_equal(scene->out, "NODE              SPI\n" HOME "   0x00001001\n"
					"node@example.com  0x00001002\n");
	spill("keys", "0x1001 " HOME " " KEY_A "\n4098 n\xFF " KEY_B "\n"); /* no UTF-8, so no JSON has it */
	assert_int_equal(RUN(scene, WITH(.auth_option = true, .json = true), "check", "keys"), EXIT_OK);
	assert_string_equal(scene->out, "{\"keys\":[{\"home_address\":\"" HOME
					"\",\"nai\":null,\"spi\":4097},{\"home_address\":null,\"nai\":null,"
					"\"spi\":4098}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_it_makes_is_taken_in_every_suite, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_suite_it_is_aes128_gcm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_exists_is_not_overwritten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_a_file_is_taken_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_go_to_no_terminal_and_to_no_file_of_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_command_lines_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(check_shows_what_there_is_and_never_a_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(check_tells_why_mobgwd_would_not_take_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(check_knows_the_authentication_option_too, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
