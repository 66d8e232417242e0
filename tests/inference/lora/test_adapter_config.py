"""The configuration that diffusers writes beside a LoRA: what scale it gives, and which ones are not followed."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from inference.lora.beside.adapter_config import KEY, AdapterConfig, BadAdapterConfig, read_adapter_configs


def read(**fields: Any) -> dict[str, AdapterConfig]:
    return read_adapter_configs({KEY: json.dumps(fields)})


def test_without_it_there_is_none() -> None:
    assert read_adapter_configs({"format": "pt"}) == {}
    assert read(**{"unet.r": 4}) == {}


def test_each_part_has_its_own() -> None:
    found = read(**{"unet.lora_alpha": 8, "text_encoder_2.lora_alpha": 2, "text_encoder_2.use_rslora": True})
    assert found == {"unet": AdapterConfig(8, {}), "text_encoder_2": AdapterConfig(2, {}, stabilised=True)}


def test_a_network_saved_by_itself_is_the_unet() -> None:
    assert read(lora_alpha=3, alpha_pattern=None) == {"unet": AdapterConfig(3, {})}


def test_the_first_ending_that_fits_decides() -> None:
    config = AdapterConfig(1, {"attn1.to_q": 2, "to_q": 3, "mid.ff": 4})
    layers = {"down.0.attn1.to_q": 2, "attn1.to_q": 2, "attn2.to_q": 3, "mid.ff": 4, "amid.ff": 1, "x.not_to_q": 1}
    assert {layer: config.alpha_of(layer, 4) for layer in layers} == layers


def test_stabilised_is_divided_by_the_root_of_the_rank() -> None:
    assert AdapterConfig(3, {}, stabilised=True).alpha_of("x", 16) / 16 == pytest.approx(3 / math.sqrt(16))


@pytest.mark.parametrize(("pattern", "ending"), [("^mid.to_q$", "mid.to_q"), (r"mid\.to_q", "mid.to_q")])
def test_plain_expressions_are_read_as_endings(pattern: str, ending: str) -> None:
    assert read(lora_alpha=1, alpha_pattern={pattern: 2})["unet"].alphas == {ending: 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no table"),
        ('{"lora_alpha": "8"}', "no number"),
        ('{"lora_alpha": true}', "no number"),
        ('{"lora_alpha": NaN}', "no number"),
        ('{"lora_alpha": 1e999}', "no number"),
        ('{"lora_alpha": 1, "alpha_pattern": []}', None),
        ('{"lora_alpha": 1, "alpha_pattern": ["to_q"]}', "by layer"),
        ('{"lora_alpha": 1, "alpha_pattern": {"(a+)+": 2}}', "expression"),
        ('{"lora_alpha": 1, "alpha_pattern": {"to_q": null}}', "no number"),
        ('{"lora_alpha": 1, "init_lora_weights": "pissa_niter_16"}', "pissa"),
        ('{"lora_alpha": 1, "init_lora_weights": "gaussian"}', None),
    ],
)
def test_what_cannot_be_followed_is_told(text: str, said: str | None) -> None:
    if said is None:
        assert read_adapter_configs({KEY: text})
        return
    with pytest.raises(BadAdapterConfig, match=said):
        read_adapter_configs({KEY: text})
