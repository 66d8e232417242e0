"""The catalogue follows the library's folder, whatever happens to the files in it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.database.bookmarks.bookmarks import add_bookmark, find_bookmark, list_bookmarks
from bot.database.database import Database, open_database
from bot.database.loras.catalogue import VERSION_BY_SHA256, Lora, browse_loras, find_lora_by_name
from bot.database.loras.records import DOUBT_FILE, IS_ANY_DOUBTED
from bot.database.query import Query, SqlStatement
from bot.library.catalogue import (
    LibraryFiles,
    LibraryUnreadable,
    ScanReport,
    choose_version,
    find_named,
    known_lora,
    scan_library,
)
from inference.base_models import BaseModelId, CompatibilityTable, known_base_models
from inference.files.hashes import file_sha256
from inference.lora.beside.declarations import FILE_NAME, BadDeclarations, allow_on, declare, declare_prediction
from inference.lora.evidence import Source
from inference.lora.few_steps import NOT_FEW, FewStepKind, FewStepRecipe, FewStepSource
from inference.lora.prediction_evidence import PredictionEvidence, PredictionSource
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.samplers import Sampler, Spacing
from tests.lies import Lie, lies
from tests.lora_files import write_lora, write_sidecar

ILLUSTRIOUS = BaseModelId("sdxl/illustrious")
PONY = BaseModelId("sdxl/pony")
NOOB = BaseModelId("sdxl/noobai")
CHECKPOINT = "c" * 64  # SHA-256 of an installed checkpoint
EQUAL_ONLY = Matcher(())


def checkpoint(base: BaseModelId, predicts: PredictionType | None = None) -> CheckpointSpec:
    return CheckpointSpec(name="Here", source="somewhere", base_model=base, predicts=predicts)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    made = tmp_path / "loras"
    made.mkdir()
    return made


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "easel.sqlite3") as opened:
        yield opened


async def scanned(db: Database, library: Path, installed: Mapping[str, BaseModelId] | None = None) -> ScanReport:
    return await scan_library(db, library, installed or {})


async def entry(db: Database, name: str) -> Lora:
    lora = await find_lora_by_name(db, name)
    assert lora is not None
    return lora


async def all_names(db: Database) -> set[str]:
    return {lora.name for lora in (await browse_loras(db, limit=100)).loras}


async def test_a_first_scan_finds_everything_and_a_second_nothing_new(db: Database, library: Path) -> None:
    komori = write_lora(library / "komori.safetensors")
    write_sidecar(komori, name="Komori", category="character", base_model=PONY, trigger_words=["bat", "shy girl"])
    write_lora(library / "styles" / "ink.safetensors", seed=1)
    seen: list[tuple[int, int]] = []
    report = await scan_library(db, library, {}, lambda done, total: seen.append((done, total)))
    assert report.new == ("komori.safetensors", "styles/ink.safetensors")
    assert report.unknown == ("styles/ink.safetensors",)
    assert seen == [(0, 2), (1, 2), (2, 2)]
    (version,) = (await entry(db, "komori")).versions
    assert (version.base_model, version.trigger_words) == (PONY, ("bat", "shy girl"))
    again = await scanned(db, library)
    assert again.unchanged == report.new
    assert (again.new, again.changed, again.missing, again.broken) == ((), (), (), ())


async def test_files_of_one_name_are_versions_of_one_entry(db: Database, library: Path) -> None:
    for seed, base in enumerate((ILLUSTRIOUS, PONY)):
        file = write_lora(library / f"komori-{base.lineage}.safetensors", seed=seed)
        write_sidecar(file, name="Komori", version=base.label, base_model=base)
    await scanned(db, library)
    lora = await entry(db, "Komori")
    assert {version.name for version in lora.versions} == {"Illustrious", "Pony"}
    on_pony = choose_version(lora, checkpoint(PONY), EQUAL_ONLY)
    assert on_pony is not None and on_pony.base_model == PONY
    assert choose_version(lora, checkpoint(NOOB), EQUAL_ONLY) is None
    table = CompatibilityTable.of([(ILLUSTRIOUS, NOOB)])
    allowed = choose_version(lora, checkpoint(NOOB), Matcher((), table))
    assert allowed is not None and allowed.base_model == ILLUSTRIOUS


async def test_of_versions_for_one_base_model_that_is_taken_which_predicts_the_same(
    db: Database, library: Path
) -> None:
    for seed, kind in enumerate(("epsilon", "v", "epsilon")):
        metadata = {"modelspec.prediction_type": kind}
        file = write_lora(library / f"komori-{seed}-{kind}.safetensors", seed=seed, metadata=metadata)
        write_sidecar(file, name="Komori", version=f"{seed} {kind}", base_model=NOOB)
    await scanned(db, library)
    lora = await entry(db, "Komori")

    def taken(predicts: PredictionType | None) -> str | None:
        version = choose_version(lora, checkpoint(NOOB, predicts), EQUAL_ONLY)
        return version.name if version else None

    assert (taken(PredictionType.EPSILON), taken(PredictionType.V_PREDICTION)) == ("2 epsilon", "1 v")
    assert taken(None) == "2 epsilon"  # the newest, where nobody knows what the checkpoint predicts


async def test_an_unknown_base_model_fits_nothing(db: Database, library: Path) -> None:
    write_lora(library / "ink.safetensors")
    await scanned(db, library)
    assert choose_version(await entry(db, "ink"), checkpoint(PONY), EQUAL_ONLY) is None


async def test_broken_files_have_their_reason_and_stop_nothing(db: Database, library: Path) -> None:
    (library / "a-text.safetensors").write_text("this is a shopping list, not a LoRA")
    (library / "b-empty.safetensors").write_bytes(b"")
    cut = write_lora(library / "c-cut.safetensors")
    cut.write_bytes(cut.read_bytes()[:-5])
    write_lora(library / "d-typo.safetensors").with_suffix(".toml").write_text('trigger_wrods = ["bat"]')
    (library / "e-pickle.ckpt").write_bytes(b"\x80\x04")
    write_lora(library / "f-good.safetensors")
    report = await scanned(db, library)
    reasons = {broken.path: broken.problem for broken in report.broken}
    assert "not a safetensors file" in reasons["a-text.safetensors"]
    assert "too short" in reasons["b-empty.safetensors"]
    assert "longer or shorter" in reasons["c-cut.safetensors"]
    assert "trigger_wrods" in reasons["d-typo.safetensors"]
    assert "may hold code" in reasons["e-pickle.ckpt"]
    assert report.new == ("f-good.safetensors",)
    assert await all_names(db) == {"f-good"}
    assert (await scanned(db, library)).broken == report.broken


async def test_a_typo_made_and_mended_keeps_entry_and_bookmark(db: Database, library: Path) -> None:
    file = write_lora(library / "k1.safetensors")
    sidecar = write_sidecar(file, name="Komori", base_model=PONY)
    await scanned(db, library)
    lora = await entry(db, "Komori")
    await add_bookmark(db, 1, lora.id, "mine")
    right = sidecar.read_text()
    sidecar.write_text(right.replace("base_model", "base_modell"))
    assert [broken.path for broken in (await scanned(db, library)).broken] == ["k1.safetensors"]
    broken = await entry(db, "Komori")
    assert (broken.id, broken.usable) == (lora.id, ())
    sidecar.write_text(right)
    assert (await scanned(db, library)).changed == ("k1.safetensors",)
    (before,), (after,) = lora.usable, (await entry(db, "Komori")).usable
    assert (after.id, after.sha256, after.base_model) == (before.id, before.sha256, PONY)


async def test_a_removed_file_is_missing_and_comes_back(db: Database, library: Path) -> None:
    file = write_lora(library / "komori.safetensors")
    await scanned(db, library)
    lora = await entry(db, "komori")
    await add_bookmark(db, 1, lora.id)
    raw = file.read_bytes()
    file.unlink()
    assert (await scanned(db, library)).missing == ("komori.safetensors",)
    assert (await scanned(db, library)).missing == ()
    gone = await find_bookmark(db, 1, lora.id)
    assert gone is not None
    assert [version.missing for version in gone.lora.versions] == [True]
    (library / "elsewhere").mkdir()
    (library / "elsewhere" / "komori.safetensors").write_bytes(raw)
    assert (await scanned(db, library)).changed == ("elsewhere/komori.safetensors",)
    back = await find_bookmark(db, 1, lora.id)
    assert back is not None
    assert [(v.id, v.path) for v in back.lora.usable] == [(lora.versions[0].id, "elsewhere/komori.safetensors")]


async def test_a_replaced_file_is_a_new_version_and_the_old_bytes_stay_known(db: Database, library: Path) -> None:
    file = write_lora(library / "komori.safetensors", seed=1)
    old = file_sha256(file)
    await scanned(db, library)
    write_lora(file, seed=2, rank=3)
    assert (await scanned(db, library)).new == ("komori.safetensors",)
    lora = await entry(db, "komori")
    assert [version.sha256 for version in lora.usable] == [file_sha256(file)]
    kept = await db.one(VERSION_BY_SHA256, old)
    assert kept is not None
    assert (kept.missing, kept.lora_id) == (True, lora.id)


async def test_two_files_change_places(db: Database, library: Path) -> None:
    a, b = write_lora(library / "a.safetensors", seed=1), write_lora(library / "b.safetensors", seed=2, rank=3)
    await scanned(db, library)
    before = {sha: await db.one(VERSION_BY_SHA256, sha) for sha in map(file_sha256, (a, b))}
    aside = library / "aside.safetensors"
    a.rename(aside)
    b.rename(a)
    aside.rename(b)
    report = await scanned(db, library)
    assert (set(report.changed), report.duplicates) == ({"a.safetensors", "b.safetensors"}, ())
    for sha, old in before.items():
        now = await db.one(VERSION_BY_SHA256, sha)
        assert now is not None
        assert old is not None
        assert (now.id, now.usable, now.path != old.path) == (old.id, True, True)


async def test_the_same_bytes_twice_are_reported_and_used_once(db: Database, library: Path) -> None:
    write_lora(library / "a.safetensors")
    write_lora(library / "copy.safetensors")
    report = await scanned(db, library)
    assert report.new == ("a.safetensors",)
    assert [(d.path, d.problem) for d in report.duplicates] == [
        ("copy.safetensors", "it is the same file as a.safetensors")
    ]
    assert (await scanned(db, library)).duplicates == report.duplicates
    assert await all_names(db) == {"a"}
    (library / "a.safetensors").unlink()
    after = await scanned(db, library)
    assert (after.missing, after.changed, after.duplicates) == (("a.safetensors",), ("copy.safetensors",), ())
    assert await all_names(db) == {"copy"}


async def test_a_declaration_counts_at_the_next_scan(db: Database, library: Path) -> None:
    file = write_lora(library / "ink.safetensors")
    assert (await scanned(db, library)).unknown == ("ink.safetensors",)
    declare(library, file_sha256(file), PONY, who="operator", reason="tried it")
    report = await scanned(db, library)
    assert (report.changed, report.unknown) == (("ink.safetensors",), ())
    (version,) = (await entry(db, "ink")).versions
    assert (version.base_model, version.evidence) == (PONY, Source.DECLARATION)


async def test_a_checkpoint_installed_later_is_evidence(db: Database, library: Path) -> None:
    file = write_lora(library / "ink.safetensors", metadata={"ss_new_sd_model_hash": CHECKPOINT})
    write_sidecar(file, base_model=PONY)
    await scanned(db, library)
    assert (await entry(db, "ink")).versions[0].base_model == PONY
    await scanned(db, library, {CHECKPOINT: ILLUSTRIOUS})
    (version,) = (await entry(db, "ink")).versions
    assert (version.base_model, version.evidence) == (ILLUSTRIOUS, Source.TRAINING_BASE)
    assert version.contradictions == ("told by its sidecar: sdxl/pony",)


async def test_damaged_declarations_are_one_sentence_and_change_nothing(db: Database, library: Path) -> None:
    write_lora(library / "ink.safetensors")
    await scanned(db, library)
    (library / "ink.safetensors").unlink()
    (library / FILE_NAME).write_text('{"sha256": "no"}\n')
    with pytest.raises(BadDeclarations, match=r"declarations\.jsonl, line 1"):
        await scanned(db, library)
    assert len((await entry(db, "ink")).usable) == 1


async def test_a_library_that_is_not_there_is_a_sentence(db: Database, tmp_path: Path) -> None:
    with pytest.raises(LibraryUnreadable, match="cannot be read"):
        await scanned(db, tmp_path / "nowhere")


async def test_a_renamed_entry_keeps_its_bookmarks(db: Database, library: Path) -> None:
    file = write_lora(library / "k.safetensors")
    write_sidecar(file, name="Komori")
    await scanned(db, library)
    lora = await entry(db, "Komori")
    await add_bookmark(db, 1, lora.id, "mine")
    write_sidecar(file, name="Komori the bat", trigger_words=["bat"])
    await scanned(db, library)
    assert (await entry(db, "komori the bat")).id == lora.id
    assert await find_lora_by_name(db, "Komori") is None
    page = await list_bookmarks(db, 1, limit=5, search="bat mine")
    assert page.total == 1


async def test_a_version_that_joins_another_entry_brings_its_bookmarks(db: Database, library: Path) -> None:
    write_sidecar(write_lora(library / "a.safetensors", seed=1), name="Komori")
    second = write_lora(library / "b.safetensors", seed=2)
    write_sidecar(second, name="Komory")
    await scanned(db, library)
    await add_bookmark(db, 1, (await entry(db, "Komory")).id, "mine")
    write_sidecar(second, name="komori", version="second")
    await scanned(db, library)
    lora = await entry(db, "Komori")
    assert len(lora.usable) == 2
    assert await find_lora_by_name(db, "Komory") is None
    bookmark = await find_bookmark(db, 1, lora.id)
    assert bookmark is not None
    assert bookmark.note == "mine"


@pytest.mark.parametrize("name", ["Komori\0", "\0", "🙂", "é" * 100, "' OR 1=1 --", "   "])
async def test_odd_names_are_kept(db: Database, library: Path, name: str) -> None:
    write_sidecar(write_lora(library / "odd.safetensors"), name=name, trigger_words=['"*:^', "\0"])
    assert (await scanned(db, library)).new == ("odd.safetensors",)
    assert (await scanned(db, library)).unchanged == ("odd.safetensors",)
    assert len(await all_names(db)) == 1


async def test_a_file_name_that_is_no_text_does_not_stop_the_scan(db: Database, library: Path) -> None:
    write_lora(library / "good.safetensors")
    try:
        write_lora(Path(os.fsdecode(os.fsencode(library) + b"/\xff\xfe.safetensors")), seed=1)
    except OSError:
        pytest.skip("this file system keeps only text as names")
    report = await scanned(db, library)
    assert report.new == ("good.safetensors",)
    assert [broken.problem for broken in report.broken] == ["its name is not text; rename it"]


async def test_a_typed_name_is_found_or_answered_with_the_closest(db: Database, library: Path) -> None:
    for seed, name in enumerate(("Komori", "Komodo", "Watercolour")):
        write_lora(library / f"{name}.safetensors", seed=seed)
    await scanned(db, library)
    for typed in ("komori", "KOMORI "):
        found = await find_named(db, typed)
        assert found.lora is not None
        assert (found.lora.name, found.suggestions) == ("Komori", ())
    assert (await find_named(db, "komorri")).suggestions[0] == "Komori"
    assert (await find_named(db, "watercolor", suggestions=1)).suggestions == ("Watercolour",)
    assert (await find_named(db, "zzz")).suggestions == ()
    assert (await find_named(db, "x" * 10_000)).suggestions == ()


TIMES = count(10**18, 10**9)
STEPS = st.tuples(
    st.sampled_from(["write", "delete", "move", "name", "break"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["a", "b", "c"]),
)


def act(library: Path, action: str, one: str, other: str) -> None:
    """Do something to the files; what is not there is not touched."""
    file, target = library / f"{one}.safetensors", library / f"{other}.safetensors"
    if action == "write":
        write_lora(file, seed=ord(other), rank=ord(other) % 3 + 1)  # other contents have other sizes
    elif file.exists() and action == "delete":
        file.unlink()
    elif file.exists() and action == "move":
        file.rename(target)
    elif file.exists() and action == "break":
        file.write_bytes(b"broken")
    elif action == "name":
        sidecar = write_sidecar(file, name=f"Entry {other}", trigger_words=[f"word{other}"])
        os.utime(sidecar, ns=(time := next(TIMES), time))  # two writings within one tick of the clock look the same


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rounds=st.lists(st.lists(STEPS, min_size=1, max_size=4), min_size=1, max_size=5))
async def test_any_history_ends_with_the_truth(tmp_path_factory: pytest.TempPathFactory, rounds: list[list]) -> None:
    """After any number of changes and scans: each content is usable once, and the text index says what is so."""
    folder = tmp_path_factory.mktemp("history")
    library = folder / "loras"
    library.mkdir()
    async with open_database(folder / "easel.sqlite3") as db:
        await db.connection.execute("PRAGMA synchronous = OFF")
        for steps in rounds:
            for step in steps:
                act(library, *step)
            await scanned(db, library)
        whole = {file_sha256(path) for path in library.glob("*.safetensors") if path.stat().st_size > 10}
        rows = await db.all(Query(sqlite3.Row, "SELECT sha256, path FROM lora_version WHERE usable"))
        assert sorted(row["sha256"] for row in rows) == sorted(whole)
        assert all(file_sha256(library / row["path"]) == row["sha256"] for row in rows)
        await check_text_index(db)
        again = await scanned(db, library)
        assert (again.new, again.changed, again.missing) == ((), (), ())


async def check_text_index(db: Database) -> None:
    texts = await db.all(Query(sqlite3.Row, "SELECT rowid, name, trigger_words FROM lora_text"))
    loras = await db.all(Query(sqlite3.Row, "SELECT id, name FROM lora"))
    assert {(row["rowid"], row["name"]) for row in texts} == {(row["id"], row["name"].casefold()) for row in loras}
    for text in texts:
        words = await db.all(
            Query(
                str,
                "SELECT word FROM trigger_word JOIN lora_version ON lora_version.id = version_id WHERE lora_id = ?",
            ),
            text["rowid"],
        )
        assert sorted(text["trigger_words"].split()) == sorted(set(words))


def swap(path: Path, *, seed: int) -> str:
    """Give a file other bytes of equal size and time of change; their SHA-256."""
    before = path.stat()
    write_lora(path, seed=seed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    return file_sha256(path)


async def test_a_file_in_doubt_is_read_again_though_size_and_time_are_the_same(db: Database, library: Path) -> None:
    path = write_lora(library / "komori.safetensors", seed=1)
    old = file_sha256(path)
    await scanned(db, library)
    new = swap(path, seed=2)
    await scanned(db, library)
    assert [version.sha256 for version in (await entry(db, "komori")).usable] == [old]
    await db.run(DOUBT_FILE, old)
    assert await db.get(IS_ANY_DOUBTED)
    assert (await scanned(db, library)).new == ("komori.safetensors",)
    assert [version.sha256 for version in (await entry(db, "komori")).usable] == [new]
    assert not await db.get(IS_ANY_DOUBTED)


async def test_the_size_of_a_file_belongs_to_its_hash_though_the_file_was_changed(db: Database, library: Path) -> None:
    path = write_lora(library / "komori.safetensors")
    sha256, size = file_sha256(path), path.stat().st_size
    await scanned(db, library)
    path.write_bytes(b"other")
    files = LibraryFiles(db, library, library)
    assert (found := await files.lora(sha256)) is not None and found.size == size
    await db.run(DOUBT_FILE, sha256)
    assert (found := await files.lora(sha256)) is not None and found.size is None


async def test_a_file_in_doubt_for_nothing_stays_what_it_is(db: Database, library: Path) -> None:
    path = write_lora(library / "komori.safetensors")
    await scanned(db, library)
    await db.run(DOUBT_FILE, file_sha256(path))
    await scanned(db, library)
    assert not await db.get(IS_ANY_DOUBTED)
    assert [version.sha256 for version in (await entry(db, "komori")).usable] == [file_sha256(path)]


async def test_what_an_earlier_easel_read_is_read_again(db: Database, library: Path) -> None:
    write_lora(library / "komori.safetensors", metadata={"ot_config": '{"base_model_name": "ponyDiffusionV6XL"}'})
    await scanned(db, library)
    earlier = "json_set(json_remove(found, '$.reading'), '$.metadata', json('{}'))"
    await db.run(SqlStatement(f"UPDATE lora_version SET found = {earlier}, base_model = NULL"))
    await scanned(db, library)
    (version,) = (await entry(db, "komori")).versions
    assert version.base_model == PONY


async def test_another_programs_file_beside_a_lora_does_it_no_harm(db: Database, library: Path) -> None:
    path = write_lora(library / "komori.safetensors", metadata={"ss_sd_model_name": "290640.safetensors"})
    write_sidecar(path, **{"description": "", "sd version": "SDXL", "activation text": "komori", "notes": ""})
    assert (await scanned(db, library)).broken == ()
    assert [version.base_model for version in (await entry(db, "komori")).usable] == [PONY]


def entry_name(lie: Lie, number: int) -> str:
    """The name of its entry: its sidecar's, else that of the file."""
    return str((lie.sidecar or {}).get("name", f"lie-{number}"))


