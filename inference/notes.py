"""What a worker has to say about a picture although nothing went wrong: whole sentences, in English.

They are kept with the job as they are. Who speaks another language finds their template again, and the names in it.
"""

from __future__ import annotations

from string import Formatter

NO_NEGATIVE_PROMPT = "{checkpoint} knows no negative prompt, so yours was left out."
NO_CLIP_SKIP = "{checkpoint} knows no clip skip, so yours was left out."
NO_SPACING = "{checkpoint} begins at pure noise, so its steps are trailing and not {spacing}."
NO_FLOW_SHIFT = "{checkpoint} knows no flow shift, so yours was left out."
OTHER_SAMPLER = "{checkpoint} knows no {sampler} sampler, so it was painted with {used}."
OTHER_SPACING = "{checkpoint} knows no {spacing} spacing, so its own schedule was used."
OTHER_PREDICTION = "{lora} was trained for {trained} and {checkpoint} uses {predicted}, so it may look different."
TEMPLATES = (
    *(NO_NEGATIVE_PROMPT, NO_CLIP_SKIP, NO_SPACING, NO_FLOW_SHIFT),
    *(OTHER_SAMPLER, OTHER_SPACING, OTHER_PREDICTION),
)


def taken_apart(remark: str) -> tuple[str, dict[str, str]]:
    """The template of a remark, and what stands in its braces; any other sentence is its own template."""
    for template in TEMPLATES:
        if names := _names_in(remark, template):
            return template, names
    return remark, {}


def _names_in(remark: str, template: str) -> dict[str, str]:
    """What stands in the braces of `template`; nothing where the remark is not of it.

    Read from the end, since only a LoRA's name, which comes first, is a stranger's and may hold the words between.
    """
    names: dict[str, str] = {}
    rest = remark
    for words, name, _, _ in reversed(list(Formatter().parse(template))):
        if not words:
            rest, value = "", rest
        elif name is None:
            rest, value = rest.removesuffix(words), words if rest.endswith(words) else ""
        else:
            rest, _, value = rest.rpartition(words)
        if not value:
            return {}
        if name is not None:
            names[name] = value
    return {} if rest else names
