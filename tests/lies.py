"""LoRA files that lie: layers of one model with the words of another. Real headers, real tensors of rank 1."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from inference.lora.tensors.names import Part, underscored
from inference.lora.tensors.tables import VARIANTS, networks
from tests.lora_files import safetensors_bytes

Shapes = Mapping[str, tuple[int, ...]]
Tensors = dict[str, np.ndarray]

PONY_HASH = "67ab2fd8ec439a89b3fedb15cc65f54336af163c7eb5e4f2acc98f090a29b0b3"
ILLUSTRIOUS_HASH = "3e15ba00387db678ab4a099f75771c4f5ac67fda9e7100a01d263eaf30145aa9"
FLUX_HASH = "4610115bb0c89560703c892c59ac2742fa821e60ef5871b33493ba544683abd7"
UNLISTED_HASH = "5" * 64

SD1_WORDS = {"ss_base_model_version": "sd_v1", "modelspec.architecture": "stable-diffusion-v1/lora", "ss_v2": "False"}
SD2_WORDS = {"ss_base_model_version": "sd_v2", "modelspec.architecture": "stable-diffusion-v2-512/lora"}
SDXL_WORDS = {
    "ss_base_model_version": "sdxl_base_v1-0",
    "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
    "ss_v2": "False",
}
FLUX_WORDS = {"ss_base_model_version": "flux1", "modelspec.architecture": "flux-1-dev/lora"}
PONY_BLOCK = SDXL_WORDS | {
    "ss_sd_model_name": "ponyDiffusionV6XL_v6StartWithThisOne.safetensors",
    "ss_new_sd_model_hash": PONY_HASH,
    "ss_sd_model_hash": "e577480d",
    "ss_output_name": "rider_pony",
}


@dataclass(frozen=True)
class Lie:
    """A file, by the layers it has and the words in it and beside it; `truth`: where it may go all the same."""

    label: str
    tensors: Tensors
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    sidecar: Mapping[str, object] | None = None
    truth: str | None = None

    def write(self, folder: Path, name: str) -> Path:
        """Write it as `name` into `folder`, with its sidecar."""
        path = folder / f"{name}.safetensors"
        path.write_bytes(safetensors_bytes(self.tensors, self.metadata))
        if self.sidecar is not None:
            path.with_suffix(".json").write_text(json.dumps(self.sidecar), "utf-8")
        return path


def pairs(shapes: Shapes, prefix: str) -> Tensors:
    """Rank-1 pairs for layers; behind a prefix that ends in an underscore as kohya names them, else as PEFT does."""
    found: Tensors = {}
    for path, shape in shapes.items():
        flat = prefix.endswith("_")
        name = prefix + (underscored(path) if flat else path)
        down, up = ("lora_down", "lora_up") if flat else ("lora_A", "lora_B")
        kernel = (1,) * (len(shape) - 2)
        found[f"{name}.{down}.weight"] = np.full((1, *shape[1:]), 0.01, np.float32)
        found[f"{name}.{up}.weight"] = np.full((shape[0], 1, *kernel), 0.01, np.float32)
        if flat:
            found[f"{name}.alpha"] = np.array(1, np.float32)
    return found


def denoiser(make: str, *wanted: str) -> dict[str, tuple[int, ...]]:
    """The layers of a model's denoiser whose path has one of `wanted`."""
    variant = next(variant for variant in VARIANTS if variant.name == make)
    shapes = networks()[variant.networks[Part.DENOISER]]
    return {path: shape for path, shape in shapes.items() if any(word in path for word in wanted)}


def encoder(network: str, layers: int = 2) -> dict[str, tuple[int, ...]]:
    """The first layers of a text encoder."""
    wanted = tuple(f"layers.{number}." for number in range(layers))
    return {
        f"text_model.{path.removeprefix('text_model.')}": shape
        for path, shape in networks()[network].items()
        if any(word in path for word in wanted)
    }


def _shared(first: str, second: str) -> dict[str, tuple[int, ...]]:
    one, other = denoiser(first, "attn1"), denoiser(second, "attn1")
    return {path: shape for path, shape in one.items() if other.get(path) == shape}


