"""The text in pictures, as A1111, Forge, ComfyUI's savers, Civitai and we write it, back into a recipe.

    a girl <lora:Komori:0.8>
    Negative prompt: blurry
    Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1, Size: 512x768, Lora hashes: "Komori: 0123456789ab"

Whatever the text, something comes out of it: a field that says nothing usable is as if it were not there. The time
it takes grows with the length of the text and no faster; tests/test_patterns.py measures every pattern.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, cast

from inference.bounds import MAX_FLOW_SHIFT, MAX_PROMPT, SEEDS
from inference.files.json_values import as_dict, as_list, parse_json
from inference.messages.request import Region
from inference.messages.samplers import SPACINGS, Sampler, Spacing
from inference.parameters.recipe import Recipe, RecipeLora
from inference.parameters.writing import BETWEEN_REGIONS, SAMPLER_LABELS, SPACING_LABELS
from inference.regions import LAYOUTS, MAX_BASE_SHARE, MAX_EDGE, USUAL_EDGE, RegionName

MAX_LORAS = 50  # more are not looked at
MAX_FIELDS = 500  # nor these; a picture with several extensions has about 100
MAX_NAME = 200  # characters of a name
_FEWEST_FIELDS = 3  # in a last line without steps, for it to be more than a part of the prompt
_NEGATIVE = "Negative prompt:"
_STEPS = re.compile(r"^[ \t]*Steps: *\d", re.MULTILINE)
_BLANKS = re.compile(r"\s*")
_KEY = re.compile(r"(\w[\w \-/]{0,60}):\s*")
_TAG = re.compile(rf"<(?:lora|lyco):([^:<>]{{1,{MAX_NAME}}})(?::([^<>]{{0,100}}))?>", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)")
_HASH = re.compile(r"[0-9a-f]{8,64}")
_LARGEST = 1e9  # a larger number in a file is nonsense
_WEIGHTS = 4  # the border lets through -4 to 4

# Names of samplers without anything but letters and digits, as the field writes them besides our labels.
_SAMPLERS = {re.sub(r"[^a-z0-9+]", "", label.lower()): sampler for sampler, label in SAMPLER_LABELS.items()} | {
    "eulerancestral": Sampler.EULER_A,
    "dpmpp2m": Sampler.DPMPP_2M,
    "dpmpp2mkarras": Sampler.DPMPP_2M_KARRAS,
    "dpmpp2msde": Sampler.DPMPP_2M_SDE,
    "dpmpp2msdegpu": Sampler.DPMPP_2M_SDE,
}
_SPACINGS = {re.sub(r"[^a-z0-9+]", "", label.lower()): spacing for spacing, label in SPACING_LABELS.items()}


def read_infotext(text: str) -> Recipe:
    """What `text` tells."""
    words, last = _split(text.replace("\r\n", "\n").strip("\n"))
    fields = _fields(last)
    prompt, _, negative = words.partition(f"\n{_NEGATIVE}")
    if words.startswith(_NEGATIVE):
        prompt, negative = "", words.removeprefix(_NEGATIVE)
    hashes = _hashes(fields)
    size = re.fullmatch(r"(\d{1,5})\s*x\s*(\d{1,5})", fields.get("size", ""))
    seed = _whole(fields.get("seed"))
    sampler_name = fields.get("sampler")
    parts = _region_parts(prompt, fields)
    loras = _loras(prompt, hashes, fields)
    return Recipe(
        prompt="" if parts else _without_tags(prompt).strip(),
        negative_prompt=negative.strip(),
        loras=tuple(replace(lora, region=_region_of(lora, parts)) for lora in loras) if parts else loras,
        checkpoint=fields.get("model") or _resource(fields, "checkpoint"),
        checkpoint_hash=_hash(fields.get("model hash")) or hashes.get("model"),
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        steps=_whole(fields.get("steps")),
        guidance_scale=_number(fields.get("cfg scale")),
        sampler_name=sampler_name,
        sampler=(sampler := _sampler(sampler_name, fields.get("schedule type", ""))),
        spacing=_spacing(sampler, f"{sampler_name or ''} {fields.get('schedule type', '')}"),
        flow_shift=shift if (shift := _number(fields.get("shift"))) and 0 < shift <= MAX_FLOW_SHIFT else None,
        seed=seed if seed is not None and seed < SEEDS else None,
        clip_skip=_whole(fields.get("clip skip")),
        from_picture="denoising strength" in fields and "hires upscale" not in fields,
        regions=tuple(
            Region(name=name, prompt=_without_tags(part).strip()[:MAX_PROMPT]) for name, part in parts.items()
        ),
        region_edge=_region_edge(fields) if parts else USUAL_EDGE,
        base_share=max(0.0, min(MAX_BASE_SHARE, _number(fields.get("base share")) or 0.0)) if parts else 0.0,
    )


def _region_parts(prompt: str, fields: dict[str, str]) -> dict[RegionName, str]:
    """The part of the prompt of each region; none where the regions are not those of one of our layouts."""
    names, parts = fields.get("regions", "").split(", "), prompt.split(BETWEEN_REGIONS)
    known = next((layout for layout in LAYOUTS if [*layout] == names), ())
    return dict(zip(known, parts, strict=True)) if len(known) == len(parts) else {}


def _region_edge(fields: dict[str, str]) -> int:
    edge = _whole(fields.get("region edge"))
    return USUAL_EDGE if edge is None else min(MAX_EDGE, edge)


def _region_of(lora: RecipeLora, parts: dict[RegionName, str]) -> RegionName | None:
    """The region that a LoRA is for: the only one whose part has its tag."""
    tagged = [
        name for name, part in parts.items() if any(match[1].strip() == lora.name for match in _TAG.finditer(part))
    ]
    return tagged[0] if len(tagged) == 1 else None


def without_prompts(text: str) -> str:
    """The same text with neither prompt: LoRA tags and fields alone."""
    words, fields = _split(text.replace("\r\n", "\n").strip("\n"))
    tags = "".join(match[0] for match in _TAG.finditer(words))
    return f"{tags}\n{fields}".strip("\n")


def _without_tags(prompt: str) -> str:
    """The prompt without its LoRA tags and the blanks before each of them."""
    kept: list[str] = []
    place = 0
    for match in _TAG.finditer(prompt):
        kept.append(prompt[place : match.start()].rstrip())
        place = match.end()
    return "".join((*kept, prompt[place:]))


def _split(text: str) -> tuple[str, str]:
    """Prompts, and the fields behind them: from the last line that begins with the steps on, else the last line."""
    begins = [match.start() for match in _STEPS.finditer(text)]
    if begins:
        return text[: begins[-1]].rstrip("\n"), text[begins[-1] :]
    words, _, last = text.rpartition("\n")
    return (words, last) if len(_fields(last)) >= _FEWEST_FIELDS else (text, "")


def _fields(text: str) -> dict[str, str]:
    """The fields by their names in lower case; the first of a name counts, and none behind MAX_FIELDS."""
    fields: dict[str, str] = {}
    position = read = 0
    while position < len(text) and read < MAX_FIELDS:
        end = cast("re.Match[str]", _BLANKS.match(text, position)).end()
        if key := _KEY.match(text, end):
            end = _value_end(text, key.end())
            fields.setdefault(key[1].strip().lower(), _unquoted(text[key.end() : end].strip()))
            read += 1  # each may cost a look at all that stands before it: json counts lines when it fails
        position = text.find(",", end) + 1 or len(text)
    return fields


def _value_end(text: str, start: int) -> int:
    """Where the value that begins at `start` ends: behind its JSON, which may hold commas, or before the comma."""
    if text[start : start + 1] in {'"', "{", "["}:
        try:
            return json.JSONDecoder().raw_decode(text, start)[1]
        except (ValueError, RecursionError):
            pass
    comma = text.find(",", start)
    return len(text) if comma < 0 else comma


def _unquoted(value: str) -> str:
    loaded = _json(value) if value.startswith('"') else None
    return loaded if isinstance(loaded, str) else value


def _json(value: str) -> Any:
    try:
        return parse_json(value)
    except ValueError:
        return None


def _loras(prompt: str, hashes: dict[str, str], fields: dict[str, str]) -> tuple[RecipeLora, ...]:
    """The LoRAs of the prompt's tags, then those of which only a hash is told, else those that Civitai lists."""
    found: dict[str, RecipeLora] = {}
    for match in _TAG.finditer(prompt):
        name = match[1].strip()
        found.setdefault(
            name.casefold(), RecipeLora(name, _tag_weight(match[2]), hashes.get(f"lora:{name.casefold()}"))
        )
    known = {lora.hash for lora in found.values()}
    for key, value in hashes.items():
        name = key.removeprefix("lora:")
        if name != key and value not in known:
            found.setdefault(name, RecipeLora(name, None, value))
    if not found:
        listed = [
            RecipeLora(_name(r), _bounded(r.get("weight"))) for r in _resources(fields) if r.get("type") == "lora"
        ]
        found = {lora.name.casefold(): lora for lora in listed if lora.name}
    return tuple(found.values())[:MAX_LORAS]


