# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An optimised path in every mode of attachment, and with aggregates: integrity of bulk streams in both directions."""
