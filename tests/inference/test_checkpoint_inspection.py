"""What the headers of a checkpoint's files tell before anything is loaded: each trouble, with what to do about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from pathlib import Path

import pytest

from inference.base_models import BaseModelId
from inference.checkpoints.inspection import (
    CheckpointInspection,
    expected_networks,
    inspect_checkpoint,
    inspect_denoiser,
)
from inference.demo import CHECKPOINTS, LORAS
from inference.lora.tensors.tables import networks, spelled
from tests.inference.gguf_writer import write_gguf
from tests.weight_files import single_file, write_folder, write_weights

PONY = BaseModelId("sdxl/pony")


def inspected(source: Path, base_model: str) -> CheckpointInspection:
    return inspect_checkpoint(source, BaseModelId(base_model))


def only_problem(found: CheckpointInspection) -> str:
    (problem,) = found.problems
    return problem


@pytest.mark.parametrize(("network", "base_model"), [("sd1", "sd1/base"), ("sd2", "sd2/base"), ("sdxl", "sdxl/noobai")])
def test_a_whole_file_of_the_declared_architecture_has_no_trouble(
    tmp_path: Path, network: str, base_model: str
) -> None:
    found = inspected(write_weights(tmp_path / "whole.safetensors", single_file(network)), base_model)
    assert (found.problems, found.doubts) == ((), ())
    assert found.networks["unet"] > 8e8 and found.networks["vae"] == 64 * 64


def test_of_each_network_the_numbers_are_counted() -> None:
    found = inspect_checkpoint(CHECKPOINTS[0].path, BaseModelId("demo/vivid"))
    assert (found.problems, found.doubts) == ((), ())
    assert found.networks == {"unet": 4_309_220, "vae": 375_255, "text_encoder": 116_736, "text_encoder_2": 308_256}


def test_the_first_300_megabytes_of_a_file_are_not_the_file(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "pony.safetensors", single_file("sdxl"), size=300_000_000)
    said = only_problem(inspected(path, PONY))
    assert said == "pony.safetensors is cut short: 0.30 of 5.13 GB are there; download it again"
    write_weights(path, single_file("sdxl"), size=3000)
    assert "within its own table of contents" in only_problem(inspected(path, PONY))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        (b"PK\x03\x04" + bytes(60), "may hold code"),
        (b"GGUF" + bytes(60), "GGUF"),
        (b"Dear diary, today", "no safetensors file"),
        (b"\x10\0\0\0\0\0\0\0{not json at all" + bytes(60), "damaged"),
        (b'\x14\0\0\0\0\0\0\0{"a": {"shape": []}}', "damaged"),
        (b"\x02\0\0\0\0\0\0\0{}" + bytes(5), "5 bytes longer"),
    ],
)
def test_what_is_no_weights_is_told_as_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "download.safetensors"
    path.write_bytes(content)
    said = only_problem(inspected(path, PONY))
    assert words in said and said.startswith("download.safetensors")


@pytest.mark.parametrize(
    ("network", "declared", "words"),
    [
        ("sdxl", "sd1/base", ["the layers of SDXL", "declared sd1/base", '"sdxl/illustrious"']),
        ("sd1", "sdxl/pony", ["the layers of Stable Diffusion 1.5", 'base_model = "sd1/base"']),
        ("sd2", "sd1/base", ["the layers of Stable Diffusion 2", '"sd2/base"']),
        ("sdxl", "sdxl/kolors", ["the layers of SDXL", "(Kolors)", '"sdxl/base"']),
        ("flux1", "sdxl/base", ["the layers of Flux.1", '"flux1/dev"']),
        ("chroma", "flux1/dev", ["the layers of Chroma", '"flux1/chroma"']),
        ("ltx-video", "flux1/dev", ["the layers of LTX-Video (video)", "take it out"]),
    ],
)
@pytest.mark.parametrize("as_folder", [False, True])
def test_another_architecture_than_the_declared_one_is_told(
    tmp_path: Path, network: str, declared: str, words: list[str], as_folder: bool
) -> None:
    if as_folder:
        denoiser = "unet" if network.startswith("sd") else "transformer"
        source = write_folder(tmp_path / "model", network, denoiser=denoiser)
    else:
        source = write_weights(tmp_path / "model.safetensors", single_file(network))
    said = only_problem(inspected(source, declared))
    for word in words:
        assert word in said


def without(prefix: str) -> Callable[[dict[str, tuple[int, ...]]], None]:
    def lose(shapes: dict[str, tuple[int, ...]]) -> None:
        for name in [name for name in shapes if name.startswith(prefix)]:
            del shapes[name]

    return lose


def for_inpainting(shapes: dict[str, tuple[int, ...]]) -> None:
    shapes["model.diffusion_model.input_blocks.0.0.weight"] = (320, 9, 3, 3)


def narrower(shapes: dict[str, tuple[int, ...]]) -> None:
    shapes["model.diffusion_model.out.2.weight"] = (3, 320, 3, 3)


def bare(shapes: dict[str, tuple[int, ...]]) -> None:
    for name in list(shapes):
        shapes[name.removeprefix("model.diffusion_model.")] = shapes.pop(name)
    without("first_stage_model.")(shapes)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without("first_stage_model."), "holds no VAE; download the whole checkpoint"),
        (without("conditioner.embedders.1."), "holds no second text encoder"),
        (without("model.diffusion_model."), "holds no denoiser"),
        (without("model.diffusion_model.middle_block."), "108 of the 794 layers of its denoiser are missing"),
        (for_inpainting, "for inpainting or editing"),
        (narrower, "a layer (out.2) of other sizes than Pony"),
        (bare, "holds no VAE"),
    ],
)
def test_a_single_file_that_lacks_something_is_told(
    tmp_path: Path, damage: Callable[[dict[str, tuple[int, ...]]], None], words: str
) -> None:
    shapes = single_file("sdxl")
    damage(shapes)
    assert words in only_problem(inspected(write_weights(tmp_path / "a.safetensors", shapes), PONY))


def test_a_lora_is_no_checkpoint() -> None:
    lora = next(LORAS.glob("*.safetensors"))
    assert "is a LoRA and no checkpoint" in only_problem(inspected(lora, "demo/vivid"))


@pytest.mark.parametrize(
    ("name", "declared", "words"),
    [
        ("model.ckpt", "sdxl/pony", "neither a folder nor a .safetensors file"),
        ("model.gguf", "flux1/dev", "name it as denoiser, and the folder with the rest as path"),
        ("model.safetensors", "flux1/dev", "download the repository as a folder"),
        ("model.safetensors", "wan/base", "known and not painted yet"),
    ],
)
def test_what_is_not_opened_like_this_is_told(tmp_path: Path, name: str, declared: str, words: str) -> None:
    path = write_weights(tmp_path / name, single_file("flux1"))
    assert words in only_problem(inspected(path, declared))


def test_a_source_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect_checkpoint(tmp_path / "nowhere", PONY)


def test_a_whole_folder_has_no_trouble(tmp_path: Path) -> None:
    found = inspected(write_folder(tmp_path / "model", "sd1"), "sd1/base")
    assert (found.problems, found.doubts) == ((), ())
    assert set(found.networks) == {"unet", "vae", "text_encoder"}


def lose_the_vae(folder: Path) -> None:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()


def have_the_vae_pickled(folder: Path) -> None:
    lose_the_vae(folder)
    (folder / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"PK")


def have_the_vae_as_a_variant(folder: Path) -> None:
    vae = folder / "vae" / "diffusion_pytorch_model.safetensors"
    vae.rename(vae.with_name("diffusion_pytorch_model.fp16.safetensors"))


def cut_the_vae_short(folder: Path) -> None:
    write_weights(folder / "vae" / "diffusion_pytorch_model.safetensors", {"layer.weight": (64, 64)}, size=4000)


def lose_the_tokenizer(folder: Path) -> None:
    (folder / "tokenizer").rmdir()


def lose_a_shard(folder: Path) -> None:
    lose_the_vae(folder)
    names = {f"layer.{number}.weight": f"part-{number}.safetensors" for number in (1, 2, 3)}
    for number in (1, 3):
        write_weights(folder / "vae" / f"part-{number}.safetensors", {f"layer.{number}.weight": (64, 64)})
    index = folder / "vae" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names}))


def index_of_the_vae(*names: object) -> Callable[[Path], None]:
    """The VAE is in shards with these names, beside files that are none of the folder."""

    def damage(folder: Path) -> None:
        lose_the_vae(folder)
        write_weights(folder / "unet" / "beside.safetensors", {"layer.weight": (64, 64)})
        write_weights(folder.parent / "outside.safetensors", {"layer.weight": (64, 64)})
        outside = [str(folder.parent / "outside.safetensors") if name is Path else name for name in names]
        index = folder / "vae" / "diffusion_pytorch_model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {str(number): name for number, name in enumerate(outside)}}))

    return damage


NO_SHARDS: tuple[tuple[object, ...], ...] = (
    *((), (5,), (None,), (5, "a"), ([],), ({},), ("",), ("..",), ("5", 5)),
    *(("x\0y.safetensors",), ("x" * 5000 + ".safetensors",)),
    *(("../unet/beside.safetensors",), ("../../outside.safetensors",), (Path,)),
)


def list_a_part_outside(folder: Path) -> None:
    write_weights(folder.parent / "other" / "model.safetensors", {"layer.weight": (64, 64)})
    index = json.loads((folder / "model_index.json").read_bytes())
    (folder / "model_index.json").write_text(json.dumps(index | {"../other": ["transformers", "CLIPTextModel"]}))


def damage_the_index(folder: Path) -> None:
    (folder / "model_index.json").write_text("{")


def lose_the_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose_the_vae, "its vae cannot be read: no .safetensors file is in it"),
        (have_the_vae_pickled, "files of PyTorch, which may hold code"),
        (have_the_vae_as_a_variant, "rename that file to diffusion_pytorch_model.safetensors"),
        (cut_the_vae_short, "diffusion_pytorch_model.safetensors is cut short"),
        (lose_the_tokenizer, "its tokenizer is missing"),
        (lose_a_shard, "1 of its 3 files are missing (part-2.safetensors"),
        (damage_the_index, "is damaged; download it again"),
        *(
            (index_of_the_vae(*names), "diffusion_pytorch_model.safetensors.index.json is damaged")
            for names in NO_SHARDS
        ),
        (list_a_part_outside, "names a part that is no folder of it"),
        (lose_the_index, "is no diffusers folder"),
    ],
)
def test_a_folder_that_is_not_whole_is_told(tmp_path: Path, damage: Callable[[Path], None], words: str) -> None:
    folder = write_folder(tmp_path / "model", "sd1")
    damage(folder)
    assert words in only_problem(inspected(folder, "sd1/base"))


def test_a_folder_with_a_denoiser_of_no_known_sizes_is_doubtful_and_not_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model", "sd1")
    write_weights(folder / "unet" / "diffusion_pytorch_model.safetensors", {"conv_in.weight": (8, 4, 3, 3)})
    found = inspected(folder, "sd1/base")
    assert found.problems == ()
    assert "check its base_model" in found.doubts[0]


@pytest.mark.parametrize(("base_model", "billions"), [("sd1/base", 0.94), ("sdxl/pony", 3.28), ("flux1/dev", 16.61)])
def test_how_large_a_base_model_is_at_least_is_known_before_its_files_are_there(
    base_model: str, billions: float
) -> None:
    assert sum(expected_networks(BaseModelId(base_model)).values()) / 1e9 == pytest.approx(billions, abs=0.01)


# --- a denoiser in a GGUF file, beside a folder ----------------------------------------------------------------------


def gguf_of(network: str) -> dict[str, tuple[int, ...]]:
    """The denoiser as the network's original code names it, fused layers included."""
    layers, original = networks()[network], dict[tuple[str, ...], str]()
    for spelling, entry in sorted(spelled(network).items(), key=lambda item: len(item[1].targets)):
        if "." in spelling and spelling not in layers:
            original[entry.targets] = spelling
    fused = {target: targets for targets in original if len(targets) > 1 for target in targets}
    names = {original.get(fused.get(name, (name,)), name) for name in layers}
    return {f"{name}.weight": spelled(network)[name].shape for name in names}