async def test_files_that_lie_go_on_no_checkpoint(db: Database, library: Path) -> None:
    for number, lie in enumerate(lies()):
        lie.write(library, f"lie-{number}")
    await scanned(db, library)
    admitted = {
        (lie.label, str(base))
        for number, lie in enumerate(lies())
        for base in known_base_models()
        if choose_version(await entry(db, entry_name(lie, number)), checkpoint(base), EQUAL_ONLY)
    }
    assert admitted == {(lie.label, lie.truth) for lie in lies() if lie.truth}


async def test_a_few_step_recipe_is_kept_with_the_file_and_the_owner_is_asked(db: Database, library: Path) -> None:
    for number, (name, few_steps) in enumerate(
        (("sdxl_lightning_4step_lora", None), ("sd_xl_turbo_lora_v1", None), ("hyper_8steps_lora", False))
    ):
        path = write_lora(library / f"{name}.safetensors", seed=number)
        write_sidecar(path, base_model=PONY, **({} if few_steps is None else {"few_steps": few_steps}))
    report = await scanned(db, library)
    assert [asked.path for asked in report.questions] == ["sd_xl_turbo_lora_v1.safetensors"]
    assert "its name says Turbo" in report.questions[0].problem
    (lightning,) = (await entry(db, "sdxl_lightning_4step_lora")).versions
    assert lightning.few_steps.source is FewStepSource.FILE_NAME
    assert lightning.recipe == FewStepRecipe(
        steps=4, sampler=Sampler.EULER, spacing=Spacing.TRAILING, guidance=1.0, kind=FewStepKind.LIGHTNING
    )
    (hyper,) = (await entry(db, "hyper_8steps_lora")).versions
    assert hyper.few_steps == NOT_FEW
    recipe = {"steps": 6, "sampler": "unipc", "spacing": "trailing", "guidance": 2.0, "weight": 0.9, "most": 8}
    write_sidecar(library / "sd_xl_turbo_lora_v1.safetensors", base_model=PONY, few_steps=recipe)
    report = await scanned(db, library)
    assert not report.questions and report.changed == ("sd_xl_turbo_lora_v1.safetensors",)
    (turbo,) = (await entry(db, "sd_xl_turbo_lora_v1")).versions
    assert turbo.recipe == FewStepRecipe.model_validate(recipe)
    assert turbo.few_steps.source is FewStepSource.SIDECAR
    assert turbo.sha256 is not None
    known = FewStepRecipe(steps=5)
    await scan_library(db, library, {}, few_steps={turbo.sha256: known})
    (turbo,) = (await entry(db, "sd_xl_turbo_lora_v1")).versions
    assert (turbo.recipe, turbo.few_steps.source) == (known, FewStepSource.KNOWN)


