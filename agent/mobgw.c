/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The operator's tool: command line to command. What a command does stands in tool_*.c; `mobgw check` needs no daemon.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>

#include "control.h"
#include "tool.h"

#define DEFAULT_CONFIG "/etc/mobgw/mobgwd.yaml"

enum option_letter {
	OPT_SOCKET = 's',
	OPT_CONFIG = 'c',
	OPT_JSON = 'j',
	OPT_ALL = 'a',
	OPT_MARKDOWN = 'm',
	OPT_AUTO = 'A',
	OPT_SUITE = 'u',
	OPT_OUTPUT = 'o',
	OPT_AUTH_OPTION = 'O'
};

static int run_show(const struct tool_options *options, char **words);
static int run_monitor(const struct tool_options *options, char **words);
static int run_handover(const struct tool_options *options, char **words);
static int run_check(const struct tool_options *options, char **words);
static int run_reasons(const struct tool_options *options, char **words);
static int run_keys(const struct tool_options *options, char **words);

static const struct command {
	const char *name, *letters; /* options it takes */
	int least, most;	    /* words after its name */
	int (*run)(const struct tool_options *options, char **words);
	const char *help;
} commands[] = {
	{ "show", "sja", 1, 2, run_show,
	  "mobgw show bindings [HOME-ADDRESS] | uplinks | peers | nonces | ipsec | interfaces | counters [--all] |\n"
	  "           status [--json] [--socket PATH]\n\n"
	  "  bindings     who is registered, from where, for how long: at this home agent (home), at this "
	  "correspondent\n"
	  "               (optimised); mobile node: its own registrations first\n"
	  "  uplinks      mobile node: ways to the network, their care-of addresses, and which one is used\n"
	  "  peers        mobile node: its correspondents, and which of them it talks to straight\n"
	  "  nonces       indices and ages of what test inits are answered from; never the secrets\n"
	  "  ipsec        what is protected of each home address, by which SPIs; never a key\n"
	  "  interfaces   how the data path is attached, and why not better\n"
	  "  counters     every verdict, drop and error; rows of 0 only with --all\n"
	  "  status       version, uptime, roles, authentication, counts\n\n"
	  "  --json         one JSON document\n"
	  "  --socket PATH  control socket of mobgwd (" CONTROL_PATH ")\n" },
	{ "monitor", "sj", 0, 0, run_monitor,
	  "mobgw monitor [--json] [--socket PATH]\n\n"
	  "Prints registrations, moves, expiries and refusals as they happen, until interrupted; on a mobile node "
	  "also\n"
	  "uplinks that come and go, returning home, lost registrations, and correspondents talked to straight.\n\n"
	  "  --json         one JSON object a line\n"
	  "  --socket PATH  control socket of mobgwd (" CONTROL_PATH ")\n" },
	{ "handover", "sjA", 0, 1, run_handover,
	  "mobgw handover UPLINK | --auto  [--json] [--socket PATH]\n\n"
	  "Moves a mobile node to the named uplink, where it stays while that is usable. For root only.\n\n"
	  "  --auto         back to the usable uplink of the greatest preference\n"
	  "  --json         one JSON document\n"
	  "  --socket PATH  control socket of mobgwd (" CONTROL_PATH ")\n" },
	{ "check", "cj", 0, 0, run_check,
	  "mobgw check [--config FILE] [--json]\n\n"
	  "Looks whether this machine is fit for its configuration: kernel, privileges, interfaces, sysctls.\n"
	  "Changes nothing, needs no daemon. What is not well comes with the command line that mends it. Exit status "
	  "1\n"
	  "if anything FAILs.\n\n"
	  "  --config FILE  configuration to check against (" DEFAULT_CONFIG ")\n"
	  "  --json         one JSON document\n" },
	{ "reasons", "jm", 0, 0, run_reasons,
	  "mobgw reasons [--json | --markdown]\n\n"
	  "Lists every verdict, drop and signalling reason that `mobgw show counters` may show, with its meaning.\n" },
	{ "keys", "juoO", 1, INT_MAX, run_keys,
	  "mobgw keys generate [--suite SUITE] [--output FILE] HOME-ADDRESS...\n"
	  "mobgw keys check [--auth-option] [--json] FILE\n\n"
	  "  generate       fresh static keys of IPsec, for laboratories: one file for home agent and nodes\n"
	  "  check          whether mobgwd would take a file, and what it has keys for; never a key\n\n"
	  "  --suite SUITE  aes128-gcm (default), aes256-gcm, aes128-sha256, aes256-sha256, aes128-sha1 or "
	  "aes256-sha1\n"
	  "  --output FILE  made with mode 0600, never overwritten; without it to standard output, but to no terminal\n"
	  "  --auth-option  FILE has keys of the authentication option, not of IPsec\n"
	  "  --json         one JSON document\n" },
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "markdown", no_argument, NULL, OPT_MARKDOWN },
	{ "auto", no_argument, NULL, OPT_AUTO },
	{ "suite", required_argument, NULL, OPT_SUITE },
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "auth-option", no_argument, NULL, OPT_AUTH_OPTION },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{},
};

