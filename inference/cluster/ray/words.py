"""Sentences of ours for what Ray says.

Ray's own text goes to the debug log: it is long, and written for its developers.
"""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

MAX_LOGGED = 16_384  # characters of Ray's text in the log

# Words in Ray's texts, in small letters, and what they mean. The first that are found count.
_KNOWN = {
    ("version mismatch",): "the head runs another version of Ray or Python; install the same on both machines",
    ("authentication", "unauthenticated", "invalid token"): "the cluster does not accept the token of this machine",
    ("timed out", "timeout", "deadline exceeded"): "the head does not answer in time",
    ("outofmemory", "out of memory", "memory pressure", "low memory"): "Ray ended a process because memory was short",
    ("no space left",): "the disk is full",
    ("address already in use",): "another program uses a port that Ray needs",
    ("connect to", "not connect", "connectionerror", "connection refused", "any running ray"):
        "the head cannot be reached",
    ("no such option", "invalid value"): "Ray does not know an option; look at each --ray-option",
}  # fmt: skip


def in_our_words(text: str, otherwise: str) -> str:
    """Return the sentence for a text of Ray, or `otherwise` for an unknown one. Log the text for debugging."""
    log.debug("Ray: %s", text.strip()[-MAX_LOGGED:] or "no output")
    low = text.lower()
    return next((says for words, says in _KNOWN.items() if any(word in low for word in words)), otherwise)
