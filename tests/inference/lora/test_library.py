"""The library: every file is found, no path leads out, and no broken file stops the scan."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from inference.files.hashes import file_sha256
from inference.lora.knowledge import Knowledge
from inference.lora.library import READING, FoundLora, OutsideLibrary, open_regular, resolve, scan
from tests.lora_files import safetensors_bytes, write_lora, write_sidecar


@pytest.fixture
def library(tmp_path: Path) -> Path:
    made = tmp_path / "loras"
    made.mkdir()
    return made


def scanned(library: Path, known: dict[str, FoundLora] | None = None) -> dict[str, FoundLora]:
    return {found.path: found for found in scan(library, known or {})}


def test_a_file_is_found_with_its_hash_sidecar_and_evidence(library: Path) -> None:
    path = write_lora(library / "sub" / "komori.safetensors", metadata={"ss_output_name": "k", "secret": "x"})
    write_sidecar(path, name="Komori")
    found = scanned(library)["sub/komori.safetensors"]
    assert (found.name, found.sha256, found.problem) == ("Komori", file_sha256(path), None)
    assert found.metadata == {"ss_output_name": "k"}


def test_progress_counts_the_files(library: Path) -> None:
    for i in range(3):
        write_lora(library / f"{i}.safetensors", seed=i)
    told: list[tuple[int, int]] = []
    list(scan(library, {}, lambda done, total: told.append((done, total))))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_an_unchanged_file_is_not_read_again(library: Path) -> None:
    path = write_lora(library / "a.safetensors")
    before = scanned(library)
    stamp = path.stat()
    path.write_bytes(b"x" * stamp.st_size)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert scanned(library, before) == before


@pytest.mark.parametrize("change", ["bytes", "sidecar"])
def test_a_changed_file_or_sidecar_is_read_again(library: Path, change: str) -> None:
    path = write_lora(library / "a.safetensors")
    before = scanned(library)
    write_lora(path, seed=1, rank=3) if change == "bytes" else write_sidecar(path, name="New")
    assert scanned(library, before) != before


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".bin", ".pth", ".zip"])
def test_a_file_that_may_hold_code_is_named_and_never_opened(library: Path, suffix: str) -> None:
    (library / f"evil{suffix}").symlink_to(library / "nowhere")
    assert "may hold code" in (scanned(library)[f"evil{suffix}"].problem or "")


def make_text(path: Path) -> None:
    path.write_text("Dear diary")


def make_link_out(path: Path) -> None:
    write_lora(path.parents[1] / "outside.safetensors")
    path.symlink_to(path.parents[1] / "outside.safetensors")


def make_link_loop(path: Path) -> None:
    path.symlink_to(path)


def make_dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere.safetensors"))


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_bad_sidecar(path: Path) -> None:
    write_lora(path)
    write_sidecar(path, nmae="x")


def make_sidecar_pipe(path: Path) -> None:
    write_lora(path)
    os.mkfifo(path.with_suffix(".toml"))
    write_sidecar(path, nmae="x")


MAKERS = [make_text, make_link_out, make_link_loop, make_dangling_link, make_pipe, make_bad_sidecar, make_sidecar_pipe]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_file_that_cannot_be_used_is_listed_and_the_scan_goes_on(library: Path, make: object) -> None:
    make(library / "broken.safetensors")  # type: ignore[operator]
    write_lora(library / "whole.safetensors")
    found = scanned(library)
    assert found["broken.safetensors"].problem
    assert found["broken.safetensors"].sha256 is None
    assert found["whole.safetensors"].problem is None


def test_a_name_that_is_no_text_does_not_stop_the_scan(library: Path) -> None:
    (library / os.fsdecode(b"\xff.safetensors")).write_bytes(b"x")
    write_lora(library / "whole.safetensors")
    assert scanned(library)["whole.safetensors"].problem is None


def test_strange_metadata_can_be_kept(library: Path) -> None:
    path = write_lora(library / "a.safetensors", metadata={"ss_output_name": "\ufffe\x85", "modelspec.title": "\0"})
    found = scanned(library)[path.name]
    assert FoundLora.model_validate_json(found.model_dump_json()) == found


def test_a_library_that_is_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(scan(tmp_path / "nowhere", {}))


@pytest.mark.parametrize("relative", ["a.safetensors", "sub/a.safetensors", "./a.safetensors", "sub/../a.safetensors"])
def test_a_path_inside_resolves(library: Path, relative: str) -> None:
    assert resolve(library, relative).is_relative_to(library.resolve())


@pytest.mark.parametrize(
    "relative",
    [
        "", ".", "..", "a", "../a.safetensors", "sub/../../a.safetensors", "/etc/a.safetensors", "a.ckpt",
        "a.safetensors/..", "a\0.safetensors", "..\\a.safetensors", "a.safetensors\n", "a.safetensors.bin",
        "//host/a.safetensors",
    ],
)  # fmt: skip
def test_a_path_that_leads_out_is_refused(library: Path, relative: str) -> None:
    with pytest.raises(OutsideLibrary):
        resolve(library, relative)


def test_links_are_followed_inside_and_refused_outside(library: Path) -> None:
    write_lora(library / "a.safetensors")
    write_lora(library.parent / "out" / "b.safetensors")
    (library / "inside.safetensors").symlink_to("a.safetensors")
    (library / "folder").symlink_to(library.parent / "out")
    assert resolve(library, "inside.safetensors").name == "a.safetensors"
    with pytest.raises(OutsideLibrary):
        resolve(library, "folder/b.safetensors")


def test_a_name_too_long_for_the_disk_is_refused(library: Path) -> None:
    with pytest.raises((OutsideLibrary, OSError)):
        open_regular(resolve(library, "x" * 5000 + ".safetensors"))


def test_what_the_header_tells_is_kept_and_reads_back(library: Path) -> None:
    write_lora(library / "a.safetensors", metadata={"modelspec.trigger_phrase": "bat ears, komori"})
    (found,) = scanned(library).values()
    assert found.layers is not None
    assert (found.layers.base, found.layers.formats, found.layers.rank, found.layers.modules) == (
        "sdxl",
        ("LoRA",),
        2,
        1,
    )
    assert found.trigger_words == ("bat ears", "komori")
    assert FoundLora.model_validate_json(found.model_dump_json()) == found


def test_a_file_that_older_code_read_is_read_again(library: Path) -> None:
    write_lora(library / "a.safetensors")
    (whole,) = scanned(library).values()
    before = whole.model_copy(update={"layers": None, "reading": READING - 1})
    assert scanned(library, {before.path: before}) == {whole.path: whole}


def test_a_format_that_is_not_painted_with_is_named_beside_the_hash(library: Path) -> None:
    path = library / "a.safetensors"
    path.write_bytes(safetensors_bytes({"lora_unet_conv_in.oft_blocks": np.zeros((2, 2, 2))}))
    found = scanned(library)["a.safetensors"]
    assert "OFT" in (found.problem or "")
    assert found.sha256 == file_sha256(path)


def test_many_files_come_in_order_while_several_are_read_at_once(library: Path) -> None:
    for number in range(40):
        write_lora(library / f"{number:02}.safetensors", seed=number)
    (library / "17.safetensors").write_bytes(b"x")
    found = list(scan(library, {}))
    assert [each.path for each in found] == [f"{number:02}.safetensors" for number in range(40)]
    assert [each.path for each in found if each.problem] == ["17.safetensors"]


def test_a_scan_may_be_left_in_the_middle(library: Path) -> None:
    for number in range(40):
        write_lora(library / f"{number:02}.safetensors", seed=number)
    files = scan(library, {})
    assert next(files).path == "00.safetensors"
    files.close()  # type: ignore[attr-defined]


def test_the_shapes_decide_about_what_the_sidecar_says(library: Path) -> None:
    write_sidecar(write_lora(library / "a.safetensors"), base_model="sdxl/pony")
    write_sidecar(write_lora(library / "b.safetensors", seed=1), base_model="sd1/base")
    found = scanned(library)
    assert found["a.safetensors"].judge(Knowledge()).base_model == "sdxl/pony"
    assert found["b.safetensors"].judge(Knowledge()).base_model is None
