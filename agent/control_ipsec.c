// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What IPsec shows of itself: each home address, what is protected, the SPIs; never a key. */
#include "control.h"
#include "ipsec.h"

enum { LISTED = 1000 }; /* what lacks something first; the rest is counted */

static json_t *reply_child(const struct ipsec_child_view *child, enum ipsec_child which)
{
	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:s?}", "child", ipsec_child_names[which], "there", child->there,
			 "reqid", json_integer(child->reqid), "spi_to_agent",
			 child->spi_to_agent ? json_integer(child->spi_to_agent) : json_null(), "spi_to_node",
			 child->spi_to_node ? json_integer(child->spi_to_node) : json_null(), "suite", child->suite);
}

static bool is_complete(const struct ipsec_view *view)
{
	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (view->children[child].wanted && !view->children[child].there)
			return false;
	return true;
}

static json_t *reply_home(const struct ipsec_view *view)
{
	json_t *children = json_array();

	for (int child = 0; child < IPSEC_CHILDREN; child++)
		if (view->children[child].wanted)
			json_array_append_new(children, reply_child(&view->children[child], child));
	return json_pack("{s:o, s:o, s:b, s:b, s:o}", "home_address", control_json_address(&view->home), "home_agent",
			 control_json_address(&view->agent), "away", view->away, "complete", is_complete(view),
			 "children", children);
}

static void add_homes(struct gateway *gw, json_t *list, bool complete)
{
	struct ipsec_view view;

	for (size_t i = 0; json_array_size(list) < LISTED && ipsec_view(gw, i, &view); i++)
		if (is_complete(&view) == complete)
			json_array_append_new(list, reply_home(&view));
}

json_t *control_reply_ipsec(const struct control_view *view)
{
	json_t *list = json_array();
	json_int_t homes = 0, complete = 0;
	struct ipsec_view one;

	for (size_t i = 0; ipsec_view(view->gw, i, &one); i++) {
		homes++;
		complete += is_complete(&one);
	}
	add_homes(view->gw, list, false);
	add_homes(view->gw, list, true);
	return json_pack("{s:s, s:s?, s:s?, s:b, s:b, s:b, s:I, s:I, s:o}", "authentication",
			 control_auth_name(view->gw->config->auth), "keys", view->gw->config->ipsec.keys, "charon",
			 view->gw->config->ipsec.ike_socket, "charon_answers", ipsec_charon_answers(view->gw),
			 "home_tests_protected", ipsec_protects(view->gw, IPSEC_HOME_TEST), "payload_protected",
			 ipsec_protects(view->gw, IPSEC_PAYLOAD), "home_addresses", homes, "complete", complete, "list",
			 list);
}

const char *control_protection(struct gateway *gw)
{
	if (ipsec_protects(gw, IPSEC_PAYLOAD))
		return "ipsec, payload";
	return gw->ipsec ? "ipsec" : gw->auth ? "auth-option" : "none";
}