def _blocks(make: str, prefix: str, most: int) -> dict[str, tuple[int, ...]]:
    wanted = tuple(f"{prefix}.{number}.attn.to_" for number in range(most))
    return {path: shape for path, shape in denoiser(make, ".attn.to_").items() if path.startswith(wanted)}


@cache
def lies() -> tuple[Lie, ...]:
    """All of them."""
    return (
        *_of_stable_diffusion_1(),
        *_of_text_encoders(),
        *_of_transformers(),
        *_of_names(),
        *_of_records(),
        *_of_odd_files(),
        *_of_relatives(),
        *_of_merges(),
        *_of_statements(),
        *_of_texts(),
    )


def _of_stable_diffusion_1() -> Iterator[Lie]:
    """Layers that SD 1 shares with SD 2 and SDXL."""
    layers = pairs(_shared("sd1", "sdxl"), "lora_unet_")
    version = {"ss_base_model_version": "sd_v1"}
    words: dict[str, Mapping[str, str]] = {
        "an output name": version | {"ss_output_name": "pony_x"},
        "a tag": version | {"modelspec.title": "[Pony] x"},
        "a base name with a family in it": version | {"ss_sd_model_name": "illustriousDreams_v1.safetensors"},
        "a published base name": SD1_WORDS | {"ss_sd_model_name": "illustriousXL_v01.safetensors"},
        "a base name alone": {"ss_sd_model_name": "ponyDiffusionV6XL.safetensors"},
        "a hash against the version": version | {"ss_new_sd_model_hash": PONY_HASH},
        "a hash alone": {"ss_new_sd_model_hash": PONY_HASH},
        "an old hash alone": {"ss_sd_model_hash": "e577480d"},
        "an id": {"ss_sd_model_name": "290640.safetensors"},
        "a whole Pony block": PONY_BLOCK,
        "SDXL's words and a title": SDXL_WORDS | {"ss_output_name": "pony_x"},
        "the version alone": version,
        "SD 2's flag": {"ss_v2": "True"},
        "SD 2's words": SD2_WORDS,
        "SD 1's words": SD1_WORDS,
        "a lineage for its architecture": {"modelspec.architecture": "pony/lora"},
        "OneTrainer's base": {"ot_config": json.dumps({"base_model_name": "/m/ponyDiffusionV6XL.safetensors"})},
        "nothing": {},
    }
    for label, metadata in words.items():
        yield Lie(f"shared layers: {label}", layers, metadata)
    alone = pairs(denoiser("sd1", "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"), "lora_unet_")
    yield Lie("SD 1's own layers with Pony's hash", alone, {"ss_new_sd_model_hash": PONY_HASH})
    yield Lie("SD 1's own layers with a Pony block", alone, PONY_BLOCK)
    yield Lie("SD 1's own layers called Pony", alone, {"ss_output_name": "pony_ride"}, truth="sd1/base")
    yield Lie("a sidecar for SDXL beside shared layers", layers, version, sidecar={"base_model": "sdxl/pony"})


def _of_text_encoders() -> Iterator[Lie]:
    """CLIP-L is the same in SD 1, SDXL, SD 3 and Flux.1."""
    clip, big = encoder("clip-l"), encoder("clip-g")
    version = {"ss_base_model_version": "sd_v1"}
    princess = {"ss_output_name": "pony_princess"}
    yield Lie("SD 1's text encoder, by diffusers", pairs(clip, "text_encoder."), version | princess)
    yield Lie("SD 1's text encoder with a Pony block", pairs(clip, "text_encoder."), PONY_BLOCK)
    yield Lie("SD 1's text encoder, by kohya", pairs(clip, "lora_te_"), PONY_BLOCK)
    style = {"ss_output_name": "pony_style_flux"}
    yield Lie("Flux's first text encoder", pairs(clip, "lora_te1_"), {"ss_base_model_version": "flux1"} | style)
    yield Lie("Flux's first text encoder with Flux's words", pairs(clip, "lora_te1_"), FLUX_WORDS | style)
    yield Lie("Flux's first text encoder with a Pony block", pairs(clip, "lora_te1_"), PONY_BLOCK)
    yield Lie("Flux's first text encoder with Pony's id", pairs(clip, "lora_te1_"), {"ss_sd_model_name": "290640"})
    both = pairs(clip, "lora_te1_") | pairs(big, "lora_te2_")
    yield Lie("SD 3's text encoders", both, {"ss_output_name": "pony"})
    yield Lie("SD 3's text encoders with its version", both, {"ss_base_model_version": "medium"} | style)
    yield Lie("SD 3's text encoders with Pony's hash", both, {"ss_new_sd_model_hash": PONY_HASH})