async def test_the_prediction_type_and_allowances_are_recorded_and_what_is_unclear_is_told(
    db: Database, library: Path
) -> None:
    write_sidecar(write_lora(library / "told.safetensors", metadata={"ss_sd_model_name": "noobVpred"}), base_model=NOOB)
    open_ = write_lora(library / "open.safetensors", seed=2)
    write_sidecar(open_, base_model=NOOB)
    write_sidecar(write_lora(library / "pony.safetensors", seed=3), base_model=PONY)
    assert (await scanned(db, library)).unclear == ("open.safetensors",)
    (told,) = (await entry(db, "told")).versions
    assert told.prediction == PredictionEvidence(PredictionType.V_PREDICTION, PredictionSource.BASE_NAME)
    epsilon = checkpoint(NOOB, PredictionType.EPSILON)
    (version,) = (await entry(db, "open")).versions
    assert not EQUAL_ONLY.fits(known_lora("told", told), epsilon)
    assert EQUAL_ONLY.fits(known_lora("open", version), epsilon)
    assert EQUAL_ONLY.note(known_lora("open", version), epsilon)

    sha256 = file_sha256(open_)
    declare_prediction(library, sha256, PredictionType.V_PREDICTION, who="me", reason="x")
    allow_on(library, sha256, PONY, who="me", reason="x")
    report = await scanned(db, library)
    assert (report.unclear, report.changed) == ((), ("open.safetensors",))
    (version,) = (await entry(db, "open")).versions
    assert (version.prediction.source, version.allowed_on) == (PredictionSource.DECLARATION, (PONY,))
    assert EQUAL_ONLY.fits(known_lora("open", version), checkpoint(PONY))
    names = {lora.name for lora in (await browse_loras(db, limit=9, base_models=[PONY])).loras}
    assert names == {"open", "pony"}


async def test_a_lora_of_an_installed_v_checkpoint_learnt_v(db: Database, library: Path) -> None:
    write_lora(library / "a.safetensors", metadata={"ss_new_sd_model_hash": CHECKPOINT})
    kinds = {CHECKPOINT: PredictionType.V_PREDICTION}
    await scan_library(db, library, {CHECKPOINT: NOOB}, predictions=kinds)
    (version,) = (await entry(db, "a")).versions
    assert (version.base_model, version.prediction.type) == (NOOB, PredictionType.V_PREDICTION)
