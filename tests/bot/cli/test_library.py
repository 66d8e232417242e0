"""`library scan | list | declare`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.cli import DONE, REFUSED, UNUSABLE
from bot.database.storage.lock import program_lock
from inference.files.hashes import file_sha256
from tests.bot.cli.commands import Here, Said
from tests.house import BASES, PASTEL, VIVID, House, attention_modules
from tests.lora_files import write_lora, write_sidecar


def library(here: Here, house: House, *arguments: str | Path) -> Said:
    return here("library", *arguments, "--config", house.config)


def listed(here: Here, house: House, *search: str) -> dict[str, dict[str, object]]:
    said = library(here, house, "list", *search, "--json")
    assert said.code == DONE, said
    return {lora["name"]: lora["versions"][0] for lora in json.loads(said.out)}


def test_a_scan_tells_what_is_there_and_what_is_wrong_with_it(here: Here, house: House) -> None:
    (house.library / "diary.safetensors").write_text("Dear diary, today I renamed a text file.")
    (house.library / "evil.ckpt").write_bytes(b"x")
    said = library(here, house, "scan", "--json")
    assert said.code == REFUSED, "broken files make the exit code 1"
    report = json.loads(said.out)
    assert (report["new"], report["unknown"]) == (
        ["bat.safetensors", "mystery.safetensors", "wash.safetensors"],
        ["mystery.safetensors"],
    )
    assert {problem["path"] for problem in report["broken"]} == {"diary.safetensors", "evil.ckpt"}
    said = library(here, house, "scan")
    assert "3 unchanged" in said.out
    assert "diary.safetensors is not used: this is not a safetensors file" in said.out
    assert "mystery.safetensors is not used: its base model is not known" in said.out


def test_a_list_shows_what_is_known_and_from_where(here: Here, house: House) -> None:
    assert library(here, house, "scan").code == DONE
    loras = listed(here, house)
    assert {name: version["base_model"] for name, version in loras.items()} == {
        "Bat": BASES[VIVID],
        "Wash": BASES[PASTEL],
        "mystery": None,
    }
    assert list(listed(here, house, "ba")) == ["Bat"]
    table = library(here, house, "list").out
    assert "Bat" in table and "unknown" in table


def test_a_list_names_the_files_that_are_not_used(here: Here, house: House) -> None:
    (house.library / "diary.safetensors").write_text("Dear diary, today I renamed a text file.")
    (house.library / "twin.safetensors").write_bytes(house.bat.read_bytes())
    library(here, house, "scan")
    said = library(here, house, "list")
    assert said.code == DONE, said
    for words in (
        "diary.safetensors is not used: this is not a safetensors file",
        "twin.safetensors is not used: it is the same file as bat.safetensors",
        "mystery.safetensors is not used: its base model is not known",
    ):
        assert said.out.count(words) == 1, said.out
    assert "not a safetensors file" in str(listed(here, house)["diary"]["problem"])
    assert list(listed(here, house, "diary")) == ["diary"]
    assert "diary" not in library(here, house, "list", "bat").out
    assert "No LoRA matches zzz" in library(here, house, "list", "zzz").out


def test_a_list_is_readable_in_80_columns(here: Here, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = [f"word{number}" for number in range(30)]
    write_sidecar(house.bat, name="Bat of the northern caves", base_model=BASES[VIVID], trigger_words=words)
    library(here, house, "scan")
    table = library(here, house, "list").out.partition("mystery.safetensors is")[0]
    assert max(map(len, table.splitlines())) <= 80
    assert all(text in table for text in (BASES[VIVID], BASES[PASTEL], *words)), "nothing is cut off"


def test_a_list_in_a_pipe_has_whole_names(here: Here, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "A bat of the northern caves with a very long name " * 2
    words = ["a trigger word of many words that is longer than a line of a terminal", "another"]
    write_sidecar(house.bat, name=name.strip(), base_model=BASES[VIVID], trigger_words=words)
    library(here, house, "scan")
    (line,) = (line for line in library(here, house, "list").out.splitlines() if line.startswith("A bat"))
    assert line.startswith(name) and line.endswith(", ".join(words))


def test_what_only_reads_works_beside_a_running_bot_and_changes_nothing(here: Here, house: House) -> None:
    library(here, house, "scan")
    database = house.data / "easel.sqlite3"
    before = database.read_bytes()
    with program_lock(database):
        assert set(listed(here, house)) == {"Bat", "Wash", "mystery"}
        assert library(here, house, "inspect", house.bat).code == DONE
        assert library(here, house, "declare", house.mystery, "--base", BASES[VIVID], "--reason", "x").code == DONE
    assert database.read_bytes() == before


def test_a_list_migrates_nothing_beneath_a_running_bot(here: Here, house: House) -> None:
    library(here, house, "scan")
    database = house.data / "easel.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 0")
    said = library(here, house, "list")
    assert (said.code, "earlier Easel" in said.sentence) == (UNUSABLE, True)
    assert library(here, house, "inspect", house.bat).code == DONE
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)


def test_names_are_shown_and_do_nothing_to_the_terminal(here: Here, house: House) -> None:
    write_sidecar(house.bat, name="[/] [red]Bat", base_model=BASES[VIVID], version="\x1b[31mone")
    (house.library / "a\x1b[31m\nb.safetensors").write_text("x")
    for said in (library(here, house, "scan"), library(here, house, "list")):
        assert "\x1b" not in said.out and "Traceback" not in said.err, said
    assert "[/]" in said.out and "[red]" in said.out


def test_a_declaration_makes_an_unknown_lora_known_until_its_bytes_change(here: Here, house: House) -> None:
    said = library(here, house, "declare", house.mystery, "--base", BASES[VIVID], "--reason", "I trained it", "--json")
    assert said.code == DONE, said
    assert json.loads(said.out)["sha256"] == file_sha256(house.mystery)
    library(here, house, "scan")
    assert listed(here, house)["mystery"]["base_model"] == BASES[VIVID]
    assert listed(here, house)["mystery"]["evidence"] == "declared by an operator"
    wrong = here("paint", "x", "--lora", "mystery", "--checkpoint", PASTEL, "--config", house.config)
    assert "is made for Vivid" in wrong.sentence and "declared by an operator" in wrong.sentence
    write_lora(house.mystery, modules=attention_modules(), seed=99)
    library(here, house, "scan")
    assert listed(here, house)["mystery"]["base_model"] is None


@pytest.mark.parametrize(
    ("base", "reason", "words"),
    [
        ("sdxl/nobody", "x", "sdxl/illustrious"),
        ("", "x", "unknown architecture"),
        ("demo/vivid", "", "reason"),
        ("demo/vivid", "x" * 1001, "reason"),
    ],
)
def test_what_cannot_be_declared_is_told(here: Here, house: House, base: str, reason: str, words: str) -> None:
    said = library(here, house, "declare", house.mystery, "--base", base, "--reason", reason)
    assert (said.code, words in said.sentence) == (UNUSABLE, True)
    assert not (house.library / "declarations.jsonl").exists()


def test_a_file_that_is_not_there_cannot_be_declared(here: Here, house: House) -> None:
    said = library(here, house, "declare", house.library / "no.safetensors", "--base", "demo/vivid", "--reason", "x")
    assert (said.code, "no.safetensors" in said.sentence) == (UNUSABLE, True)


def test_a_prediction_type_is_declared_beside_the_base_model_or_alone(
    here: Here, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    neither = library(here, house, "declare", house.mystery, "--reason", "x")
    assert (neither.code, "--prediction" in neither.sentence) == (UNUSABLE, True)
    with pytest.raises(SystemExit):
        library(here, house, "declare", house.mystery, "--prediction", "v", "--reason", "x")
    assert "choose from 'epsilon', 'v_prediction'" in capsys.readouterr().err
    alone = library(here, house, "declare", house.mystery, "--prediction", "v_prediction", "--reason", "x")
    assert alone.code == DONE and "now declared as v_prediction" in alone.out
    both = ("--base", BASES[VIVID], "--prediction", "epsilon", "--reason", "x", "--json")
    lines = library(here, house, "declare", house.mystery, *both).out.splitlines()
    assert [set(json.loads(line)) & {"base_model", "prediction"} for line in lines] == [{"base_model"}, {"prediction"}]
    library(here, house, "scan")
    told = listed(here, house)["mystery"]
    assert (told["base_model"], told["prediction"]) == (BASES[VIVID], "epsilon")
    inspected = library(here, house, "inspect", house.mystery)
    assert "prediction: epsilon (declared by an operator)" in inspected.out


def test_a_prediction_type_against_the_hash_of_the_training_base_needs_force(here: Here, house: House) -> None:
    v_pred = "ea349eeae87ca8d25ba902c93810f7ca83e5c82f920edf12f273af004ae02819"
    path = write_lora(house.library / "noob.safetensors", metadata={"ss_new_sd_model_hash": v_pred})
    said = library(here, house, "declare", path, "--prediction", "epsilon", "--reason", "x")
    assert (said.code, "which is v_prediction" in said.sentence, "--force" in said.sentence) == (UNUSABLE, True, True)
    assert not (house.library / "declarations.jsonl").exists()
    assert library(here, house, "declare", path, "--prediction", "epsilon", "--reason", "x", "--force").code == DONE
    assert "prediction: epsilon (declared by an operator)" in library(here, house, "inspect", path).out


def test_one_few_step_lora_is_allowed_on_a_relative_and_the_allowance_is_taken_back(here: Here, house: House) -> None:
    path = write_lora(house.library / "dmd2_sdxl_4step_lora.safetensors", seed=7)
    allow = ("allow", path, "--on", "sdxl/illustrious", "--reason", "its page says so")
    unknown = library(here, house, *allow)
    assert (unknown.code, "base model is unknown" in unknown.sentence) == (UNUSABLE, True)
    write_sidecar(path, base_model="sdxl/base")
    other = library(here, house, "allow", path, "--on", "flux1/dev", "--reason", "x")
    assert (other.code, "has its layers" in other.sentence) == (UNUSABLE, True)
    assert not (house.library / "declarations.jsonl").exists()
    assert "is allowed on checkpoints of sdxl/illustrious" in library(here, house, *allow).out
    library(here, house, "scan")
    assert listed(here, house)["dmd2_sdxl_4step_lora"]["allowed_on"] == ["sdxl/illustrious"]
    assert "allowed by an operator on: sdxl/illustrious" in library(here, house, "inspect", path).out
    assert "is no longer allowed on checkpoints of sdxl/illustrious" in library(here, house, *allow, "--withdraw").out
    library(here, house, "scan")
    assert listed(here, house)["dmd2_sdxl_4step_lora"]["allowed_on"] == []


def test_a_lora_that_is_no_few_step_lora_is_not_allowed_on_a_relative(here: Here, house: House) -> None:
    path = write_lora(house.library / "Komori.safetensors", seed=8)
    write_sidecar(path, base_model="sdxl/base")
    said = library(here, house, "allow", path, "--on", "sdxl/pony", "--reason", "x")
    assert (said.code, "few_steps" in said.sentence) == (UNUSABLE, True)


def test_what_may_be_for_v_or_epsilon_is_named(here: Here, house: House) -> None:
    write_sidecar(write_lora(house.library / "noob.safetensors", seed=8), base_model="sdxl/noobai")
    asked = "noob.safetensors: it does not say if it was trained for v-prediction or epsilon"
    assert asked in library(here, house, "scan").out
    assert asked in library(here, house, "list").out
