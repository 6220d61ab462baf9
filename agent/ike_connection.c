// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One connection of IKE for each home address, with a child for each thing that is protected, under our reqids. */
#include "ike_connection.h"

#include <arpa/inet.h>

/* What the kernel is asked for; the first that both have. With a group each rekeying has fresh secrets. */
static const char *const esp_proposals[] = { "aes128gcm16-x25519-ecp256",
					     "aes256gcm16-x25519-ecp256",
					     "aes128-sha256-x25519-ecp256",
					     "aes256-sha256-x25519-ecp256",
					     "aes128gcm16",
					     "aes128-sha256",
					     "aes128-sha1" };
static const char *const ike_proposals[] = { "default" };

enum {
	DEAD_PEER_S =
		30, /* a node that is gone leaves nothing at its agent for longer than this and its retransmissions */
	IKE_REKEY_TIMES = 4, /* how many times the children's */
};

void ike_name(const struct in6_addr *home, char name[IKE_NAME_MAX])
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, home, text, sizeof(text));
	snprintf(name, IKE_NAME_MAX, IKE_NAME_PREFIX "%s", text);
}

void ike_child_name(const struct in6_addr *home, enum ipsec_child child, char name[IKE_NAME_MAX])
{
	char connection[IKE_NAME_MAX];

	ike_name(home, connection);
	snprintf(name, IKE_NAME_MAX, "%.*s-%s", 60, connection, ipsec_child_names[child]);
}

bool ike_home_of_name(const char *name, size_t len, struct in6_addr *home)
{
	static const size_t prefix = sizeof(IKE_NAME_PREFIX) - 1;
	char text[INET6_ADDRSTRLEN], own[IKE_NAME_MAX];

	if (len <= prefix || memcmp(name, IKE_NAME_PREFIX, prefix) || len - prefix >= sizeof(text))
		return false;
	memcpy(text, name + prefix, len - prefix);
	text[len - prefix] = '\0';
	if (inet_pton(AF_INET6, text, home) != 1)
		return false;
	ike_name(home, own); /* we write it one way; nor may a NUL hide what follows */
	return strlen(own) == len && !memcmp(own, name, len);
}

static void write_item(struct vici_writer *w, const char *key, const char *value)
{
	vici_list(w, key, &value, 1);
}

static void write_address(struct vici_writer *w, const char *key, const struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	write_item(w, key, addr ? inet_ntop(AF_INET6, addr, text, sizeof(text)) : "%any");
}

static void write_end(struct vici_writer *w, const char *which, const struct ike_connection *c, const char *id)
{
	vici_section(w, which);
	vici_text(w, "auth", "%s", c->psk ? "psk" : "pubkey");
	vici_text(w, "id", "%s", id);
	vici_section_end(w);
}

/* Addresses alone for the signalling: one pair of states for mobility headers and prefix discovery, RFC 4877 §4.3. */
static void write_selectors(struct vici_writer *w, const struct ipsec_end *end, enum ipsec_child child)
{
	static const char *const protocols[IPSEC_CHILDREN] = { [IPSEC_HOME_TEST] = "[135]" };
	const char *protocol = protocols[child] ? protocols[child] : "";
	char text[INET6_ADDRSTRLEN], node[80], other[80];

	snprintf(node, sizeof(node), "%s/128%s", inet_ntop(AF_INET6, &end->home, text, sizeof(text)), protocol);
	if (child == IPSEC_SIGNALLING)
		snprintf(other, sizeof(other), "%s/128", inet_ntop(AF_INET6, &end->agent, text, sizeof(text)));
	else
		snprintf(other, sizeof(other), "::/0%s", protocol);
	write_item(w, "local_ts", end->node ? node : other);
	write_item(w, "remote_ts", end->node ? other : node);
}

/*
 * The home agent alone has states replaced. charon on the node looks for its signalling by the care-of address when
 * the kernel says that it is old, and so would never find it; and from both ends at once exchanges collide.
 */
