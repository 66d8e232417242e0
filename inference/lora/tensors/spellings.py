"""Every path under which files know a network's layers, besides diffusers' own: worked out from the tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from inference.lora.tensors.original_names import RULES

_NUMBER = r"(\d+)"
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")
_MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")

# What Stable Diffusion's first code (SGM, LDM) calls the layers of a residual block and those outside of blocks.
_RESNET = {
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}


def original_spellings(network: str, paths: Collection[str]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """(path in the original code, diffusers' paths, marked by `~`) of each layer that the rules of `network` name."""
    for original, targets, marked in _rules(network):
        pattern = re.compile(re.escape(targets[0]).replace(r"\#", _NUMBER).replace("#", _NUMBER))
        for path in paths:
            if match := pattern.fullmatch(path):
                found = tuple(_numbered(target, match) for target in targets)
                if all(target in paths for target in found):
                    yield _numbered(original, match), found, marked


@cache
def _rules(network: str) -> list[tuple[str, tuple[str, ...], bool]]:
    rules = RULES.get(network, {}).items()
    return [(original, _targets(target.removeprefix("~")), target.startswith("~")) for original, target in rules]


def _targets(text: str) -> tuple[str, ...]:
    head, brace, rest = text.partition("{")
    if not brace:
        return (text,)
    inside, _, tail = rest.partition("}")
    return tuple(head + each + tail for each in inside.split(","))


def _numbered(text: str, match: re.Match[str]) -> str:
    return text.replace("#", match[1]) if match.groups() else text


def unet_spellings(paths: Collection[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(path in SGM's code, diffusers' path) of each layer of a Stable Diffusion UNet.

    SGM counts blocks through: an input block for each residual block and each downsampler, an output block for each
    residual block; attention and upsampler are the next parts of the block before them.
    """
    depth = 1 + max(int(match[4]) for path in paths if (match := _BLOCK.fullmatch(path)) and match[3] == "resnets")
    layers = depth - 1  # residual blocks of a down block; an up block has one more
    attentive = {match[2] for path in paths if (match := _BLOCK.fullmatch(path)) and _is_up_attention(match)}
    for path in paths:
        if path in _OUTSIDE:
            yield _OUTSIDE[path], (path,)
        elif match := _MIDDLE.fullmatch(path):
            place = 1 if match[1] == "attentions" else 2 * int(match[2])
            yield f"middle_block.{place}.{_inside(match[1], match[3])}", (path,)
        elif match := _BLOCK.fullmatch(path):
            yield _block(match, layers, attentive), (path,)


def _is_up_attention(match: re.Match[str]) -> bool:
    return match[1] == "up" and match[3] == "attentions"


def _block(match: re.Match[str], layers: int, attentive: Collection[str]) -> str:
    block, kind, number, rest = int(match[2]), match[3], int(match[4]), match[5]
    if kind == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.op"
    if kind == "upsamplers":
        place = 2 if match[2] in attentive else 1
        return f"output_blocks.{block * (layers + 1) + layers}.{place}.conv"
    place = 1 if kind == "attentions" else 0
    if match[1] == "down":
        return f"input_blocks.{1 + block * (layers + 1) + number}.{place}.{_inside(kind, rest)}"
    return f"output_blocks.{block * (layers + 1) + number}.{place}.{_inside(kind, rest)}"


def _inside(kind: str, rest: str) -> str:
    return _RESNET.get(rest, rest) if kind == "resnets" else rest
