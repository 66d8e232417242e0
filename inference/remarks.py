"""What a worker has to say about a picture although nothing went wrong: whole sentences, in English.

They are kept with the job as they are. Who speaks another language finds their template again, and the names in it.
"""

from __future__ import annotations

import re

NO_NEGATIVE_PROMPT = "{checkpoint} knows no negative prompt, so yours was left out."
NO_CLIP_SKIP = "{checkpoint} knows no clip skip, so yours was left out."
OTHER_PREDICTION = "{lora} was trained for {trained} and {checkpoint} uses {predicted}, so it may look different."
TEMPLATES = (NO_NEGATIVE_PROMPT, NO_CLIP_SKIP, OTHER_PREDICTION)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template)), re.DOTALL)


_PATTERNS = {template: _pattern(template) for template in TEMPLATES}


def taken_apart(remark: str) -> tuple[str, dict[str, str]]:
    """The template of a remark, and what stands in its braces; any other sentence is its own template."""
    for template, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(remark):
            return template, match.groupdict()
    return remark, {}
