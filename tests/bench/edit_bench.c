// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a routing header and a home address option cost on the way out, beside the same program without the edit, in one
 * run (target: at most 1.25). A full packet of 1400 octets, as bulk traffic has. Outputs are the data path tests'
 * subject (tests/datapath/route_optimisation_test.c, optimised_node_test.c) and asserted here once more.
 */
#include "../datapath/rig.h"

#include "../datapath/packets.h"

#include "tests/bench/edit.skel.h"

enum { ROUNDS = 9, REPEAT = 200000, PAYLOAD = 1360 };

static struct rig rig;

static struct edit_bpf *open_with(bool edit)
{
	struct edit_bpf *skel = edit_bpf__open();
	struct bpf_map *map;

	if (!skel)
		exit(1);
	skel->rodata->edit = edit;
	bpf_object__for_each_map(map, skel->obj) if (!strchr(bpf_map__name(map), '.'))
		bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(rig.xdp->obj, bpf_map__name(map)));
	if (edit_bpf__load(skel))
		exit(1);
	return skel;
}

/* ns a round; the packet must come back as it went in. */
static double run(struct bpf_program *prog, const struct frame *in, int repeat)
{
	struct __sk_buff skb = { .ifindex = in->ifindex };
	static uint8_t data[FRAME_MOST + 256], out[FRAME_MOST + 256];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = in->len, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &skb, .ctx_size_in = sizeof(skb), .repeat = repeat);
	int err;

	memcpy(data, in->data, in->len);
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err || opts.retval != TC_OK || opts.data_size_out != in->len || memcmp(out, in->data, in->len)) {
		fprintf(stderr, "edit_bench: %s: error %d, action %d, %u octets\n", bpf_program__name(prog), err,
			(int)opts.retval, opts.data_size_out);
		exit(1);
	}
	return opts.duration;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(struct bpf_program *prog, const struct frame *in)
{
	double t[ROUNDS];

	run(prog, in, REPEAT / 10);
	for (int i = 0; i < ROUNDS; i++)
		t[i] = run(prog, in, REPEAT);
	qsort(t, ROUNDS, sizeof(*t), by_size);
	return t[ROUNDS / 2];
}

static void print_row(bool json, const char *name, double with, double without, double pair)
{
	static bool any;
	double edit = with - pair / 2; /* the undo is the other half of the pair */

	if (json)
		printf("%s\"%s\": {\"ns\": %.1f, \"without_ns\": %.1f, \"ratio\": %.3f}", any ? ", " : "", name, edit,
		       without, edit / without);
	else
		printf("%-58s %9.1f %9.1f %9.2f\n", name, without, edit, edit / without);
	any = true;
}

static double both(struct edit_bpf *skel, bool home, const struct frame *in)
{
	return median(home ? skel->progs.bench_home : skel->progs.bench_route, in) -
	       median(skel->progs.bench_empty, in);
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && !strcmp(argv[1], "--json");
	struct edit_bpf *with, *without;
	struct frame in, out;
	struct peer direct;
	void *state = &rig;
	double pair;

	if (unshare(CLONE_NEWNET)) {
		perror("edit_bench: a network namespace of its own");
		return 1;
	}
	rig_links(&rig);
	rig_load(&rig);
	rig_reset(&state);
	with = open_with(true);
	without = open_with(false);
	bind_peer(&rig, "2001:db8:9::100", COA1, 0, UINT64_MAX);
	in = by_wan(&rig, udp_from_stack(OWN, "2001:db8:9::100", PAYLOAD));
	out = with_routing_header(&in, COA1);
	expect_out(&rig, HOOK_TC_OUT, "routing header", &in, SENT_ROUTED, &out);
	pair = median(with->progs.bench_undo, &in) - median(with->progs.bench_empty, &in);
	if (json)
		printf("{");
	else
		printf("ns of CPU a packet, net of an empty program; median of %d runs of %d; edit and undo alone: "
		       "%.1f ns\n"
		       "%-58s %9s %9s %9s\n",
		       ROUNDS, REPEAT, pair, "program", "no edit", "as it is", "ratio");
	print_row(json, "correspondent: type 2 routing header", both(with, false, &in), both(without, false, &in),
		  pair);
	be_mobile_node(&rig, HOME_AWAY);
	direct = peer_entry(&rig, PEER_DIRECT | PEER_UPDATE);
	set_peer(&rig, MY_HOME, CN, &direct);
	in = udp_from_stack(MY_HOME, CN, PAYLOAD);
	in.ifindex = rig.home;
	out = with_home_option(&in, MY_COA);
	expect_out(&rig, HOOK_TC_HOME, "home address option", &in, SENT_OPTIMISED, &out);
	print_row(json, "mobile node: home address option", both(with, true, &in), both(without, true, &in), pair);
	printf(json ? "}\n" : "target: ratio at most 1.25\n");
	return 0;
}