def _tag_weight(rest: str | None) -> float | None:
    """`0.8`, `0.8:0.5` (the denoiser's first), `unet=0.8:te=0.5`; 1 when the tag says nothing."""
    if rest is None:
        return 1.0
    parts = rest.split(":")
    named = [part for part in parts if part.strip().lower().startswith("unet=")]
    number = _NUMBER.search((named or parts)[0])
    return _bounded(number[0]) if number else None


def _hashes(fields: dict[str, str]) -> dict[str, str]:
    """`model` and `lora:NAME` -> hash, names in lower case."""
    found: dict[str, str] = {}
    for pair in fields.get("lora hashes", "").split(","):
        name, _, value = pair.rpartition(":")
        if (digits := _hash(value)) and name.strip():
            found[f"lora:{name.strip().casefold()[:MAX_NAME]}"] = digits
    loaded = _json(fields.get("hashes", ""))
    for key, value in as_dict(loaded).items():
        kind, _, name = key.casefold().partition(":")
        if (digits := _hash(value)) and (
            key := {"model": "model", "lora": f"lora:{name.strip()[:MAX_NAME]}"}.get(kind)
        ):
            found.setdefault(key, digits)
    return dict(list(found.items())[: MAX_LORAS + 1])


def _resources(fields: dict[str, str]) -> list[dict[str, Any]]:
    """What Civitai's own generator lists."""
    loaded = _json(fields.get("civitai resources", ""))
    return [each for resource in as_list(loaded) if (each := as_dict(resource))]


