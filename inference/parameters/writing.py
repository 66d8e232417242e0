"""A request as the text that A1111 and Civitai read out of pictures."""

from __future__ import annotations

from collections.abc import Mapping

from inference.files.hashes import autov2
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler, Spacing
from inference.regions import RegionName

SAMPLER_LABELS = {
    Sampler.EULER: "Euler",
    Sampler.EULER_A: "Euler a",
    Sampler.DDIM: "DDIM",
    Sampler.DPMPP_2M: "DPM++ 2M",
    Sampler.DPMPP_2M_KARRAS: "DPM++ 2M Karras",
    Sampler.DPMPP_2M_SDE: "DPM++ 2M SDE",
    Sampler.UNIPC: "UniPC",
    Sampler.HEUN: "Heun",
    Sampler.LCM: "LCM",
    Sampler.TCD: "TCD",
}
SPACING_LABELS = {
    Spacing.LEADING: "Leading",
    Spacing.LINSPACE: "Linspace",
    Spacing.TRAILING: "SGM Uniform",  # as the web UIs call it
    Spacing.KARRAS: "Karras",
    Spacing.EXPONENTIAL: "Exponential",
    Spacing.BETA: "Beta",
}

BETWEEN_REGIONS = "\nBREAK\n"  # A1111's word for the end of a part of a prompt


def infotext(request: GenerationRequest, checkpoint_sha256: str | None, autov3: Mapping[str, str]) -> str:
    """The parameters of one picture, as A1111 writes them. `autov3` maps a LoRA's SHA-256 to its 12-digit hash.

    With regions the prompt has a part for each, with that region's LoRAs, in the order of the field `Regions`.
    """
    names = [region.name for region in request.regions]
    lines = [BETWEEN_REGIONS.join(_prompt(request, slot) for slot in names or (None,))]
    if request.negative_prompt:
        lines.append(f"Negative prompt: {request.negative_prompt}")
    fields = {
        "Steps": str(request.steps),
        "Sampler": SAMPLER_LABELS[request.sampler],
        **({"Schedule type": SPACING_LABELS[request.spacing]} if request.spacing else {}),
        "CFG scale": f"{request.guidance_scale:g}",
        "Seed": str(request.seed),
        "Size": f"{request.width}x{request.height}",
    }
    if request.clip_skip:
        fields["Clip skip"] = str(request.clip_skip)
    if request.flow_shift is not None:
        fields["Shift"] = f"{request.flow_shift:g}"
    if names:
        fields["Regions"] = f'"{", ".join(names)}"'
        fields["Region edge"] = str(request.region_edge)
        fields["Base share"] = f"{request.base_share:g}"
    if request.image:
        fields["Denoising strength"] = f"{request.image.strength:g}"
    if checkpoint_sha256:
        fields["Model hash"] = autov2(checkpoint_sha256)
    fields["Model"] = _plain(request.checkpoint)
    if request.loras:
        hashes = ", ".join(dict.fromkeys(f"{_plain(use.name)}: {autov3[use.sha256]}" for use in request.loras))
        fields["Lora hashes"] = f'"{hashes}"'
    fields["Version"] = "Easel"
    lines.append(", ".join(f"{key}: {value}" for key, value in fields.items()))
    return "\n".join(lines)


def _prompt(request: GenerationRequest, slot: RegionName | None) -> str:
    """The prompt of a region, or of a request without regions, with its LoRAs."""
    uses = [use for use in request.loras if use.applies_to(slot)]
    tags = "".join(f"<lora:{_plain(use.name)}:{use.weight:g}>" for use in uses)
    return f"{request.prompt_of(slot)} {tags}".strip()


def _plain(name: str) -> str:
    """A name without the characters that have a meaning in the text."""
    return "".join("_" if character in ',:<>"\n' else character for character in name)
