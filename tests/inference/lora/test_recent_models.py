"""LoRAs of Qwen-Image 2.1, Krea 2, FLUX.2 and Anima in trainers' names; FLUX.3 and plain Qwen3 are refused by name.

Names: `qwen_image_21_model.py`, `flux_2` and `krea2` of kohya-ss/musubi-tuner, `krea2.py` and `anima.py` of
ostris/ai-toolkit, `lora_anima.py` and `convert_anima_lora_to_comfy.py` of kohya-ss/sd-scripts, and
`comfy/ldm/qwen_image21/model.py` of Comfy-Org/ComfyUI.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import SimpleNamespace

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import judge
from inference.lora.knowledge import Knowledge
from inference.lora.tensors.fit import Grade
from inference.lora.tensors.names import index, spellings, underscored
from inference.lora.tensors.tables import networks, title
from inference.lora.verdict import Verdict, decide, layers_of
from inference.matching import KnownLora, Matcher
from inference.messages.checkpoints import CheckpointSpec

PREFIXES = (
    "transformer.", "diffusion_model.", "lora_unet_", "lora_unet__", "lycoris_", "lora_transformer_",
    "base_model.model.", "base_model.model.transformer.", "",
)  # fmt: skip
TRAINED = {  # layers, as trainers choose them
    "all": "",
    "blocks": "block",
    "attention": r"blocks\..*(to_[qkv]$|to_out|\.w[qkvo]$|qkv|_attn\.proj|linear[12]$)",
    "feed-forward": r"blocks\..*(mlp|\.ff)",
}
WORDS = {"flux2-klein-4b": {"ss_base_model_version": "flux_2_klein_4b"}}  # Flux.1 has some of its layers too


def header(shapes: Mapping[str, tuple[int, ...]], prefix: str = "", rank: int = 4) -> dict[str, SimpleNamespace]:
    found: dict[str, SimpleNamespace] = {}
    for path, shape in shapes.items():
        module = prefix + (underscored(path) if prefix.endswith("_") else path)
        found[f"{module}.lora_down.weight"] = SimpleNamespace(shape=(rank, shape[1]))
        found[f"{module}.lora_up.weight"] = SimpleNamespace(shape=(shape[0], rank))
    return found


def judged(tensors: Mapping[str, SimpleNamespace], words: Mapping[str, str] = {}) -> Verdict:
    metadata = evidence_in(words)
    evidence = judge("a" * 64, metadata, Sidecar(), Knowledge())
    return decide(layers_of(tensors).named(metadata), evidence, metadata)


def names_of(network: str) -> dict[str, list[str]]:
    """The names of its layers in diffusers, and in its original code; parts of fused layers are left out."""
    all_of_them = spellings(network, networks()[network])
    own = [each.path for each in all_of_them if each.targets == (each.path,)]
    original = [each for each in all_of_them if each.targets != (each.path,)]
    renamed = {target for each in original for target in each.targets}
    whole = [each.path for each in original if not re.search(r"\.qkv\.\d$", each.path)]
    return {"diffusers": own, "original": [*whole, *(path for path in own if path not in renamed)]}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("trained", TRAINED)
@pytest.mark.parametrize("base", ["qwen-image-2.1", "krea2", "flux2-dev", "flux2-klein-4b", "flux2-klein-9b"])
def test_whatever_layers_are_trained_and_however_they_are_called_the_model_is_known(
    base: str, trained: str, prefix: str
) -> None:
    entries = index(base, networks()[base])
    for names in names_of(base).values():
        shapes = {name: entries[name].shape for name in names if re.search(TRAINED[trained], name)}
        found = judged(header(shapes, prefix), WORDS.get(base, {}))
        assert (found.fit.base, found.fit.grade, found.fit.rivals) == (base, Grade.FIT, ())


def test_comfyuis_fused_layer_of_qwen_image_21_is_known() -> None:
    """It lays gate and projection end to end, as the turbo LoRAs for it have them."""
    blocks = {f"transformer_blocks.{n}.img_mlp.gate_up": (24576, 4096) for n in range(32)}
    blocks |= {f"transformer_blocks.{n}.attn.to_out.0": (4096, 4096) for n in range(32)}
    for prefix in PREFIXES:
        assert judged(header(blocks, prefix)).fit.base == "qwen-image-2.1"


FLUX3 = [
    {"modelspec.architecture": "FLUX.3/lora"},
    {"modelspec.architecture": "flux-3-dev/lora"},
    {"ss_base_model_version": "flux_3_dev"},
    {"ss_base_model_version": "flux3"},
]


@pytest.mark.parametrize("words", FLUX3, ids=str)
def test_flux_3_is_refused_by_name(words: Mapping[str, str]) -> None:
    strange = header({f"double_blocks.{n}.img_attn.qkv": (15000, 5000) for n in range(12)}, "diffusion_model.")
    found = judged(strange, words)
    assert (found.base_model, found.fit.grade, title(found.architecture)) == (None, Grade.MARKER, "FLUX.3")
    layers = layers_of(strange).named(evidence_in(words))
    spec = CheckpointSpec(name="here", source="nowhere", repository=True, base_model=BaseModelId("flux2-dev/base"))
    refusal = Matcher((spec,)).misfit(KnownLora("Mine", None, "", layers=layers), spec)
    assert refusal is not None and "FLUX.3" in str(refusal)


def test_metadata_names_nothing_whose_layers_are_known_and_nothing_that_is_painted() -> None:
    strange = header({"double_blocks.0.img_attn.qkv": (15000, 5000)}, "diffusion_model.")
    assert judged(strange, {"modelspec.architecture": "Flux.2-dev/lora"}).fit.base is None
    assert judged(strange, {"modelspec.architecture": "flux-3d/lora"}).fit.base is None
    krea = header({path: shape for path, shape in networks()["krea2"].items() if "attn" in path}, "transformer.")
    assert judged(krea, FLUX3[0]).fit.base == "krea2"


OUTER = {
    "06b": ("lora_te_", "lora_te_model_", "text_encoder.", "text_encoder.model.", "text_encoder.qwen3.",
            "text_encoders.qwen3_06b.transformer.model.", "qwen3_06b.transformer.model."),
    "vl-4b": ("lora_te_", "lora_te_model_language_model_", "text_encoder.language_model.", "text_encoder.model.",
              "text_encoders.qwen3vl_4b.transformer.model.", "qwen3vl_4b.transformer.model."),
}  # fmt: skip


@pytest.mark.parametrize(("make", "base"), [("06b", "anima"), ("vl-4b", "krea2")])
def test_a_text_encoder_alone_is_known_only_by_words(make: str, base: str) -> None:
    """Z-Image and chat models have the same layers."""
    for prefix in OUTER[make]:
        text = header(only(networks()[f"qwen3-{make}"], ["self_attn", "mlp"]), prefix)
        assert judged(text).base_model is None, prefix
        assert judged(text, {"ss_base_model_version": "z_image"}).base_model is None
        assert judged(text, {"ss_base_model_version": base}).base_model == f"{base}/base", prefix
        denoiser = header(only(networks()[base], ["attn"]), "diffusion_model.")
        assert judged(text | denoiser, {"ss_base_model_version": base}).base_model == f"{base}/base"


@pytest.mark.parametrize("make", ["06b", "vl-4b"])
@pytest.mark.parametrize("prefix", ["base_model.model.model.", "base_model.model.", "model.", ""])
def test_an_adapter_of_the_language_model_is_called_that(make: str, prefix: str) -> None:
    found = judged(header(only(networks()[f"qwen3-{make}"], ["q_proj", "v_proj"]), prefix))
    assert (found.base_model, found.fit.base, found.fit.rivals) == (None, "qwen3", ())


def only(shapes: Mapping[str, tuple[int, ...]], words: Iterable[str]) -> dict[str, tuple[int, ...]]:
    return {path: shape for path, shape in shapes.items() if any(word in path for word in words)}


@pytest.mark.parametrize(
    "layers", [{"double_blocks.0.img_attn.qkv": (15000, 5000)}, networks()["krea2"]], ids=["strange", "krea2"]
)
def test_a_refusal_quotes_a_name_that_nobody_knows(layers: Mapping[str, tuple[int, ...]]) -> None:
    words = {"modelspec.architecture": "Moonlight 9/lora"}
    found = layers_of(header(layers, "transformer.")).named(evidence_in(words))
    spec = CheckpointSpec(name="here", source="nowhere", repository=True, base_model=BaseModelId("krea2/base"))
    refusal = Matcher((spec,)).misfit(KnownLora("Mine", None, "", layers=found), spec)
    assert refusal is not None and "According to its file, the LoRA is for another model: Moonlight 9." in str(refusal)
    silent = Matcher((spec,)).misfit(
        KnownLora("Mine", None, "", layers=layers_of(header(layers, "transformer."))), spec
    )
    assert silent is not None and "another model" not in str(silent)
