# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The laboratory of the namespace scenarios and the demo: topology.py draws it; the mobile node shares no code with agent/."""
