"""`init` asks, or takes options, and what it writes passes `doctor`; nothing is overwritten unasked."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from bot.app.from_settings import require_signing
from bot.cli import DONE, UNUSABLE
from bot.cli.setup.init import Answers, Questionnaire, _may_write, _removed_on_failure, _write, add_options
from bot.config import ConfigError, Settings, load_settings
from bot.config.presets import PRESETS
from bot.config.sections.c2pa import C2paAlgorithm
from bot.diagnostics.checkpoints import check_files
from bot.diagnostics.facts import MachineFacts
from bot.diagnostics.finding import FindingGrade
from inference.demo import LORAS
from tests.bot.cli.commands import Here, Person, bot
from tests.bot.diagnostics import recorded
from tests.bot.diagnostics.recorded import TORCH_FOR_CPU, card, torch_for_cuda
from tests.bot.pictures.certificates import settings_in
from tests.weight_files import single_file, write_weights

GB = 1_000_000_000
WITHOUT_CARD = MachineFacts(torch=TORCH_FOR_CPU, memory=16 * GB)
RTX_3060 = MachineFacts(smi=recorded.table(), torch=torch_for_cuda(recorded.CARD_3060), memory=32 * GB)
TWO_CARDS = MachineFacts(torch=torch_for_cuda(card("A", (8, 6), 24), card("B", (8, 6), 24)), memory=64 * GB)


def options(*arguments: str | Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args([str(each) for each in arguments])


def answered(facts: MachineFacts, person: Person | None, *arguments: str | Path) -> Answers:
    questionnaire = Questionnaire(options(*arguments), person)
    vars(questionnaire)["facts"] = facts
    return questionnaire.answers()


def written(folder: Path, answers: Answers) -> Settings:
    return load_settings(_write(folder, answers))


def passes(settings: Settings) -> bool:
    findings = [finding for checkpoint in settings.checkpoints for finding in check_files(checkpoint)]
    return bool(findings) and all(finding.grade is FindingGrade.OK for finding in findings)


@pytest.fixture
def pony(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "models" / "pony.safetensors", single_file("sdxl"))


@pytest.mark.parametrize(
    ("facts", "base_model"),
    [(RTX_3060, "sdxl/illustrious"), (TWO_CARDS, "sdxl/illustrious"), (WITHOUT_CARD, "demo/vivid")],
)
def test_without_a_person_what_the_machine_has_room_for_is_chosen(
    tmp_path: Path, facts: MachineFacts, base_model: str
) -> None:
    settings = written(tmp_path / "new", answered(facts, None, tmp_path / "new"))
    assert settings.checkpoints[0].base_model == base_model
    assert settings.worker.devices == ("auto",)
    assert passes(settings)


def test_a_small_card_gets_a_small_base_model(tmp_path: Path) -> None:
    facts = MachineFacts(torch=torch_for_cuda(card("Small", (7, 5), 6)), memory=16 * GB)
    assert written(tmp_path / "new", answered(facts, None, tmp_path)).checkpoints[0].base_model == "sd1/base"


def test_options_answer_every_question(tmp_path: Path, pony: Path) -> None:
    folder = tmp_path / "new"
    answers = answered(
        WITHOUT_CARD, None, folder, "--device", "cuda:0", "--device", "cuda:1", "--base", "sdxl/pony", "--checkpoint",
        pony, "--loras", tmp_path / "L", "--data", tmp_path / "D", "--operator", "1", "--operator", "2",
    )  # fmt: skip
    settings = written(folder, answers)
    assert settings.worker.devices == ("cuda:0", "cuda:1")
    assert settings.discord.operators == (1, 2)
    assert (settings.library.folder, settings.storage.folder) == (tmp_path / "L", tmp_path / "D")
    assert (settings.checkpoints[0].path, settings.checkpoints[0].steps) == (pony, 25)
    assert settings.library.folder.is_dir() and passes(settings)


def test_a_person_is_asked_for_what_no_option_says(tmp_path: Path, pony: Path) -> None:
    folder, number = tmp_path / "new", [preset.name for preset in PRESETS].index("Pony") + 1
    token = tmp_path / "token"
    token.write_text("abc", "utf-8")
    person = Person(
        "2", "9", str(number), "/nowhere.safetensors", str(pony),
        "/nowhere/token", str(token), "me", "17, 18", "many", "90", "", str(tmp_path / "D"),
    )  # fmt: skip
    settings = written(folder, answered(RTX_3060, person, folder))
    assert settings.worker.devices == ("cuda:0",)
    assert (settings.checkpoints[0].name, settings.checkpoints[0].path) == ("Pony", pony)
    assert settings.discord.operators == (17, 18) and settings.discord.token.get_secret_value() == "abc"
    assert settings.retention.pictures_days == 90
    assert settings.library.folder == folder / "loras" and settings.storage.folder == tmp_path / "D"
    assert [question.partition(" [")[0].rstrip(": ") for question in person.asked] == [
        "Which device generates pictures?", *["Which one?"] * 2, *["Checkpoint"] * 2,
        *["Token file, or leave empty"] * 2, *["Ids, or leave empty"] * 2,
        *["Days to keep other pictures, 0 for ever"] * 2, "Folder of LoRA files", "Folder for database and pictures",
    ]  # fmt: skip


def test_a_person_who_has_no_file_yet_may_choose_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pony, illustrious = ("3", ""), ("1", "")
    settings = written(tmp_path / "a", answered(RTX_3060, Person("", *pony, *illustrious, *[""] * 5), tmp_path / "a"))
    assert settings.checkpoints[0].base_model == "sdxl/illustrious"
    assert f"for example into {tmp_path / 'a' / 'checkpoints'}" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="when the checkpoint is there"):
        answered(RTX_3060, Person("", ""), tmp_path / "b", "--base", "sdxl/pony")


def test_a_person_who_only_presses_enter_gets_what_fits(tmp_path: Path) -> None:
    settings = written(tmp_path / "a", answered(RTX_3060, Person(*[""] * 8), tmp_path / "a"))
    assert settings.checkpoints[0].repository == PRESETS[0].repository
    settings = written(tmp_path / "b", answered(WITHOUT_CARD, Person(*[""] * 5), tmp_path / "b"))
    assert settings.checkpoints[0].base_model == "demo/vivid"


def test_a_person_reads_what_speaks_against_a_base_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answered(WITHOUT_CARD, Person(*[""] * 5), tmp_path)
    said = capsys.readouterr().out
    assert "no NVIDIA card found" in said
    assert said.count("Slow here") + said.count("Too large for the memory of this machine") + said.count(
        "Slower here, because memory is short"
    ) == len(PRESETS)
    answered(TWO_CARDS, Person("4", *[""] * 8), tmp_path)
    said = capsys.readouterr().out
    assert "all cards" in said and "Slow here" not in said


def test_two_cards_may_both_paint(tmp_path: Path) -> None:
    assert answered(TWO_CARDS, Person("4", *[""] * 8), tmp_path).devices == ("cuda:0", "cuda:1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--base", "sdxl/nobody"], "known are sdxl/base"),
        (["--base", "sdxl/pony"], "Give it with --checkpoint FILE"),
        (["--checkpoint", "a.safetensors"], "Give the base model of"),
        (["--base", "sdxl/pony", "--checkpoint", "/nowhere/a.safetensors"], "/nowhere/a.safetensors does not exist"),
        (["--base", "sd1/base", "--checkpoint", "PONY"], "has the layers of SDXL"),
    ],
)
def test_an_option_that_cannot_be_used_is_told(
    tmp_path: Path, pony: Path, arguments: Sequence[str], words: str
) -> None:
    given = [str(pony) if each == "PONY" else each for each in arguments]
    with pytest.raises(ConfigError, match=words):
        answered(RTX_3060, None, tmp_path / "new", *given)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("option", "words"),
    [("--operator=-5", "a number of about 18 digits"), ("--device=toaster", "'toaster' is no device; auto, cuda")],
)
def test_an_option_that_is_no_id_or_device_leaves_no_folder(
    here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, words: str
) -> None:
    with pytest.raises(SystemExit, match=str(UNUSABLE)):
        here("init", tmp_path / "new", option)
    assert words in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("option", ["--data", "--loras"])
def test_a_folder_where_nothing_can_be_written_gets_no_settings(here: Here, tmp_path: Path, option: str) -> None:
    said = here("init", tmp_path / "new", "--device", "cpu", "--base", "sd1/base", option, "/proc/x")
    assert (said.code, "/proc/x cannot be written" in said.sentence) == (UNUSABLE, True), said
    assert f"choose another folder with {option}" in said.sentence
    assert not list((tmp_path / "new").glob("config*"))


def test_a_demo_that_cannot_be_copied_is_told_with_the_reason(here: Here, tmp_path: Path) -> None:
    (first, *_) = LORAS.iterdir()
    (tmp_path / "loras" / first.name).mkdir(parents=True)
    said = here("init", tmp_path, "--demo", "--overwrite")
    assert (said.code, "cannot be written: Is a directory." in said.sentence) == (UNUSABLE, True), said


def test_a_path_that_is_no_text_is_told_and_leaves_no_draft(here: Here, tmp_path: Path) -> None:
    said = here("init", tmp_path / "new", "--device", "cpu", "--base", "sd1/base", "--loras", tmp_path / "\udcff")
    assert (said.code, "a path that you gave is not" in said.sentence) == (UNUSABLE, True), said
    assert not (tmp_path / "new").exists()


def test_a_person_who_ends_the_input_gets_a_sentence(tmp_path: Path) -> None:
    def ended(question: str) -> str:
        raise EOFError

    questionnaire = Questionnaire(options(tmp_path), ended)
    vars(questionnaire)["facts"] = RTX_3060
    with pytest.raises(ConfigError, match="no file was written"):
        questionnaire.answers()


def test_init_touches_no_folder_that_holds_something(here: Here, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    said = here("init", tmp_path)
    assert (said.code, "not empty" in said.sentence) == (UNUSABLE, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert here("init", tmp_path / "mine.txt").code == UNUSABLE


def test_a_person_decides_about_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    allowed = partial(_may_write, tmp_path, overwrite=False)
    allowed(Person("yes"))
    allowed(Person(""))
    (tmp_path / "config.toml").write_text("mine")
    allowed(Person("perhaps", "y"))
    for answer in ("no", ""):
        with pytest.raises(ConfigError, match="No file was written"):
            allowed(Person(answer))


def test_a_former_file_is_kept_each_time(here: Here, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("# mine")
    for _ in range(2):
        assert here("init", "--demo", "--overwrite", tmp_path).code == DONE
    assert (tmp_path / "config.toml.before-1").read_text() == "# mine"
    assert (tmp_path / "config.toml.before-2").read_text() == (tmp_path / "config.toml").read_text()


def test_what_init_writes_passes_its_own_doctor(here: Here, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    said = here("init", folder, "--base", "demo", "--device", "cpu", "--operator", "1")
    assert said.code == DONE
    for words in ("doctor", "invite", "run", "library add-checkpoint LINK", "config explain KEY"):
        assert f"easel {words} --config {folder / 'config.toml'}" in said.out
    for words in ("[[checkpoints]]", "Reset Token"):
        assert words in said.out
    checked = bot("doctor", "--config", folder / "config.toml")
    assert checked.code == DONE, checked
    assert "✗" not in checked.out and f"C2PA by {folder / 'c2pa' / 'chain.pem'}" in checked.out


def test_the_demo_takes_a_device_and_a_data_folder_but_no_other_checkpoint(here: Here, tmp_path: Path) -> None:
    folder, data = tmp_path / "new", tmp_path / "elsewhere"
    for option in ("--base", "--checkpoint", "--loras"):
        said = here("init", "--demo", option, "sdxl/pony", folder)
        assert (said.code, "Leave out --base" in said.sentence, folder.exists()) == (UNUSABLE, True, False)
    assert here("init", "--demo", "--device", "cpu", "--data", data, folder).code == DONE
    settings = load_settings(folder / "config.toml")
    assert (settings.worker.devices, settings.storage.folder) == (("cpu",), data)


def test_a_second_init_signs_with_the_same_key(here: Here, tmp_path: Path) -> None:
    assert here("init", "--demo", tmp_path / "new").code == DONE
    files = {path: path.read_bytes() for path in (tmp_path / "new" / "c2pa").iterdir()}
    assert here("init", "--demo", "--overwrite", tmp_path / "new").code == DONE
    assert {path: path.read_bytes() for path in (tmp_path / "new" / "c2pa").iterdir()} == files and len(files) == 2
    require_signing(load_settings(tmp_path / "new" / "config.toml"))


def test_a_key_that_cannot_sign_is_told_before_anything_is_renamed(here: Here, tmp_path: Path) -> None:
    own = settings_in(tmp_path / "c2pa", C2paAlgorithm.PS256)
    (tmp_path / "config.toml").write_text("# mine")
    said = here("init", "--demo", "--overwrite", tmp_path)
    assert (said.code, f"rename {own.certificate} and {own.key}" in said.sentence) == (UNUSABLE, True)
    assert [path.name for path in tmp_path.glob("config*")] == ["config.toml"]


def test_the_file_is_short_and_has_what_was_answered(tmp_path: Path, pony: Path) -> None:
    config = _write(
        tmp_path / "new", answered(WITHOUT_CARD, None, tmp_path, "--base", "sdxl/pony", "--checkpoint", pony)
    )
    lines = config.read_text("utf-8").splitlines()
    assert len(lines) <= 35
    assert [line for line in lines if "easel config explain" in line] == lines[:1]
    settings = load_settings(config)
    assert settings.retention.pictures_days == 365
    assert settings.looks_for_updates and settings.discord.operators == ()
    written = tomllib.loads(config.read_text("utf-8"))
    assert list(written) == ["discord", "storage", "library", "sources", "worker", "retention", "c2pa", "checkpoints"]


def test_what_stands_there_as_a_comment_can_be_uncommented(tmp_path: Path) -> None:
    config = _write(tmp_path / "new", Answers(None))
    lines = config.read_text("utf-8").splitlines()
    comments = [line.removeprefix("# ") for line in lines[1:] if line.startswith("#")]
    assert [line.partition(" ")[0] for line in comments] == ["token_file", "operators"]
    assert tomllib.loads("\n".join(comments))


def test_a_token_file_and_the_days_may_be_options(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("abc", "utf-8")
    given = answered(WITHOUT_CARD, None, tmp_path, "--demo", "--token-file", token, "--pictures-days", "0")
    settings = written(tmp_path / "new", given)
    assert (settings.discord.token_file, settings.retention.pictures_days) == (token, 0)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        written(tmp_path / "other", answered(WITHOUT_CARD, None, tmp_path, "--demo", "--token-file", "/nowhere/token"))
    assert not (tmp_path / "other" / "config.toml").exists()


@pytest.mark.parametrize("days", ["-1", "many", "1e9", "36501"])
def test_days_that_are_none_get_a_sentence(
    here: Here, tmp_path: Path, capsys: pytest.CaptureFixture[str], days: str
) -> None:
    with pytest.raises(SystemExit, match=str(UNUSABLE)):
        here("init", tmp_path / "new", f"--pictures-days={days}")
    assert "Give a whole number of days, from 0 to 36500." in capsys.readouterr().err


def test_the_default_settings_file_is_not_named(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = here("init", ".", "--demo")
    assert "easel doctor\n" in said.out and "--config" not in said.out
    (tmp_path / "a b").mkdir()
    assert f"--config '{Path('a b') / 'config.toml'}'" in here("init", "a b", "--demo").out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe\x00", "is not text"),
        (b" \n", "is empty"),
    ],
)
def test_a_token_file_is_read_when_it_is_entered(
    tmp_path: Path, content: bytes | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good, folder = tmp_path / "bad", tmp_path / "good", tmp_path / "new"
    good.write_text("abc", "utf-8")
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        answered(WITHOUT_CARD, None, "--demo", "--token-file", bad, folder)
    person = Person("", "", str(bad), str(good), "", "", "", "")
    assert answered(WITHOUT_CARD, person, folder).token_file == good
    assert words in capsys.readouterr().out


def test_what_fails_leaves_nothing_behind(here: Here, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (tmp_path / "a" / "new", empty):
        said = here("init", "--demo", "--token-file", tmp_path / "missing", folder)
        assert (said.code, "cannot be read" in said.sentence) == (UNUSABLE, True), said
    (tmp_path / "file").touch()
    for folder in (tmp_path / "a" / "new", empty):
        with pytest.raises(ConfigError), _removed_on_failure(folder):
            _write(folder, Answers(None, data=tmp_path / "file" / "data"))
    assert not (tmp_path / "a").exists() and list(empty.iterdir()) == []


def test_what_was_there_stays_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError), _removed_on_failure(tmp_path):
        _write(tmp_path, Answers(None, data=tmp_path / "file" / "data"))
    assert (tmp_path / "file").exists()