def _resource(fields: dict[str, str], kind: str) -> str | None:
    return next((_name(resource) for resource in _resources(fields) if resource.get("type") == kind), None) or None


def _name(resource: dict[str, Any]) -> str:
    return str(resource.get("modelName") or "")[:MAX_NAME]


def _hash(value: Any) -> str | None:
    digits = value.strip().lower() if isinstance(value, str) else ""
    return digits if _HASH.fullmatch(digits) else None


def _sampler(name: str | None, schedule: str) -> Sampler | None:
    """Newer versions of the web UI write the schedule apart from the sampler, older ones behind its name."""
    short = _letters(name or "")
    without = (short.removesuffix(schedule) for schedule in _SPACINGS)
    for whole in (short + _letters(schedule), short, *without):
        if found := _SAMPLERS.get(whole):
            return found
    return None


def _spacing(sampler: Sampler | None, name: str) -> Spacing | None:
    """That of a schedule's name behind the sampler's; nothing where the name of our sampler has it."""
    spacing = next((spacing for label, spacing in _SPACINGS.items() if _letters(name).endswith(label)), None)
    if sampler is None or sampler is Sampler.DPMPP_2M_KARRAS or spacing not in SPACINGS[sampler]:
        return None
    return spacing


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", name.lower())


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,20}", text) else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) <= _LARGEST else None


def _bounded(value: Any) -> float | None:
    number = _number(value)
    return None if number is None else max(-_WEIGHTS, min(_WEIGHTS, number))
