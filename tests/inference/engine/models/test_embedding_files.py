"""Embeddings in files: another engine finds them, to the bit; they are private, bounded, and fail no request."""

from __future__ import annotations

import copy
import logging
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.base_models import BaseModelId
from inference.engine.batch.handle import State
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.models import embedding_files
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.embedding_cache import EmbeddingCache, Encoding
from inference.engine.models.embedding_files import EmbeddingFiles, encoder_identity
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest, LoraUse
from tests.inference.engine.worlds import CPU, World, pipeline_of
from tests.inference.requests import request
from tests.log import lines_of

WIDE = 2**20
NUMBERS = {"states": torch.arange(6.0).reshape(1, 2, 3), "pooled": torch.ones(1, 3, dtype=torch.bfloat16)}


@pytest.fixture(scope="module")
def world() -> World:
    torch.set_num_threads(1)
    made = World("sdxl/base", torch.float32)
    made.add(1, "lora")
    return made


def engine_of(world: World, folder: Path, sha256: str | None = "a" * 64) -> tuple[Engine, Any]:
    """A fresh engine that keeps embeddings in `folder`, and its pipeline."""
    spec = world.spec.model_copy(update={"sha256": sha256})
    pipeline = copy.deepcopy(pipeline_of(world.base, world.dtype))
    store = CheckpointStore((spec,), CPU)
    store.hold(Checkpoint.of(spec, pipeline, files=EmbeddingFiles(folder, WIDE)))
    return Engine(store, world, Matcher((spec,))), pipeline


@contextmanager
def encoded(pipeline: Any) -> Generator[list[int]]:
    """How many texts each call of a text encoder encoded."""
    calls: list[int] = []

    def called(_: Any, given: Any) -> None:
        calls.append(len(given[0]))

    hooks = [each.register_forward_pre_hook(called) for each in (pipeline.text_encoder, pipeline.text_encoder_2)]
    yield calls
    for hook in hooks:
        hook.remove()


def painted(engine: Engine, made: GenerationRequest) -> torch.Tensor:
    handle = engine.submit(made)
    engine.finish()
    assert handle.state is State.DONE and handle.pictures is not None, handle.error
    return handle.pictures


def wish(world: World, **changes: Any) -> GenerationRequest:
    made = request(
        checkpoint=world.spec.name, width=32, height=32, steps=1, prompt="a red circle", negative_prompt="blurry"
    )
    return made.model_copy(update=changes)


def test_a_text_is_encoded_once_for_all_engines_and_pictures_are_the_same_to_the_bit(
    world: World, tmp_path: Path
) -> None:
    first, _ = engine_of(world, tmp_path)
    expected = painted(first, wish(world))
    again, pipeline = engine_of(world, tmp_path)
    with encoded(pipeline) as calls:
        assert torch.equal(painted(again, wish(world)), expected)
    assert calls == []


def test_what_an_embedding_depends_on_is_told_apart(world: World, tmp_path: Path) -> None:
    first, _ = engine_of(world, tmp_path)
    painted(first, wish(world, negative_prompt=""))
    use = world.loras[0].file.use
    assert any(part != "unet" for part, _ in world.loras[0].changes), "it changes text encoders"
    others = [
        wish(world, negative_prompt="", prompt="a blue circle"),
        wish(world, negative_prompt="", clip_skip=1),
        wish(world, negative_prompt="", loras=(LoraUse(sha256=use.sha256, name=use.name, weight=0.5),)),
        wish(world, negative_prompt="", loras=(LoraUse(sha256=use.sha256, name=use.name, weight=0.6),)),
    ]
    for other in others:
        engine, pipeline = engine_of(world, tmp_path)
        with encoded(pipeline) as calls:
            painted(engine, other)
        assert calls
    for sha256 in ("b" * 64, None):  # another checkpoint, and one of which no hash is known
        engine, pipeline = engine_of(world, tmp_path, sha256)
        with encoded(pipeline) as calls:
            painted(engine, wish(world, negative_prompt=""))
        assert calls


def test_without_a_hash_of_the_checkpoint_nothing_is_kept(world: World, tmp_path: Path) -> None:
    engine, _ = engine_of(world, tmp_path / "embeddings", None)
    painted(engine, wish(world))
    assert not (tmp_path / "embeddings").exists()