def whole(folder: Path) -> Path:
    """A folder of diffusers' kind without weights of its denoiser, as it goes with a GGUF file."""
    write_folder(folder, "flux1", denoiser="transformer")
    (folder / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    return folder


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_gguf_file_takes_the_place_of_the_denoiser(tmp_path: Path, prefix: str) -> None:
    shapes = {prefix + name: shape for name, shape in gguf_of("flux1").items()}
    path, folder = write_gguf(tmp_path / "dev-Q4_K_S.gguf", shapes, "Q4_K"), whole(tmp_path / "dev")
    found = inspect_checkpoint(folder, BaseModelId("flux1/dev"), path)
    assert (found.problems, found.doubts) == ((), ())
    numbers = sum(map(prod, networks()["flux1"].values()))
    assert found.networks == {"transformer": numbers, "text_encoder": 4096, "vae": 4096}
    assert found.packed["transformer"] == pytest.approx(numbers * 4.5 / 8, rel=0.01)
    assert only_problem(inspected(folder, "flux1/dev")).startswith("its transformer cannot be read")


@pytest.mark.parametrize(
    ("network", "declared", "words"),
    [
        ("flux1", "z-image/base", ["the layers of Flux.1", '"flux1/dev"']),
        ("chroma", "flux1/dev", ["the layers of Chroma", '"flux1/chroma"']),
        ("sd35l", "sd35m/base", ["the layers of Stable Diffusion 3.5 Large", '"sd35l/base"']),
        ("t5-xxl", "flux1/dev", ["holds the layers of no denoiser that Easel knows"]),
    ],
)
def test_a_gguf_file_of_another_network_is_refused(
    tmp_path: Path, network: str, declared: str, words: list[str]
) -> None:
    path = write_gguf(tmp_path / "a.gguf", gguf_of(network))
    said = only_problem(inspect_denoiser(path, BaseModelId(declared)))
    assert all(word in said for word in words), said


def test_a_gguf_file_with_too_few_layers_is_refused(tmp_path: Path) -> None:
    shapes = {name: shape for name, shape in gguf_of("flux1").items() if "single_blocks.2" not in name}
    path = write_gguf(tmp_path / "a.gguf", shapes)
    assert "are not those that Flux.1 dev has" in only_problem(inspect_denoiser(path, BaseModelId("flux1/dev")))


def test_what_is_no_denoiser_of_its_own_is_told(tmp_path: Path) -> None:
    flux, rubbish = BaseModelId("flux1/dev"), tmp_path / "a.gguf"
    rubbish.write_bytes(b"GGUF" + bytes(9))
    assert "ends within" in only_problem(inspect_checkpoint(whole(tmp_path / "dev"), flux, rubbish))
    path = write_gguf(tmp_path / "b.gguf", gguf_of("flux1"))
    assert "is no .gguf file" in only_problem(inspect_denoiser(path.rename(tmp_path / "b.safetensors"), flux))
    single = write_weights(tmp_path / "c.safetensors", single_file("sdxl"))
    assert "goes with a folder's other parts" in only_problem(inspect_checkpoint(single, PONY, path))
    unet = write_folder(tmp_path / "sd1", "sd1")
    assert "has no transformer" in only_problem(inspect_checkpoint(unet, BaseModelId("sd1/base"), path))