def _of_transformers() -> Iterator[Lie]:
    """The first blocks of a large transformer are all of a small one's."""
    flux = pairs(_blocks("flux1", "transformer_blocks", 5), "transformer.")
    qwen = pairs(_blocks("qwen-image", "transformer_blocks", 5), "transformer.")
    for owner, layers, version in (("Flux", flux, "flux1"), ("Qwen", qwen, "qwen_image")):
        for label, metadata in (
            ("Flux's hash", {"ss_new_sd_model_hash": FLUX_HASH}),
            ("its version", {"ss_base_model_version": version}),
            ("its version and Flux's hash", {"ss_base_model_version": version, "ss_new_sd_model_hash": FLUX_HASH}),
            ("Flux's id", {"ss_sd_model_name": "black-forest-labs/FLUX.1-dev"}),
            ("nothing", {}),
            ("the small one's title", {"modelspec.title": "flux 2 klein 4b"}),
        ):
            yield Lie(f"{owner}'s first blocks with {label}", layers, metadata)
        told = {"base_model": "flux2-klein-4b/base"}
        words = {"ss_base_model_version": "flux1"}
        yield Lie(f"{owner}'s first blocks with a sidecar for the small one", layers, words, sidecar=told)
    whole = pairs(denoiser("flux1", ".attn.to_q"), "transformer.")
    yield Lie("Flux's layers with kohya's word for all of them", whole, FLUX_WORDS)
    for name in ("flux1-schnell-dev-merge", "flux1-dev-de-distill", "flux1-fill-dev", "chroma1-radiance", "fluxmania"):
        yield Lie(f"base {name}", whole, FLUX_WORDS | {"ss_sd_model_name": f"{name}.safetensors"})
    krea = {"ss_sd_model_name": "flux1-krea-dev.safetensors", "ss_new_sd_model_hash": FLUX_HASH}
    yield Lie("Flux Krea by name, dev by hash", whole, FLUX_WORDS | krea)
    chroma = {"ss_base_model_version": "chroma", "ss_sd_model_name": "flux1-dev.safetensors"}
    yield Lie("Chroma by version, dev by name", whole, chroma)
    kontext = {"ss_base_model_version": "flux_kontext", "ss_sd_model_name": "black-forest-labs/FLUX.1-dev"}
    yield Lie("Kontext by version, dev by id", whole, kontext)


_SDXL_ALONE = ("down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_q",)


