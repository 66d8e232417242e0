"""Sentences of ours for what Ray says.

Ray's own text goes to the debug log: it is long, and written for its developers.
"""

from __future__ import annotations

import logging
import re

log = logging.getLogger(__name__)

MAX_LOGGED = 16_384  # characters of Ray's text in the log

_KNOWN = {
    r"version mismatch": "the head runs another version of Ray or Python; install the same on both machines",
    r"authentication|invalid.{0,20}token|unauthenticated": "the cluster does not accept the token of this machine",
    r"timed out|timeout|deadline exceeded": "the head does not answer in time",
    r"memory": "Ray ran out of memory, or ended a process because memory was short",
    r"no space left": "the disk is full",
    r"address already in use": "another program uses a port that Ray needs",
    r"unable to connect|failed to connect|could not connect|connection ?(error|refused)|could not find any running":
        "the head cannot be reached",
    r"no such option|invalid value": "Ray does not know an option; look at each --ray-option",
}  # fmt: skip


def in_our_words(text: str, otherwise: str) -> str:
    """Return the sentence for a text of Ray, or `otherwise` for an unknown one. Log the text for debugging."""
    log.debug("Ray: %s", text.strip()[-MAX_LOGGED:] or "no output")
    found = (says for pattern, says in _KNOWN.items() if re.search(pattern, text, re.IGNORECASE))
    return next(found, otherwise)