def test_other_numbers_devices_and_architectures_are_told_apart() -> None:
    spec = CheckpointSpec(name="one", source="one", base_model=World("sdxl/base", torch.float32).spec.base_model)
    known = spec.model_copy(update={"sha256": "a" * 64})
    told = {
        encoder_identity(known, CPU, torch.float32),
        encoder_identity(known, CPU, torch.bfloat16),
        encoder_identity(known, torch.device("cuda", 0), torch.bfloat16),
        encoder_identity(known.model_copy(update={"folder_sha256": "b" * 64}), CPU, torch.float32),
        encoder_identity(known.model_copy(update={"base_model": BaseModelId("sd1/base")}), CPU, torch.float32),
    }
    assert len(told) == 5 and encoder_identity(spec, CPU, torch.float32) is None


def test_files_are_for_the_account_alone_and_hold_no_words(tmp_path: Path) -> None:
    folder = tmp_path / "embeddings"
    EmbeddingFiles(folder, WIDE).write("an owl", NUMBERS)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert b"owl" not in file.read_bytes() and "owl" not in file.name


@pytest.mark.parametrize("place", [0, 9, 40, -1])
def test_a_damaged_file_is_not_found_and_written_again(tmp_path: Path, place: int) -> None:
    files = EmbeddingFiles(tmp_path, WIDE)
    files.write("an owl", NUMBERS)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    assert files.read("an owl") is None
    file.write_bytes(data[: len(data) // 2])
    assert files.read("an owl") is None
    files.write("an owl", NUMBERS)
    found = files.read("an owl")
    assert found is not None and all(torch.equal(found[name], NUMBERS[name]) for name in NUMBERS)


def test_a_file_under_the_name_of_another_is_not_found(tmp_path: Path) -> None:
    files = EmbeddingFiles(tmp_path, WIDE)
    files.write("an owl", NUMBERS)
    (owl,) = tmp_path.iterdir()
    files.write("a bat", {"states": torch.zeros(1)})
    (bat,) = set(tmp_path.iterdir()) - {owl}
    owl.replace(bat)
    assert files.read("a bat") is None


def test_the_least_recently_used_make_room(tmp_path: Path) -> None:
    files = EmbeddingFiles(tmp_path, WIDE)
    files.write("0", NUMBERS)
    (file,) = tmp_path.iterdir()
    limit = 10 * file.stat().st_size
    files = EmbeddingFiles(tmp_path, limit)
    for number in range(1, 10):
        files.write(str(number), NUMBERS)
    for age, path in enumerate(sorted(tmp_path.iterdir())):
        os.utime(path, (1000 + age, 1000 + age))
    assert files.read("0") is not None
    for number in range(10, 40):
        files.write(str(number), NUMBERS)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= limit
        assert files.read("0") is not None, "it is used all the time"


def test_reading_does_not_make_a_file_younger(tmp_path: Path) -> None:
    """What is used often goes too, when its days are over."""
    files = EmbeddingFiles(tmp_path, WIDE)
    files.write("an owl", NUMBERS)
    (file,) = tmp_path.iterdir()
    os.utime(file, (1000, 1000))
    assert files.read("an owl") is not None
    assert file.stat().st_mtime == 1000 and file.stat().st_atime > 1000


def test_a_folder_that_cannot_be_written_is_told_once_and_fails_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    files = EmbeddingFiles(tmp_path / "file" / "embeddings", WIDE)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            files.write("an owl", NUMBERS)
    assert len(lines_of(embedding_files.__name__, caplog)) == 1 and files.read("an owl") is None


def test_what_is_larger_than_the_limit_is_not_kept(tmp_path: Path) -> None:
    EmbeddingFiles(tmp_path, 10).write("an owl", NUMBERS)
    assert list(tmp_path.iterdir()) == []


def test_encodings_are_made_one_encoder_after_another_as_far_as_there_is_room() -> None:
    made: list[str] = []

    def encoding(encoder: str, text: str) -> Encoding:
        def make() -> dict[str, torch.Tensor]:
            made.append(f"{encoder} {text}")
            if text == "broken":
                raise ValueError(text)
            return {"states": torch.zeros(2**18, dtype=torch.uint8)}

        return Encoding(encoder, (text,), make)

    texts = ("a", "broken", "b", "c", "d", "a")
    EmbeddingCache(2**21).make_all([encoding(name, text) for text in texts for name in ("clip", "t5")], CPU)
    each = ("a", "broken", "b", "c", "d")
    assert made == [*(f"clip {text}" for text in each), *(f"t5 {text}" for text in each)]
    made.clear()
    EmbeddingCache(2**20).make_all([encoding(name, text) for text in "abcd" for name in ("clip", "t5")], CPU)
    assert made == ["clip a", "clip b", "t5 a", "t5 b"], "what came last would only be dropped again"
