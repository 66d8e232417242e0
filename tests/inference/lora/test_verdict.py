"""Shapes and words together: formats that are refused by name, lineages that shapes prove, and lies in metadata."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import Evidence, Source, judge
from inference.lora.knowledge import Knowledge
from inference.lora.tensors.fit import Grade
from inference.lora.tensors.names import Part, underscored
from inference.lora.tensors.tables import VARIANTS, networks
from inference.lora.verdict import Layers, Verdict, decide, layers_of

NOTHING = Evidence(None, Source.NONE)
DENOISERS = {variant.name: networks()[variant.networks[Part.DENOISER]] for variant in VARIANTS}


def header(shapes: dict[str, tuple[int, ...]], prefix: str = "lora_unet_", rank: int = 4) -> dict[str, SimpleNamespace]:
    tensors: dict[str, SimpleNamespace] = {}
    for path, shape in shapes.items():
        name = prefix + (underscored(path) if prefix.endswith("_") else path)
        kernel = (1,) * (len(shape) - 2)
        tensors[f"{name}.lora_down.weight"] = SimpleNamespace(shape=(rank, *shape[1:]))
        tensors[f"{name}.lora_up.weight"] = SimpleNamespace(shape=(shape[0], rank, *kernel))
    return tensors


def part_of(make: str, *wanted: str) -> Layers:
    shapes = {path: shape for path, shape in DENOISERS[make].items() if any(word in path for word in wanted)}
    return layers_of(header(shapes))


def verdict(layers: Layers, said: str | None = None, **metadata: str) -> Verdict:
    evidence = Evidence(BaseModelId(said), Source.DECLARATION) if said else NOTHING
    return decide(layers, evidence, metadata)


def test_where_an_architecture_has_one_lineage_its_shapes_prove_it() -> None:
    found = verdict(part_of("krea2", "attn", "mlp"))
    assert (found.base_model, found.evidence.source) == ("krea2/base", Source.SHAPES)


@pytest.mark.parametrize("make", ["sdxl", "flux1", "qwen-image", "demo"])
def test_where_it_has_several_shapes_prove_none(make: str) -> None:
    found = verdict(part_of(make, "attn", "ff"))
    assert (found.architecture, found.fit.grade, found.lineage) == (make, Grade.FIT, "unknown")


@pytest.mark.parametrize(
    ("make", "layer", "lineage"),
    [("chroma", "distilled_guidance_layer", "flux1/chroma"), ("kolors", "encoder_hid_proj", "sdxl/kolors")],
)
def test_layers_that_only_one_lineage_has_prove_it(make: str, layer: str, lineage: str) -> None:
    layers = part_of(make, layer)
    assert verdict(layers).base_model == lineage
    refused = verdict(layers, "sdxl/pony" if make == "kolors" else "flux1/dev")
    assert (refused.base_model, refused.evidence.source) == (None, Source.CONFLICT)


def test_a_lineage_that_lacks_some_of_the_layers_is_not_believed() -> None:
    modulated = part_of("flux1", "norm1.linear", "attn.to_q", "single_transformer_blocks")
    assert verdict(modulated, "flux1/chroma").base_model is None
    assert verdict(modulated, "flux1/krea").base_model == "flux1/krea"


def test_metadata_that_lies_about_the_architecture_is_told_and_changes_nothing() -> None:
    found = verdict(part_of("sdxl", "attn2"), "sdxl/pony", ss_base_model_version="sd_v1")
    assert found.base_model == "sdxl/pony"
    assert found.evidence.contradictions == ("its metadata says Stable Diffusion 1.5, its layers say SDXL",)


def test_a_word_for_another_architecture_is_not_believed_whoever_says_it() -> None:
    found = verdict(part_of("sdxl", "attn2"), "sd1/base")
    assert (found.base_model, found.architecture) == (None, "sdxl")
    assert "its layers are SDXL's" in found.evidence.contradictions[0]


def test_where_shapes_prove_the_lineage_a_page_for_another_architecture_changes_nothing() -> None:
    layers = part_of("krea2", "attn", "mlp")
    named = decide(layers, Evidence(BaseModelId("sdxl/pony"), Source.REGISTRY), {})
    assert (named.base_model, named.evidence.source) == ("krea2/base", Source.SHAPES)
    assert named.evidence.contradictions == ("told by a registry: sdxl/pony, but its layers are Krea 2's",)
    recorded = decide(layers, Evidence(BaseModelId("sdxl/pony"), Source.BASE_NAME), {})
    assert (recorded.base_model, recorded.evidence.source) == (None, Source.CONFLICT)
    assert verdict(layers, "sdxl/pony").base_model is None  # an operator who declares it has to know


def test_a_private_lineage_of_stable_diffusion_1_is_kept() -> None:
    assert verdict(part_of("sd1", "attn2"), "sd1/my-merge").base_model == "sd1/my-merge"
    assert verdict(part_of("sd1", "attn2")).base_model == "sd1/base"


def test_a_video_loras_name_is_told_and_it_goes_nowhere() -> None:
    found = verdict(part_of("wan-14b", "attn"))
    assert (found.architecture, found.base_model) == ("wan", "wan/base")
    stranger = verdict(part_of("hidream", "attn"), "sdxl/pony")
    assert (stranger.architecture, stranger.base_model) == ("hidream", None)


def test_one_stranger_among_many_layers_leaves_a_marker_and_admits_nothing() -> None:
    tensors = header({path: shape for path, shape in DENOISERS["sdxl"].items() if "attn" in path})
    tensors |= header({"gadget.0": (4, 4)})
    found = verdict(layers_of(tensors), "sdxl/pony")
    assert (found.architecture, found.fit.grade, found.base_model) == ("sdxl", Grade.MARKER, None)


@pytest.mark.parametrize(
    ("suffix", "shape", "word"),
    [
        ("oft_blocks", (4, 16, 16), "OFT"), ("w_norm", (64,), "norm change"), ("a1.weight", (4, 4), "GLoRA"),
        ("lora_B.bias", (64,), "control LoRA"), ("string_to_param.x", (4, 4), "text embedding"), ("q", (1,), "no LoRA"),
    ],
)  # fmt: skip
def test_a_format_that_is_not_painted_with_is_refused_by_name(suffix: str, shape: tuple[int, ...], word: str) -> None:
    tensors = header({"conv_in": (320, 4, 3, 3)}) | {f"lora_unet_x.{suffix}": SimpleNamespace(shape=shape)}
    assert word in (layers_of(tensors).problem or "")


def test_files_of_one_structure_are_judged_once_and_those_of_another_anew() -> None:
    shapes = {path: shape for path, shape in DENOISERS["sdxl"].items() if "attn1" in path}
    layers = layers_of(header(shapes))
    assert layers_of(header(dict(shapes))) is layers
    assert layers_of(header(shapes, rank=8)) == layers.model_copy(update={"rank": 8})
    path, (outputs, inputs) = next(iter(shapes.items()))
    for other in ({**shapes, path: (outputs, inputs + 1)}, {**shapes, f"{path}.more": (outputs, inputs)}):
        assert layers_of(header(other)).grade is not Grade.FIT


def test_an_empty_file_is_no_lora() -> None:
    assert layers_of({}).problem == "the file contains no LoRA weights"


def test_what_is_stored_reads_back() -> None:
    layers = part_of("sd1", "attn1")
    assert layers.candidates == ("sd1", "sd2")
    assert Layers.model_validate_json(layers.model_dump_json()) == layers


@pytest.mark.parametrize("make", ["sdxl", "flux1", "flux2-klein-4b"])
def test_text_encoders_alone_say_little_and_so_nothing_is_guessed(make: str) -> None:
    clip = {f"text_model.{path}": shape for path, shape in networks()["clip-l"].items() if "layers" in path}
    found = layers_of(header(clip, "lora_te1_"))
    assert (found.base, "sdxl" in found.candidates, "flux1" in found.candidates) == (None, True, True)
    assert layers_of(header(clip, "lora_te_")).base == "sd1"
    both = header(clip, "lora_te1_") | header({p: s for p, s in DENOISERS[make].items() if "attn" in p})
    assert layers_of(both).base == (None if make == "flux2-klein-4b" else make)


def test_a_small_model_is_not_taken_for_the_large_one_that_has_all_its_layers() -> None:
    klein = {p: s for p, s in DENOISERS["flux2-klein-4b"].items() if p.startswith("transformer_blocks") and ".to_" in p}
    assert layers_of(header(klein, "transformer.")).base == "flux2-klein-4b"
    flux = {p: s for p, s in DENOISERS["flux1"].items() if p.startswith("transformer_blocks") and "attn" in p}
    assert layers_of(header(flux, "transformer.")).base == "flux1"
    few = {p: s for p, s in flux.items() if p.startswith("transformer_blocks.7.")}
    assert layers_of(header(few, "transformer.")).base is None


SD3_WORDS = {"ss_base_model_version": "medium", "modelspec.architecture": "stable-diffusion-3-medium/lora"}


@pytest.mark.parametrize(
    ("name", "metadata", "base"),
    [
        ("sd3_medium_incl_clips.safetensors", SD3_WORDS, "sd3/base"),
        ("stabilityai/stable-diffusion-3-medium-diffusers", SD3_WORDS, "sd3/base"),
        ("sd3_medium.safetensors", {}, None),
        ("sd3.5_medium.safetensors", SD3_WORDS, None),
        ("model.safetensors", SD3_WORDS, None),
    ],
)
def test_a_tie_takes_a_record_of_the_training_base_and_an_architecture_that_agree(
    name: str, metadata: dict[str, str], base: str | None
) -> None:
    kept = evidence_in(metadata | {"ss_sd_model_name": name})
    layers = part_of("sd3", "attn", "ff")
    assert set(layers.candidates) == {"sd3", "sd35m"}
    assert decide(layers, judge("a" * 64, kept, Sidecar(), Knowledge()), kept).base_model == base


@pytest.mark.parametrize(
    ("metadata", "base"),
    [
        ({"ss_base_model_version": "flux_2_klein_4b"}, "flux2-klein-4b/base"),
        ({}, None),
        ({"ss_base_model_version": "flux1"}, None),
        ({"ss_base_model_version": "flux_2_klein_4b", "ss_sd_model_name": "flux1-dev.safetensors"}, None),
    ],
)
def test_coverage_of_blocks_proves_nothing_until_a_word_bears_it_out(
    metadata: dict[str, str], base: str | None
) -> None:
    klein = {p: s for p, s in DENOISERS["flux2-klein-4b"].items() if p.startswith("transformer_blocks") and ".to_" in p}
    kept = evidence_in(metadata)
    evidence = judge("a" * 64, kept, Sidecar(), Knowledge())
    assert decide(layers_of(header(klein, "transformer.")), evidence, kept).base_model == base


def test_a_layer_under_two_names_is_told_only_where_it_is_the_same() -> None:
    shapes = {path: shape for path, shape in DENOISERS["sdxl"].items() if "attn2" in path}
    once, again = header(shapes), header(dict([next(iter(shapes.items()))]), "unet.")
    assert layers_of(once).problem is None
    assert "it changes one layer twice, as lora_unet_" in (layers_of(once | again).problem or "")


def test_animas_text_layers_are_its_own() -> None:
    qwen = header(networks()["qwen3-06b"], "lora_te_")
    adapter = header(networks()["anima-conditioner"], "lora_unet_llm_adapter_")
    assert layers_of(qwen).base == layers_of(adapter).base == "anima"
    both = qwen | adapter | header({p: s for p, s in DENOISERS["anima"].items() if "attn" in p}, "transformer.")
    assert layers_of(both).base == "anima"
    conditioner = header({"blocks.0.cross_attn.o_proj": (1024, 1024)}, "diffusion_model.")
    assert layers_of(conditioner).base is None, "outside of the adapter nobody has it"
