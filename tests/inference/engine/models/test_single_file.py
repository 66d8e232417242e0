"""A checkpoint in one file: opened without a network, and the same to the bit as the folder it was made from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from inference.base_models import BaseModelId, known_base_models
from inference.capabilities import capability_of
from inference.demo import CHECKPOINTS
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models.single_file import CONFIGS, FOLDERS, clip_tokenizer
from inference.errors import CheckpointUnusable
from inference.messages.checkpoints import CheckpointSpec
from tests.inference.engine.original import original_tensors

VIVID = CHECKPOINTS[0].path

# Parameters of each network as published: their weights' files hold as many numbers.
COUNTS = {
    "sd1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "sd2": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "sdxl": {
        "unet": 2_567_463_684,
        "vae": 83_653_863,
        "text_encoder": 123_060_480,
        "text_encoder_2": 694_659_840,
    },
}


def spec_of(file: Path, base_model: str = "demo/vivid") -> CheckpointSpec:
    return CheckpointSpec(name="one file", source=str(file), base_model=BaseModelId(base_model))


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo checkpoint as one file in the original layout."""
    file = tmp_path_factory.mktemp("single") / "vivid.safetensors"
    pipeline = StableDiffusionXLPipeline.from_pretrained(VIVID, local_files_only=True, add_watermarker=False)
    save_file(original_tensors(pipeline), file)
    return file


def test_a_single_file_is_the_folder_it_was_made_from(one_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = CheckpointStore((spec_of(VIVID),), torch.device("cpu")).get(spec_of(VIVID))
    single = CheckpointStore((spec_of(one_file),), torch.device("cpu")).get(spec_of(one_file))
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        ours, theirs = getattr(single.pipeline, part).state_dict(), getattr(folder.pipeline, part).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs), part
    words = "a red circle on a blue background"
    for name in ("tokenizer", "tokenizer_2"):
        ours, theirs = getattr(single.pipeline, name), getattr(folder.pipeline, name)
        assert ours(words, padding="max_length").input_ids == theirs(words, padding="max_length").input_ids
    assert single.layers.keys() == folder.layers.keys()


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("", "holds no denoiser"),  # every weight
        ("first_stage_model.", "part.safetensors holds no VAE; download the whole checkpoint"),
        ("model.diffusion_model.out.2.bias", "one of its networks lacks weights.*; get another copy of it"),
        ("conditioner.embedders.0.transformer.text_model.final_layer_norm.bias", "its text_encoder lacks weights"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(one_file: Path, tmp_path: Path, lost: str, said: str) -> None:
    part = tmp_path / "part.safetensors"
    kept = {name: tensor for name, tensor in load_file(one_file).items() if not name.startswith(lost)}
    save_file(kept | {"other.weight": torch.zeros(2)}, part)
    with pytest.raises(CheckpointUnusable, match=f"cannot load the model one file.* Reason: .*{said}"):
        CheckpointStore((spec_of(part),), torch.device("cpu")).get(spec_of(part))


def test_the_beginning_of_a_file_is_refused_by_its_size(one_file: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.safetensors"
    part.write_bytes(one_file.read_bytes()[:1_000_000])
    with pytest.raises(CheckpointUnusable, match=r"part.safetensors is cut short: 1.00 of \d\d.\d\d MB are there"):
        CheckpointStore((spec_of(part),), torch.device("cpu")).get(spec_of(part))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone.safetensors"
    with pytest.raises(CheckpointUnusable, match=r"gone.safetensors cannot be read .No such file or directory."):
        CheckpointStore((spec_of(gone),), torch.device("cpu")).get(spec_of(gone))


def test_what_diffusers_refuses_is_told_with_the_file_and_what_to_do(one_file: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.safetensors"
    other = {"model.diffusion_model.time_embed.0.bias": torch.zeros(3)}
    save_file(load_file(one_file) | other, part)
    with pytest.raises(CheckpointUnusable, match=r"part.safetensors could not be opened .*; get another copy of it"):
        CheckpointStore((spec_of(part),), torch.device("cpu")).get(spec_of(part))


def test_files_of_these_architectures_alone_are_opened() -> None:
    single = {base.architecture for base in known_base_models() if (one := capability_of(base)) and one.single_file}
    assert single == set(FOLDERS)


@pytest.mark.parametrize(("family", "part"), [(family, part) for family in COUNTS for part in COUNTS[family]])
def test_the_configurations_are_of_networks_as_large_as_published(family: str, part: str) -> None:
    values = json.loads((CONFIGS / family / part / "config.json").read_text("utf-8"))
    with torch.device("meta"):
        if part == "unet":
            network = UNet2DConditionModel.from_config(values)
        elif part == "vae":
            network = AutoencoderKL.from_config(values)
        else:
            kind = CLIPTextModelWithProjection if part == "text_encoder_2" else CLIPTextModel
            network = kind(CLIPTextConfig(**values))
    assert sum(weight.numel() for weight in network.parameters()) == COUNTS[family][part]


@pytest.mark.parametrize("pad", ["<|endoftext|>", "!"])
def test_clips_tokenizer_reads_as_open_clip_does(pad: str) -> None:
    reference, tokenizer = SimpleTokenizer(), clip_tokenizer(pad)
    texts = [
        "a photo of a cat, masterpiece, best quality",
        "1girl, (smile:1.2), <lora:komori:0.8>, don't we'll",
        "Ünïcode ☃ 日本語 العربية",
        "  much \n space ",
        "",
    ]
    for text in texts:
        assert tokenizer(text).input_ids == [49406, *reference.encode(text), 49407]
    filled = tokenizer(["cat"], padding="max_length").input_ids[0]
    assert len(filled) == 77 and set(filled[3:]) == {tokenizer.convert_tokens_to_ids(pad)}