static void write_child_times(struct vici_writer *w, const struct ike_connection *c)
{
	if (!c->end->node) {
		vici_text(w, "rekey_time", "%us", c->rekey_s);
		return;
	}
	vici_text(w, "rekey_time", "0s");
	vici_text(w, "rand_time", "0s"); /* else it would be taken from nothing, and begin at once */
	vici_text(w, "life_time", "%us", c->rekey_s * 3 / 2);
}

static void write_child(struct vici_writer *w, const struct ike_connection *c, enum ipsec_child child)
{
	char name[IKE_NAME_MAX];
	uint32_t reqid = ipsec_reqid(c->end->slot, child);

	ike_child_name(&c->end->home, child, name);
	vici_section(w, name);
	vici_text(w, "mode", "%s", child == IPSEC_SIGNALLING ? "transport_proxy" : "tunnel");
	vici_text(w, "policies", "no"); /* they are ours */
	vici_text(w, "reqid", "%u", reqid);
	vici_text(w, "set_mark_in", "0x%x/0xffffffff", reqid); /* proof of protection: IPSEC.md §2 */
	write_selectors(w, c->end, child);
	vici_list(w, "esp_proposals", esp_proposals, ARRAY_SIZE(esp_proposals));
	vici_text(w, "start_action", "none"); /* begun by us, when there is a care-of address */
	vici_text(w, "dpd_action", "none");
	vici_text(w, "close_action", "none");
	write_child_times(w, c);
	vici_section_end(w);
}

void ike_write_connection(struct vici_writer *w, const struct ike_connection *c)
{
	const struct ipsec_end *end = c->end;
	char name[IKE_NAME_MAX];

	ike_name(&end->home, name);
	vici_section(w, name);
	vici_text(w, "version", "2");
	write_address(w, "local_addrs", end->node ? c->local : &end->agent);
	write_address(w, "remote_addrs", end->node ? &end->agent : NULL);
	vici_text(w, "mobike", "no"); /* XFRM migrate says where the node is: RFC 4877 §5.1 */
	vici_list(w, "proposals", ike_proposals, ARRAY_SIZE(ike_proposals));
	vici_text(w, "dpd_delay", "%us", DEAD_PEER_S);
	vici_text(w, "rekey_time", "%us", end->node ? 0 : c->rekey_s * IKE_REKEY_TIMES);
	vici_text(w, "unique", "replace");
	vici_text(w, "keyingtries", "1"); /* we try again, from wherever we are then */
	write_end(w, "local", c, end->node ? c->id : c->agent_id);
	write_end(w, "remote", c, end->node ? c->agent_id : c->id);
	vici_section(w, "children");
	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (ipsec_wants(end, child))
			write_child(w, c, child);
	vici_section_end(w);
	vici_section_end(w);
}

/* The node alone owns it: charon tries each secret of which either end is an owner, so that with the agent for another
 * every node's would prove every node. */
void ike_write_secret(struct vici_writer *w, const struct ike_connection *c, const struct ike_secret *secret)
{
	char name[IKE_NAME_MAX];

	ike_name(&c->end->home, name);
	vici_text(w, "id", "%s", name);
	vici_text(w, "type", "IKE");
	vici_value(w, "data", secret->secret, secret->len);
	write_item(w, "owners", c->id);
}

void ike_write_terminate(struct vici_writer *w, const struct in6_addr *home, int child)
{
	char name[IKE_NAME_MAX];

	ike_name(home, name);
	vici_text(w, "ike", "%s", name);
	if (child >= 0) {
		ike_child_name(home, child, name);
		vici_text(w, "child", "%s", name);
	}
	vici_text(w, "force", "yes");
	vici_text(w, "timeout", "-1");
}

void ike_write_initiate(struct vici_writer *w, const struct in6_addr *home, enum ipsec_child child)
{
	char name[IKE_NAME_MAX];

	ike_name(home, name);
	vici_text(w, "ike", "%s", name);
	ike_child_name(home, child, name);
	vici_text(w, "child", "%s", name);
	vici_text(w, "timeout", "-1"); /* how it ends the states tell */
}