static int run_show(const struct tool_options *options, char **words)
{
	return tool_show(options, words[0], words[1]);
}

static int run_monitor(const struct tool_options *options, char **words)
{
	return tool_monitor(options);
}

static int run_handover(const struct tool_options *options, char **words)
{
	return tool_handover(options, words[0]);
}

static int run_check(const struct tool_options *options, char **words)
{
	return tool_check(options);
}

static int run_reasons(const struct tool_options *options, char **words)
{
	return tool_reasons(options);
}

static int run_keys(const struct tool_options *options, char **words)
{
	return tool_keys(options, words);
}

static void print_usage(FILE *out)
{
	fprintf(out, "mobgw: the operator's tool of mobgwd, a Mobile IPv6 gateway\n\n"
		     "  mobgw show WHAT               what the daemon knows: bindings, uplinks, peers, nonces,\n"
		     "                                ipsec, interfaces, counters, status\n"
		     "  mobgw monitor                 events as they happen\n"
		     "  mobgw handover UPLINK|--auto  move a mobile node\n"
		     "  mobgw check                   is this machine fit?\n"
		     "  mobgw reasons                 what the counters mean\n"
		     "  mobgw keys generate|check     keys for laboratories\n\n"
		     "mobgw COMMAND --help says more; --version; manual: man mobgw\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Letters of the options given go to @given. Return: what getopt_long() ended with: -1, '?', 'h' or 'V'. */
static int read_options(int argc, char **argv, struct tool_options *options, char *given, size_t room)
{
	size_t count = 0;
	int letter;

	while ((letter = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		if (letter == '?' || letter == 'h' || letter == 'V')
			return letter;
		if (letter == OPT_SOCKET)
			options->socket = optarg;
		if (letter == OPT_CONFIG)
			options->config = optarg;
		if (letter == OPT_SUITE)
			options->suite = optarg;
		if (letter == OPT_OUTPUT)
			options->output = optarg;
		options->json = options->json || letter == OPT_JSON;
		options->all = options->all || letter == OPT_ALL;
		options->automatic = options->automatic || letter == OPT_AUTO;
		options->auth_option = options->auth_option || letter == OPT_AUTH_OPTION;
		options->markdown = options->markdown || letter == OPT_MARKDOWN;
		if (count + 1 < room)
			given[count++] = (char)letter;
	}
	return -1;
}

static int usage_error(const struct command *command, const char *what)
{
	fprintf(stderr, "mobgw %s: %s: see mobgw %s --help\n", command->name, what, command->name);
	return EXIT_USAGE;
}

/* Ends the output: what could not be written (disk full, reader gone) is an error too. */
static int finish(int exit_status)
{
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE)
			fprintf(stderr, "mobgw: write the output: %s\n", strerror(errno));
		return EXIT_TROUBLE;
	}
	return exit_status;
}

int main(int argc, char **argv)
{
	struct tool_options options = { .socket = CONTROL_PATH, .config = DEFAULT_CONFIG };
	const struct command *command;
	char given[32] = "";
	int stop = read_options(argc, argv, &options, given, sizeof(given)), words;

	if (stop == '?')
		return EXIT_USAGE; /* getopt_long() has said what */
	if (stop == 'V') {
		printf("mobgw %s\n", MOBGW_VERSION);
		return finish(EXIT_OK);
	}
	/* --help before or after the command; the words may not be sorted yet, so look for one. */
	command = optind < argc ? find_command(argv[optind]) : NULL;
	for (int i = 1; stop == 'h' && !command && i < argc; i++)
		command = find_command(argv[i]);
	if (stop == 'h') {
		fputs(command ? command->help : "", stdout);
		if (!command)
			print_usage(stdout);
		return finish(EXIT_OK);
	}
	if (!command) {
		if (optind < argc)
			fprintf(stderr, "mobgw: '%s' is no command\n", argv[optind]);
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (given[strspn(given, command->letters)] || (options.json && options.markdown))
		return usage_error(command, "option does not belong here");
	words = argc - optind - 1;
	if (words < command->least || words > command->most)
		return usage_error(command, words < command->least ? "something is missing" : "too many words");
	return finish(command->run(&options, argv + optind + 1));
}