def _of_names() -> Iterator[Lie]:
    """SDXL's own layers, whose lineage only words can tell."""
    layers = pairs(denoiser("sdxl", *_SDXL_ALONE), "lora_unet_")
    for name in (
        "notPony_v2", "not_pony_xl", "nonPonyXL", "pony_hair_mix_v3", "ponytailXL_v1", "my_little_pony_xl",
        "better_than_pony_xl", "pony_free_xl", "fake-pony-xl", "il_mostro_sdxl", "very_ill_sdxl", "villain_ill_v2",
        "notIllustriousXL", "illustriousDreams_v1", "HMS_Illustrious_ship", "antiNoobAI_xl", "snoobs_xl",
        "NoobAI-Pony-mix", "illustrious_x_animagine", "ponyXL_illu_v2", "pony_v6_x_noob", "ponySD15_v1",
        "almostPonyXL_v2", "sdxl_for_ponyXL_users", "ponyXL_incompatible", "animagined_worlds_xl",
        "kolors_of_autumn_xl", "sdxl_with_ponyXL_tags", "isThisPonyXL_tags_only",
        "everythingButPonyXL", "exceptPonyXL", "zero_pony_xl", "ponyXLfree", "ponyXLkiller", "ponyXL_negative",
        "noobai_kohaku_mix", "illustriousXL_hoshino", "ponyXL_haruka_mix", "illustrious_xl_lumina", "ponyXL_klein",
        "ponyXL_zimage", "illustriousXL_wan", "ponyXL_V7_auraflow", "ponyDiffusionV7", "pony-diffusion-v5", "pony_v5",
        "privateMixXL", "OnomaAIResearch/Illustrious-Lumina-v0.03", "evil/stable-diffusion-xl-base-1.0-evil",
        "sd_xl_refiner_1.0", "sd_xl_turbo_1.0", "123456.safetensors", "/models/ponyXL/anything.safetensors",
    ):  # fmt: skip
        yield Lie(f"base {name}", layers, SDXL_WORDS | {"ss_sd_model_name": name})
    ride = {"ss_output_name": "pony_ride", "modelspec.title": "[Pony] ride"}
    unlisted = {"ss_new_sd_model_hash": UNLISTED_HASH}
    yield Lie("a private mix called Pony", layers, SDXL_WORDS | ride | unlisted | {"ss_sd_model_name": "privateMixXL"})
    yield Lie("a placeholder called Pony", layers, SDXL_WORDS | ride | unlisted | {"ss_sd_model_name": "model.ckpt"})
    yield Lie("only called Pony", layers, ride)
    pony = {"ss_sd_model_name": "ponyDiffusionV6XL.safetensors"}
    for label, words in {
        "Pony by hash, Illustrious by name": {"ss_new_sd_model_hash": PONY_HASH, "ss_sd_model_name": "illustriousXL"},
        "Pony by hash, Illustrious by id": {"ss_new_sd_model_hash": PONY_HASH, "ss_sd_model_name": "889818"},
        "Pony by old hash, Illustrious by hash": {
            "ss_sd_model_hash": "e577480d", "ss_new_sd_model_hash": ILLUSTRIOUS_HASH,
        },
        "Pony by id, Illustrious by architecture": {
            "ss_sd_model_name": "290640", "modelspec.architecture": "illustrious/lora",
        },
        "Pony by name, Illustrious by architecture": pony | {"modelspec.architecture": "illustrious/lora"},
        "Pony by name, Illustrious by title": pony | {"modelspec.title": "Komori IllustriousXL"},
        "Pony by name, Illustrious by OneTrainer": pony | {"ot_config": '{"base_model_name": "illustriousXL_v01"}'},
        "a key that only the reader makes": {"ot_config.base_model_name": "ponyDiffusionV6XL"},
        "Pony as base in OneTrainer, another denoiser": {
            "ot_config": json.dumps({"base_model_name": "ponyXL_v6", "unet": {"model_name": "privateMixXL"}}),
        },
        "a lineage in the version": {"ss_base_model_version": "pony"},
        "no hash": {"ss_new_sd_model_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    }.items():  # fmt: skip
        yield Lie(label, layers, SDXL_WORDS | words if "modelspec.architecture" not in words else words)
    yield Lie("Pony by name, Illustrious by sidecar", layers, SDXL_WORDS | pony, {"base_model": "sdxl/illustrious"})


_PONY_ID, _ILLUSTRIOUS_ID, _NOOBAI_ID = (
    "AstraliteHeart/pony-diffusion-v6-xl", "OnomaAIResearch/Illustrious-XL-v1.0", "Laxhar/noobai-XL-1.1",
)  # fmt: skip
_CACHED_NOOBAI = "/hub/models--Laxhar--noobai-XL-1.1/snapshots/0f1e2d"


def _of_records() -> Iterator[Lie]:
    """SDXL's own layers, whose training base is recorded twice, in part, or by what only looks like an id."""
    layers = pairs(denoiser("sdxl", *_SDXL_ALONE), "lora_unet_")

    def peft(**bases: str) -> dict[str, str]:
        config = {f"{part}.base_model_name_or_path".removeprefix("_."): base for part, base in bases.items()}
        return {"lora_adapter_metadata": json.dumps(config)}

    def onetrainer(**config: object) -> dict[str, str]:
        return {"ot_config": json.dumps(config)}

    twice = '{{"{key}": "' + _ILLUSTRIOUS_ID + '", "{key}": "' + _PONY_ID + '"}}'
    for label, words in {
        "PEFT: one base for all, another for the denoiser": peft(_=_PONY_ID, unet=_ILLUSTRIOUS_ID),
        "PEFT: another base for the text encoder": peft(unet=_PONY_ID, text_encoder=_ILLUSTRIOUS_ID),
        "PEFT: an unknown base for the text encoder": peft(unet=_PONY_ID, text_encoder_2="somebody/mixXL"),
        "PEFT: a key twice": {"lora_adapter_metadata": twice.format(key="unet.base_model_name_or_path")},
        "OneTrainer: a key twice": {"ot_config": twice.format(key="base_model_name")},
        "OneTrainer: two denoisers": onetrainer(
            base_model_name="x", unet={"model_name": _PONY_ID}, transformer={"model_name": _ILLUSTRIOUS_ID}
        ),
        "kohya's base is unknown, OneTrainer's is Pony": {"ss_sd_model_name": "privateMixXL"}
        | onetrainer(base_model_name=_PONY_ID),
        "Pony's short hash of another file": {
            "ss_sd_model_hash": "e577480d", "ss_new_sd_model_hash": UNLISTED_HASH, "ss_sd_model_name": "mixXL",
        },
    }.items():  # fmt: skip
        yield Lie(label, layers, SDXL_WORDS | words)
    for name in (
        f"{_ILLUSTRIOUS_ID}/privateMixXL.safetensors", f"{_ILLUSTRIOUS_ID}/../../privateMixXL.safetensors",
        f"{_CACHED_NOOBAI}/ponyDiffusionV6XL.safetensors", f"{_CACHED_NOOBAI}/models--x--y/privateMixXL.safetensors",
        f"https://huggingface.co/{_NOOBAI_ID}/resolve/main/ponyXL_v6.safetensors",
        "urn:air:sdxl:lora:civitai:257749@290640", "\uff12\uff19\uff10\uff16\uff14\uff10",
        "\u0662\u0669\u0660\u0666\u0664\u0660",
        "\u212awai-\u212aolors/\u212aolors", "a" * 993 + "/290640_private_mix",
    ):  # fmt: skip
        yield Lie(f"base {name[-60:]}", layers, SDXL_WORDS | {"ss_sd_model_name": name})
    for kind in ("pony-v7", "noobai-flux", "not-pony-xl", "illustrious-xl-to-pony"):
        yield Lie(f"architecture {kind}", layers, {"modelspec.architecture": f"{kind}/lora"})
    flux = pairs(denoiser("flux1", ".attn.to_q"), "transformer.")
    for name in ("Chroma2-Kaleidoscope", "lodestones/Chroma2-Kaleidoscope", "Chroma1-HD-Kontext", "chroma_v2_krea"):
        yield Lie(f"base {name}", flux, FLUX_WORDS | {"ss_sd_model_name": name})


def _of_odd_files() -> Iterator[Lie]:
    """Files that no checkpoint takes whole, whatever their words say."""
    layers = pairs(denoiser("sdxl", *_SDXL_ALONE), "lora_unet_")
    alien = pairs({"gadget.0": (4, 4)}, "lora_unet_")
    yield Lie("a layer that nobody has", layers | alien, PONY_BLOCK)
    yield Lie("a layer of another shape", pairs({_SDXL_ALONE[0]: (640, 1280)}, "lora_unet_"), PONY_BLOCK)
    yield Lie("Kolors' layers", pairs(denoiser("kolors", "encoder_hid_proj"), "unet."), PONY_BLOCK)
    yield Lie(
        "the refiner's layers", pairs(denoiser("sdxl-refiner", "down_blocks.1.attentions.0"), "unet."), PONY_BLOCK
    )
    twice = layers | pairs(denoiser("sdxl", *_SDXL_ALONE), "unet.")
    yield Lie("a layer by kohya's name and by diffusers'", twice, PONY_BLOCK)
    yield Lie("Flux's layers with a Pony block", pairs(denoiser("flux1", ".attn.to_q"), "transformer."), PONY_BLOCK)


def _of_relatives() -> Iterator[Lie]:
    """Models whose layers another model has too, name and shape."""
    qwen = pairs(denoiser("qwen-image", "transformer_blocks.59."), "transformer.")
    anima = pairs(denoiser("anima", "transformer_blocks.27."), "diffusion_model.")
    lumina = pairs(denoiser("lumina2", "layers.25."), "transformer.")
    z_image = pairs(denoiser("z-image", "layers.29."), "transformer.")
    aura = pairs(denoiser("auraflow", "joint_transformer_blocks.3."), "transformer.")
    ai_toolkit = {"software": '{"name": "ai-toolkit"}', "ss_base_model_version": "qwen_image"}
    for label, layers, metadata, truth in (
        ("nothing", qwen, {}, None),
        ("ai-toolkit's word for the edit model too", qwen, ai_toolkit | {"ss_output_name": "remover_v2"}, None),
        ("the edit model's version", qwen, {"ss_base_model_version": "qwen_image_edit"}, "qwen-image/edit"),
        ("the edit model's file", qwen, {"ss_sd_model_name": "qwen_image_edit_bf16.safetensors"}, "qwen-image/edit"),
        ("an edit in its name", qwen, {"ss_base_model_version": "qwen_image", "ss_output_name": "qwen_edit_x"}, None),
        ("layers", qwen, {"modelspec.architecture": "Qwen-Image-Layered/lora"}, "qwen-image/layered"),
        ("nothing, Anima's layers", anima, {"format": "pt"}, None),
        ("Cosmos, Anima's layers", anima, {"modelspec.architecture": "cosmos-predict2/lora"}, "anima/cosmos-predict2"),
        ("Cosmos, a larger one", anima, {"modelspec.architecture": "cosmos-predict2-14b/lora"}, None),
        ("an unknown word, Anima's layers", anima, {"ss_base_model_version": "cosmos3"}, None),
        ("Anima, and an unknown word", anima, {
            "ss_base_model_version": "anima", "modelspec.architecture": "bar-2b/lora",
        }, None),
        ("nothing, Lumina's layers", lumina, {}, None),
        ("sd-scripts' word for Neta too", lumina, {"ss_base_model_version": "lumina2"}, None),
        ("NetaYume", lumina, {
            "ss_base_model_version": "lumina2", "ss_sd_model_name": "NetaYumev35_pretrained_all_in_one.safetensors",
        }, "lumina2/neta"),
        ("nothing, Z-Image's layers", z_image, {}, None),
        ("Z-Image-Edit", z_image, {"modelspec.architecture": "Z-Image-Edit/lora"}, "z-image/edit"),
        ("nothing, AuraFlow's layers", aura, {}, None),
        ("Pony V7", aura, {"ss_sd_model_name": "pony-v7-base.safetensors"}, "auraflow/pony-v7"),
        ("Qwen3, for chat", pairs(networks()["qwen3-06b"], "base_model.model.model."), {}, None),
        ("Qwen3, by kohya's prefix", pairs(networks()["qwen3-06b"], "lora_te_"), {"format": "pt"}, None),
        ("Krea 2's layers and an unknown word", pairs(denoiser("krea2", "blocks.27."), "transformer."), {
            "modelspec.architecture": "krealike-9b/lora",
        }, None),
    ):  # fmt: skip
        yield Lie(f"relatives: {label}", layers, metadata, truth=truth)
    projections = pairs(denoiser("sd1", ".to_q", ".to_k", ".to_v", ".to_out.0"), "lora_unet_")
    face = {name: tensor for name, tensor in projections.items() if not name.endswith(".alpha")}
    yield Lie("relatives: FaceID's LoRA", face)


def _of_merges() -> Iterator[Lie]:
    """SDXL's own layers, merged from LoRAs of two families, or told by a sidecar against the file's own title."""
    layers = pairs(denoiser("sdxl", *_SDXL_ALONE), "lora_unet_")
    pony = {"base_model": "sdxl/pony"}
    base = {"ss_sd_model_name": "ponyDiffusionV6XL.safetensors", "ss_new_sd_model_hash": PONY_HASH}
    two = {"modelspec.merged_from": "komori_pony_v1, komori_illustriousXL_v2"}
    yield Lie("merged from two families", layers, SDXL_WORDS | two)
    yield Lie("merged from two families, Pony by hash", layers, SDXL_WORDS | base | two)
    yield Lie("merged from two families, Pony by sidecar", layers, SDXL_WORDS | two, sidecar=pony)
    other = {"modelspec.merged_from": "[Illustrious] a, b"}
    yield Lie("merged from Illustrious, Pony by sidecar", layers, SDXL_WORDS | other, sidecar=pony)
    for name in ("x_illustriousXL_v01", "chara-il-000010", "komori_illustrious", "x_noobai", "x pony x illustrious"):
        yield Lie(f"{name}, Pony by sidecar", layers, SDXL_WORDS | {"ss_output_name": name}, sidecar=pony)
    for name in ("x_illustriousXL_v01", "x_noobai", "x pony x illustrious"):
        yield Lie(f"{name}, Pony by name", layers, SDXL_WORDS | {
            "ss_sd_model_name": "ponyDiffusionV6XL.safetensors", "modelspec.title": name,
        })  # fmt: skip


def _of_statements() -> Iterator[Lie]:
    """Words against records, and against what stands beside the file."""
    sdxl = pairs(denoiser("sdxl", *_SDXL_ALONE), "lora_unet_")
    flux = pairs(denoiser("flux1", "transformer_blocks.18.attn"), "transformer.")
    base = SDXL_WORDS | {"ss_sd_model_name": _ILLUSTRIOUS_ID}
    page = {"base_model": "sdxl/illustrious"}
    recorded: dict[str, Mapping[str, str]] = {
        "a comment": {"ss_training_comment": "trained on Pony, name replaced"},
        "a description": {"modelspec.description": "An owl. Trained on NoobAI."},
        "a merge of checkpoints": {"sd_merge_models": json.dumps({"a": {"name": "ponyDiffusionV6XL"}})},
        "another field": {"base_model": "Kwai-Kolors/Kolors"},
        "a configuration": {"config": json.dumps({"model": {"name_or_path": "ponyDiffusionV6XL"}})},
        "a title": {"modelspec.title": "komori ponyXL"},
        "a relative": {"modelspec.title": "komori kolors"},
        "a version": {"ss_base_model_version": "sdxl_pony"},
    }
    for label, words in recorded.items():
        yield Lie(f"an id of Illustrious against {label}", sdxl, base | words)
    for label, words in recorded.items():
        yield Lie(f"a sidecar of Illustrious against {label}", sdxl, SDXL_WORDS | words, sidecar=page)
    for label, more in {
        "its version": {"version": "Pony"}, "its tags": {"tags": ["ponyxl"]}, "its name": {"name": "Komori NoobAI"},
        "its words": {"trigger_words": ["score_9, score_8_up"]}, "its description": {"description": "Trained on Pony."},
        "the hub's name": {"file_name": "komori_pdxl.safetensors"}, "a method": {"file_name": "dmd2_4step_lora"},
        "plain SDXL": {"file_name": "sdxl_komori.safetensors"},
    }.items():  # fmt: skip
        yield Lie(f"a sidecar of Illustrious against {label}", sdxl, {}, sidecar=page | more)
    of_dev = {"base_model": "flux1/dev"}
    yield Lie(
        "a sidecar of FLUX.1 dev against OneTrainer's model", flux, {"ot_config": '{"model_type": "CHROMA_1"}'}, of_dev
    )
    yield Lie("a sidecar of FLUX.1 dev against Flex", flux, {"ss_sd_model_name": "ostris/Flex.1-alpha"}, of_dev)


def _of_texts() -> Iterator[Lie]:
    """Texts in any field, language and form that name another model than the claim."""
    sdxl = pairs(denoiser("sdxl", *_SDXL_ALONE), "lora_unet_")
    flux = pairs(denoiser("flux1", "transformer_blocks.18.attn"), "transformer.")
    qwen = pairs(denoiser("qwen-image", "transformer_blocks.59."), "transformer.")
    base = SDXL_WORDS | {"ss_sd_model_name": "illustriousXL_v01.safetensors"}
    arguments = "--pretrained_model_name_or_path=/models/ponyDiffusionV6XL.safetensors --network_dim 16"
    onetrainer = {"base_model_name": _ILLUSTRIOUS_ID}
    for label, words in {
        "where OneTrainer writes": {"ot_config": json.dumps(
            onetrainer | {"output_model_destination": "models/komori_ponyV6XL.safetensors"},
        )},
        "the prefix of its files": {"ot_config": json.dumps(onetrainer | {"save_filename_prefix": "komori_ponyXL"})},
        "a hint at its use": {"modelspec.usage_hint": "Pony Diffusion V6 XL only"},
        **{f"arguments as {key}": {key: arguments} for key in ("training_args", "args", "command", "hyperparameters")},
        "arguments inside JSON": {"x": json.dumps({"run": json.dumps({"line": arguments})})},
    }.items():  # fmt: skip
        yield Lie(f"a name of Illustrious against {label}", sdxl, base | words)
    for name in ("ponyDiffusionV8XL", "purplesmartai/pony-v9-base", "Illustrious-XL-v9.0", "NoobAI-XL-v3.0",
                 "cagliostrolab/animagine-xl-5.0"):  # fmt: skip
        yield Lie(f"a version that does not exist, {name}", sdxl, SDXL_WORDS | {"ss_sd_model_name": name})
    vega = {"lora_adapter_metadata": json.dumps({"unet.base_model_name_or_path": "segmind/Segmind-Vega"})}
    yield Lie("Segmind Vega as a base, SDXL by sidecar", sdxl, vega, sidecar={"base_model": "sdxl/base"})
    for text in ("\u57fa\u4e8eNoobAI\u8bad\u7ec3", "\u5e95\u6a21\uff1aPony V6", "Entrenado con Pony Diffusion V6 XL",
                 "From https://huggingface.co/someone/komori-pony-xl-lora", "Works on Pony too.",
                 "Trained on Pony. Works on Illustrious too.", "NoobAI, not Illustrious"):  # fmt: skip
        told = {"base_model": "sdxl/illustrious", "description": text}
        yield Lie(f"a sidecar of Illustrious described as {text}", sdxl, {}, sidecar=told)
    for more in ({"description": "Kolors LoRA, needs the ChatGLM text encoder."}, {"version": "\u53ef\u56fe LoRA"}):
        yield Lie(f"a sidecar of SDXL and {more}", sdxl, {}, sidecar={"base_model": "sdxl/base"} | more)
    edit = {"base_model": "qwen-image/base", "description": "Relight LoRA for Qwen-Image-Edit-2511."}
    yield Lie("a sidecar of Qwen-Image described as Edit", qwen, {}, sidecar=edit)
    for comment in ("--edit_version 2509, control images", "--edit --control_image", "trained with edit_plus"):
        words = {"ss_sd_model_name": "qwen_image_bf16.safetensors", "ss_training_comment": comment}
        yield Lie(f"Qwen-Image by name, {comment} by comment", qwen, words)
    fire = {"lora_adapter_metadata": json.dumps({"transformer.base_model_name_or_path": "x/FireRed-Image-Edit-1.0"})}
    yield Lie(
        "another edit model as a base, Qwen-Image by sidecar", qwen, fire, sidecar={"base_model": "qwen-image/base"}
    )
    arch = {"config": json.dumps({"model": {"name_or_path": "black-forest-labs/FLUX.1-dev", "arch": "flux_kontext"}})}
    yield Lie("Flux.1 dev by sidecar, Kontext as an architecture", flux, arch, sidecar={"base_model": "flux1/dev"})
