// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What route optimisation shows of itself: a mobile node's correspondents, a correspondent's nonces. RFC 6275 §5.2,
 * §11.1. */
#include "control.h"

static json_t *json_count(bool known, uint64_t value)
{
	return known ? json_integer((json_int_t)(value & INT64_MAX)) : json_null();
}

static json_t *reply_peer(const struct peer_view *peer)
{
	static const char *const states[] = {
		[PEER_VIEW_TUNNEL] = "tunnel",	   [PEER_VIEW_TESTING] = "testing",
		[PEER_VIEW_UPDATING] = "updating", [PEER_VIEW_OPTIMISED] = "optimised",
		[PEER_VIEW_LEAVING] = "leaving",   [PEER_VIEW_BACKED_OFF] = "backed-off",
	};
	bool bound = !IN6_IS_ADDR_UNSPECIFIED(&peer->care_of);
	uint8_t status = peer->last_status;

	return json_pack("{s:o, s:o, s:s, s:o, s:i, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:s?}", "home_address",
			 control_json_address(&peer->home), "correspondent", control_json_address(&peer->peer), "state",
			 states[peer->state], "care_of_address", control_json_address(&peer->care_of), "sequence",
			 (int)peer->seq, "lifetime_s", json_count(bound, peer->lifetime_s), "remaining_s",
			 json_count(bound, peer->remaining_s), "idle_s", json_count(true, peer->idle_s), "home_token",
			 peer->home_token, "care_of_token", peer->care_of_token, "back_off_s",
			 json_count(peer->back_off_s != 0, peer->back_off_s), "last_status",
			 json_count(status != 0, status), "last_status_text", status ? ba_status_text(status) : NULL);
}

/* LIMIT_PEERS bounds it. */
json_t *control_reply_peers(const struct control_view *view)
{
	json_t *list = json_array();
	struct peer_view peer = {};

	for (size_t i = 0; mobile_peers_view(view->gw, i, &peer); i++)
		json_array_append_new(list, reply_peer(&peer));
	return json_pack("{s:s, s:o}", "route_optimisation", config_optimise_name(view->gw->config->optimise), "peers",
			 list);
}

json_t *control_reply_nonces(const struct control_view *view)
{
	json_t *list = json_array();
	struct nonce_view nonce = {};

	for (size_t i = 0; correspondent_nonce(view->gw, i, &nonce); i++)
		json_array_append_new(list, json_pack("{s:i, s:o, s:o, s:b}", "index", (int)nonce.index, "age_s",
						      json_count(true, nonce.age_s), "remaining_s",
						      json_count(true, nonce.left_s), "given_out", nonce.given_out));
	return json_pack("{s:o}", "nonces", list);
}

void control_status_peers(const struct control_view *view, json_t *status)
{
	bool node = view->gw->config->roles & ROLE_MOBILE_NODE;
	uint64_t peers = 0, optimised = 0;
	struct peer_view peer = {};

	for (size_t i = 0; node && mobile_peers_view(view->gw, i, &peer); i++) {
		peers++;
		optimised += peer.state == PEER_VIEW_OPTIMISED;
	}
	json_object_set_new(status, "optimised_bindings",
			    json_count(true, binding_count(correspondent_bindings(view->gw))));
	json_object_set_new(status, "max_optimised_bindings", json_count(true, view->gw->config->peer_bindings));
	json_object_set_new(status, "peers", json_count(node, peers));
	json_object_set_new(status, "peers_optimised", json_count(node, optimised));
}
