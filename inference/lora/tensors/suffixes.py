"""The suffixes of tensor names in LoRA files: what a tensor is to its module.

Trainers agree on little: kohya writes `P.lora_down.weight`, PEFT `P.lora_A.weight`, old diffusers
`P.processor.to_q_lora.down.weight`, XLabs `double_blocks.0.processor.qkv_lora1.down.weight`.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Role(StrEnum):
    """What a tensor is to its module. The value is the word that people read."""

    DOWN = "down matrix"
    UP = "up matrix"
    MID = "core"
    ALPHA = "alpha"
    DORA_SCALE = "dora_scale"  # kohya, LyCORIS, OneTrainer: [out, 1] or [1, in]
    MAGNITUDE = "magnitude vector"  # PEFT: [out]
    UP_BIAS = "bias of the up matrix"
    HADA_W1_A = "hada_w1_a"
    HADA_W1_B = "hada_w1_b"
    HADA_W2_A = "hada_w2_a"
    HADA_W2_B = "hada_w2_b"
    HADA_T1 = "hada_t1"
    HADA_T2 = "hada_t2"
    LOKR_W1 = "lokr_w1"
    LOKR_W1_A = "lokr_w1_a"
    LOKR_W1_B = "lokr_w1_b"
    LOKR_W2 = "lokr_w2"
    LOKR_W2_A = "lokr_w2_a"
    LOKR_W2_B = "lokr_w2_b"
    LOKR_T2 = "lokr_t2"
    DIFF = "difference"
    DIFF_BIAS = "difference of the bias"
    NORM_WEIGHT = "norm's weight"
    NORM_BIAS = "norm's bias"
    IA3 = "(IA)³ vector"
    OFT = "OFT rotation"
    BOFT = "BOFT rotation"
    GLORA = "GLoRA matrix"
    EMBEDDING = "text embedding"
    CONTROL = "control part"
    WEIGHT = "weight"
    BIAS = "bias"
    UNKNOWN = "unknown part"


_SAME_NAME = (
    *(role for role in Role if role.value.startswith(("hada_", "lokr_"))),
    Role.ALPHA,
    Role.DORA_SCALE,
)

SUFFIXES: dict[str, Role] = {
    **{role.value: role for role in _SAME_NAME},
    "lora_down.weight": Role.DOWN,
    "lora_A.weight": Role.DOWN,
    "lora.down.weight": Role.DOWN,
    "lora_linear_layer.down.weight": Role.DOWN,
    "lora_up.weight": Role.UP,
    "lora_B.weight": Role.UP,
    "lora.up.weight": Role.UP,
    "lora_linear_layer.up.weight": Role.UP,
    "lora_mid.weight": Role.MID,
    "lora_B.bias": Role.UP_BIAS,
    "lora_up.bias": Role.UP_BIAS,
    "lora_A.bias": Role.UP_BIAS,
    "lora_down.bias": Role.UP_BIAS,
    "lora_magnitude_vector": Role.MAGNITUDE,
    "lora_magnitude_vector.weight": Role.MAGNITUDE,
    "lora_magnitude_vector.default.weight": Role.MAGNITUDE,
    "diff": Role.DIFF,
    "diff_b": Role.DIFF_BIAS,
    "w_norm": Role.NORM_WEIGHT,
    "b_norm": Role.NORM_BIAS,
    "on_input": Role.IA3,
    "ia3_l": Role.IA3,
    "oft_blocks": Role.OFT,
    "oft_diag": Role.OFT,
    "oft_R.weight": Role.OFT,
    "oft_R.scaled_oft": Role.OFT,
    "oft_r": Role.OFT,
    "boft_R": Role.BOFT,
    "boft_s": Role.BOFT,
    "a1.weight": Role.GLORA,
    "a2.weight": Role.GLORA,
    "b1.weight": Role.GLORA,
    "b2.weight": Role.GLORA,
    "weight": Role.WEIGHT,
    "bias": Role.BIAS,
    "scale": Role.CONTROL,  # `norm.query_norm.scale` in Flux control LoRAs
}
_LONGEST = 3  # words in a suffix

# `P.processor.to_q_lora.down.weight` -> `P.to_q`; in text encoders `P.self_attn.to_q_lora.…` -> `P.self_attn.q_proj`.
_PROCESSOR = re.compile(
    r"(?P<at>.+?)\.(?P<processor>processor\.)?to_(?P<what>[qkv]|out)_lora\.(?P<side>down|up)\.weight"
)
_XLABS = re.compile(
    r"(?P<at>.*double_blocks\.\d+)\.processor\.(?P<what>qkv|proj)_lora(?P<stream>[12])\.(?P<side>down|up)\.weight"
)
_STREAMS = {"1": "img_attn", "2": "txt_attn"}
_XLABS_SINGLE = re.compile(
    r"(?P<at>.*single_blocks\.\d+)\.processor\.(?P<what>qkv|proj)_lora\.(?P<side>down|up)\.weight"
)
_SINGLE = {"qkv": "qkv", "proj": "linear2"}
_SIDES = {"down": Role.DOWN, "up": Role.UP}
_PEFT_SIDES = {"lora_A": Role.DOWN, "lora_B": Role.UP}
_EMBEDDING = ".string_to_param."


def read_key(key: str) -> tuple[str, Role]:
    """A tensor's name as (module, role). A name that says nothing known is its own module with an UNKNOWN part."""
    words = key.split(".")
    if len(words) > 3 and words[-1] == "weight" and words[-3] in _PEFT_SIDES:  # the adapter's name between them
        return ".".join(words[:-3]), _PEFT_SIDES[words[-3]]
    for count in range(min(_LONGEST, len(words) - 1), 0, -1):
        role = SUFFIXES.get(".".join(words[-count:]))
        if role is not None and not (role is Role.WEIGHT and "_lora" in key):
            return ".".join(words[:-count]), role
    return _old_spelling(key)


def _old_spelling(key: str) -> tuple[str, Role]:
    if match := _PROCESSOR.fullmatch(key):
        return f"{match['at']}.{_unfolded(match['what'], bool(match['processor']), match['at'])}", _SIDES[match["side"]]
    if match := _XLABS.fullmatch(key):
        return f"{match['at']}.{_STREAMS[match['stream']]}.{match['what']}", _SIDES[match["side"]]
    if match := _XLABS_SINGLE.fullmatch(key):
        return f"{match['at']}.{_SINGLE[match['what']]}", _SIDES[match["side"]]
    if _EMBEDDING in key:
        return key.partition(_EMBEDDING)[0], Role.EMBEDDING
    if key == "lora_controlnet":
        return key, Role.CONTROL
    return key, Role.UNKNOWN


def _unfolded(what: str, processor: bool, at: str) -> str:
    if not processor and at.endswith("self_attn"):
        return f"{what}_proj"
    return "to_out.0" if what == "out" else f"to_{what}"
