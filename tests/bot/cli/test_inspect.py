"""`library inspect`: one object a file, in order, rubbish included; nothing is scanned and no torch is loaded."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import DONE, REFUSED, UNUSABLE
from inference.demo import LORAS
from tests.bot.cli.commands import ROOT, Here, Said
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_lora, write_sidecar

KEYS = {
    "file", "architecture", "lineage", "evidence", "format", "rank", "modules", "fits", "verdict", "trigger_words",
    "problems",
}  # fmt: skip


def inspect(here: Here, house: House, *arguments: str | Path) -> Said:
    return here("library", "inspect", *arguments, "--config", house.config)


def told(said: Said) -> list[dict[str, object]]:
    return [json.loads(line) for line in said.out.splitlines()]


def test_a_lora_of_a_checkpoint_is_told_with_its_evidence_and_where_it_goes(here: Here, house: House) -> None:
    said = inspect(here, house, house.bat, "--json")
    assert said.code == DONE, said
    (bat,) = told(said)
    assert bat.keys() >= KEYS
    assert (bat["architecture"], bat["grade"], bat["lineage"], bat["format"]) == ("demo", "fit", "vivid", "LoRA")
    assert {"source": "told by its sidecar", "grade": "told", "says": BASES[VIVID]} in bat["evidence"]  # type: ignore[operator]
    verdict = bat["verdict"]
    assert isinstance(verdict, dict)
    assert {name: each["fits"] for name, each in verdict.items()} == {VIVID: True, PASTEL: False}
    assert "Pastel" in verdict[PASTEL]["reason"]


def test_the_hashes_that_pictures_and_hubs_name_a_file_by_are_told(here: Here, house: House) -> None:
    data = house.bat.read_bytes()
    body = hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()
    whole = hashlib.sha256(data).hexdigest()
    (bat,) = told(inspect(here, house, house.bat, "--json", "--autov3"))
    assert (bat["sha256"], bat["autov2"], bat["autov3"]) == (whole, whole[:10], body[:12])
    (bat,) = told(inspect(here, house, house.bat, "--json"))
    assert (bat["sha256"], bat["autov3"]) == (whole, None)  # twice the work, so only where it is asked for
    said = inspect(here, house, house.bat, "--autov3")
    assert f"AutoV2 {whole[:10]}, AutoV3 {body[:12]}" in said.out


def test_without_evidence_the_lineage_is_unknown_and_it_goes_nowhere(here: Here, house: House) -> None:
    (mystery,) = told(inspect(here, house, house.mystery, "--checkpoint", VIVID, "--json"))
    assert (mystery["architecture"], mystery["lineage"]) == ("demo", "unknown")
    assert list(mystery["verdict"]) == [VIVID]  # type: ignore[call-overload]
    assert not mystery["verdict"][VIVID]["fits"]  # type: ignore[index]


def test_every_file_is_told_in_order_and_rubbish_stops_nothing(here: Here, house: House, tmp_path: Path) -> None:
    rubbish = {
        "empty.safetensors": b"",
        "text.safetensors": b"Dear diary, today I renamed a text file.",
        "pickle.ckpt": b"\x80\x04K\x01.",
        "noise.safetensors": os.urandom(5000),
        "zip.safetensors": b"PK\x03\x04" + bytes(100),
        "no suffix": b"x",
    }
    for name, content in rubbish.items():
        (tmp_path / name).write_bytes(content)
    files = [
        house.bat,
        *(tmp_path / name for name in rubbish),
        tmp_path / "gone.safetensors",
        tmp_path,
        Path("/"),
        house.wash,
    ]
    said = inspect(here, house, *files, "--json")
    objects = told(said)
    assert said.code == REFUSED
    assert [each["file"] for each in objects] == [str(path) for path in files]
    for each in objects[1:-1]:
        assert each.keys() >= KEYS
        assert (each["architecture"], each["lineage"], each["modules"]) == ("unknown", "unknown", 0)
        assert each["problems"]
        assert not any(verdict["fits"] for verdict in each["verdict"].values())  # type: ignore[attr-defined]


def test_another_programs_file_beside_a_lora_is_told(here: Here, house: House) -> None:
    write_sidecar(house.mystery, resolution=1024, optimizer_type="bat\x1b[31m")
    (mystery,) = told(inspect(here, house, house.mystery, "--json"))
    assert (mystery["problems"], len(mystery["notes"])) == ([], 1)  # type: ignore[arg-type]
    said = inspect(here, house, house.mystery)
    assert said.code == DONE
    assert "note: mystery.json is another program's file, and no sidecar" in said.out


def test_a_file_that_changes_a_layer_under_two_names_fits_nowhere(here: Here, house: House, tmp_path: Path) -> None:
    layer = "down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_q"
    modules = {f"lora_unet_{layer.replace('.', '_')}": (640, 640), f"unet.{layer}": (640, 640)}
    path = write_lora(tmp_path / "twice.safetensors", modules=modules, metadata={"ss_sd_model_name": "290640"})
    (twice,) = told(inspect(here, house, path, "--json"))
    assert "it changes one layer twice" in str(twice["problems"])
    assert not any(each["fits"] for each in twice["verdict"].values())  # type: ignore[attr-defined]


def test_a_declaration_counts_at_once(here: Here, house: House) -> None:
    here("library", "declare", house.mystery, "--base", BASES[PASTEL], "--reason", "mine", "--config", house.config)
    (mystery,) = told(inspect(here, house, house.mystery, "--json"))
    assert (mystery["lineage"], mystery["verdict"][PASTEL]["fits"]) == ("pastel", True)  # type: ignore[index]


def test_a_declaration_never_overrules_the_shapes(here: Here, house: House) -> None:
    declare = ("library", "declare", house.mystery, "--reason", "so", "--config", house.config, "--base")
    assert "has no effect" not in here(*declare, BASES[PASTEL]).out
    assert "has no effect" in (said := here(*declare, "sdxl/pony").out) and "its layers are Demo's" in said
    (mystery,) = told(inspect(here, house, house.mystery, "--json"))
    assert (mystery["architecture"], mystery["lineage"], mystery["base_model"]) == ("demo", "unknown", None)
    assert "its layers are Demo's" in str(mystery["contradictions"])


PONY_HASH = {"ss_new_sd_model_hash": "67ab2fd8ec439a89b3fedb15cc65f54336af163c7eb5e4f2acc98f090a29b0b3"}


def test_declaring_against_the_hash_of_the_training_base_needs_force_and_is_recorded(here: Here, house: House) -> None:
    path = write_lora(house.library / "carrot.safetensors", metadata=PONY_HASH)
    declare = ("library", "declare", path, "--base", "sdxl/illustrious", "--reason", "I know", "--config", house.config)
    said = here(*declare)
    assert said.code == UNUSABLE
    assert "sdxl/pony" in said.sentence and "--force" in said.sentence
    assert told(inspect(here, house, path, "--json"))[0]["lineage"] == "pony"
    said = here(*declare, "--force", "--json")
    assert (said.code, json.loads(said.out)["force"]) == (DONE, True)
    assert told(inspect(here, house, path, "--json"))[0]["lineage"] == "illustrious"


def test_for_people_strange_metadata_is_escaped(here: Here, house: House) -> None:
    metadata = {"modelspec.trigger_phrase": "bat\x1b[31mred", "modelspec.architecture": "flux-1-dev/lora"}
    path = write_lora(house.library / "odd.safetensors", metadata=metadata)
    write_sidecar(path, base_model="sdxl/pony")
    said = inspect(here, house, path)
    assert (said.code, "\x1b" in said.out) == (DONE, False)
    assert "its metadata says Flux.1, its layers say SDXL" in said.out


def test_an_unknown_checkpoint_is_told(here: Here, house: House) -> None:
    said = inspect(here, house, house.bat, "--checkpoint", "Nobody")
    assert (said.code, VIVID in said.sentence) == (UNUSABLE, True)


@pytest.mark.parametrize("flag", ["--json", "--checkpoint"])
def test_torch_is_not_loaded_and_nothing_is_written(house: House, flag: str) -> None:
    code = "import sys; from bot.cli.main import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    extra = ["--json"] if flag == "--json" else ["--checkpoint", VIVID]
    command = [sys.executable, "-c", code, "library", "inspect", str(house.bat), *extra, "--config", str(house.config)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended
    assert not house.data.exists()


def test_the_training_base_is_recognised_before_anything_was_ever_started(here: Here, house: House) -> None:
    (told_of,) = told(
        here("library", "inspect", LORAS / "komori-vivid.safetensors", "--config", house.config, "--json")
    )
    assert {"source": "hash of its training base", "grade": "exact", "says": BASES[VIVID]} in told_of["evidence"]  # type: ignore[operator]


def test_a_reader_that_has_had_enough_is_no_error(house: House) -> None:
    command = [sys.executable, "-m", "bot", "library", "inspect", *[house.bat] * 3, "--json", "--config", house.config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()  # before the first line: the first write finds nobody
        assert (process.stderr.read(), process.wait(60)) == (b"", DONE)
