"""A text judge that was trained on invented words: what it reads, what it refuses, and what cannot be used."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.checkpoints.classifier_files import CONFIG, TOKENIZER, WEIGHTS, ClassifierFiles
from inference.engine.process.job_runner import JobRunner
from inference.engine.text_judge import REMEMBERED_TEXTS, RequestJudge
from inference.errors import ClassifierUnusable, InferenceError, SexualMinors, WorkerFailed
from inference.messages.commands import COMMANDS, Generate
from inference.messages.events import EVENTS, Cancelled, Failed, Finished, JobEvent, Started
from inference.messages.options import TextJudgeSpec
from tests.house import House
from tests.inference.requests import request
from tests.text_judges import CLASSES, WORDS

CPU = torch.device("cpu")
SEXUAL, MINORS = WORDS["sexual"], WORDS["minors"]
REFUSED = {"minors": 0.5}


def spec(folder: Path, *classes: str, minors: dict[str, float] | None = None) -> TextJudgeSpec:
    return TextJudgeSpec(source=str(folder), classes=classes or CLASSES, minors=REFUSED if minors is None else minors)


@pytest.fixture(scope="module")
def judge(text_judge: Path) -> RequestJudge:
    return RequestJudge.of(spec(text_judge, minors={}))


def test_it_tells_words_apart(judge: RequestJudge) -> None:
    for text, expected in (
        ("a photo of a cat", "harmless"),
        (f"a {SEXUAL} cat", "sexual"),
        (f"{MINORS}, a dog on the sea", "minors"),
        ("nobody knows these words", "harmless"),
    ):
        scores = judge.read([text])
        assert max(scores, key=scores.__getitem__) == expected and scores[expected] > 0.8, (text, scores)
    assert judge.read(["a cat", f"a {SEXUAL}"])["sexual"] > 0.8, "of several texts the highest"


def test_no_word_of_a_long_text_is_unread(judge: RequestJudge) -> None:
    plain = ["the", "cat", "by", "a", "tree"] * 40  # the model reads 32 tokens at once
    assert judge.read([" ".join(plain)])["sexual"] < 0.5
    for place in range(0, len(plain) + 1, 7):
        text = " ".join([*plain[:place], SEXUAL, *plain[place:]])
        assert judge.read([text])["sexual"] > 0.8, place


class CountingJudge:
    """Implements TextJudge: the share of a text's words that are the class's."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def judge(self, texts: Sequence[str]) -> Sequence[Mapping[str, float]]:
        self.go_on.wait()
        self.read += texts
        if "broken" in texts:
            raise RuntimeError("the model broke")
        return [{name: float(word in text) for name, word in WORDS.items()} for text in texts]


def test_texts_are_remembered_within_bounds() -> None:
    model = CountingJudge()
    judge = RequestJudge(spec(Path("unread"), "sexual", minors={}), model)
    for _ in range(3):
        judge.read(["a cat", "a dog", "a cat"])
    assert model.read == ["a cat", "a dog"]
    judge.read([f"text {number}" for number in range(REMEMBERED_TEXTS)])
    judge.read(["a cat"])
    assert model.read[-1] == "a cat", "it was forgotten"
    for _ in range(2):
        with pytest.raises(RuntimeError):
            judge.read(["broken"])
    assert model.read.count("broken") == 2, "a failure is not remembered"


def ends(runner: JobRunner) -> dict[int, JobEvent]:
    """The last event of each job; the runner has no job any more."""
    found: dict[int, JobEvent] = {}
    while runner.busy:
        found |= {event.job_id: event for event in runner.step() if isinstance(event, Finished | Failed | Cancelled)}
    return found


def generate(job_id: int, *texts: str, steps: int = 2) -> Generate:
    return Generate(job_id=job_id, attempt=1, request=request(steps=steps), texts=texts)


def test_the_worker_reads_words_before_it_paints(text_judge: Path, shared_house: House) -> None:
    configure = shared_house.configure.model_copy(update={"text_judge": spec(text_judge, "sexual", "minors")})
    begun: list[int] = []
    runner = JobRunner(configure, CPU, lambda started: begun.append(started.job_id))
    assert runner.text_seconds is not None and runner.text_seconds > 0
    runner.take(generate(1, "a cat", f"a {SEXUAL} cat"))
    runner.take(generate(2, "a dog", f"a dog, {MINORS}"))
    runner.take(generate(3))
    found = ends(runner)
    runner.close()
    first, second, third = found[1], found[2], found[3]
    assert isinstance(first, Finished) and first.text_scores is not None
    assert first.text_scores["sexual"] > 0.8 > first.text_scores["minors"]
    assert EVENTS.validate_json(first.model_dump_json()) == first
    assert isinstance(second, Failed) and second.code == SexualMinors.code
    assert isinstance(InferenceError.from_failed(second.code, second.detail), SexualMinors)
    assert isinstance(third, Finished) and third.text_scores is None, "it was not asked to"
    assert 2 not in begun and {1, 3} <= set(begun)
    assert COMMANDS.validate_json(generate(1, "ä").model_dump_json()) == generate(1, "ä")


def judged(house: House, model: CountingJudge, report: Callable[[Started], None] = lambda _: None) -> JobRunner:
    configure = house.configure.model_copy(update={"text_judge": spec(Path("unread"), "sexual", "minors")})
    return JobRunner(configure, CPU, report, judge=model)


def test_a_judge_that_fails_lets_no_text_through(shared_house: House) -> None:
    runner = judged(shared_house, CountingJudge())
    runner.take(generate(1, "broken"))
    runner.take(generate(2, "a cat"))
    found = ends(runner)
    runner.close()
    assert isinstance(found[1], Failed) and found[1].code == WorkerFailed.code
    assert isinstance(found[2], Finished) and found[2].text_scores == {"sexual": 0.0, "minors": 0.0}


def test_a_job_can_be_cancelled_and_given_back_while_its_words_are_read(shared_house: House) -> None:
    model, begun = CountingJudge(), list[Started]()
    model.go_on.clear()
    runner = judged(shared_house, model, begun.append)
    for job_id in (1, 2, 3):
        runner.take(generate(job_id, f"text {job_id}"))
    assert runner.busy and runner.job_ids == (1, 2, 3)
    for job_id in (1, 2, 99):  # the first is being read, the second waits
        runner.cancel(job_id)
    assert [(type(event), event.job_id) for event in runner.step()] == [(Cancelled, 1), (Cancelled, 2)]
    assert runner.job_ids == (3,)
    model.go_on.set()
    assert [(type(event), event.job_id) for event in runner.close()] == [(Cancelled, 3)]
    assert not begun and "text 2" not in model.read


def test_pictures_are_painted_while_words_are_read(shared_house: House) -> None:
    model = CountingJudge()
    model.go_on.clear()
    runner = judged(shared_house, model)
    runner.take(generate(1, "a cat"))
    runner.take(generate(2))
    events: list[JobEvent] = []
    while not any(isinstance(event, Finished) for event in events):
        events += runner.step()
    assert {event.job_id for event in events} == {2}
    model.go_on.set()
    assert isinstance(ends(runner)[1], Finished)
    runner.close()


def no_tokenizer(folder: Path) -> None:
    (folder / TOKENIZER).unlink()
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\ncat\n")


def no_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def nameless(folder: Path) -> None:
    changed(folder, id2label=None, label2id=None)


def of_timm(folder: Path) -> None:
    changed(folder, architecture="test_vit")


def of_pictures(folder: Path) -> None:
    changed(folder, model_type="vit", architectures=["ViTForImageClassification"])


def cut_off(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-64])


def another_network(folder: Path) -> None:
    save_file({"somewhere.weight": torch.zeros(3)}, folder / WEIGHTS)


def no_numbers(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    save_file({name: each.mul(float("nan")) for name, each in weights.items()}, folder / WEIGHTS)


def no_padding(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text("{}")
    told = json.loads((folder / TOKENIZER).read_text())
    (folder / TOKENIZER).write_text(json.dumps(told | {"padding": None}))


def too_short(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text('{"pad_token": "[PAD]", "model_max_length": 4}')


def no_tokens(folder: Path) -> None:
    (folder / TOKENIZER).write_text("{}")


def own_code(folder: Path) -> None:
    changed(folder, model_type="mine", auto_map={"AutoModelForSequenceClassification": "mine.Mine"})
    (folder / "mine.py").write_text("raise SystemExit('it was run')")


def own_tokenizer(folder: Path) -> None:
    """Code beside a tokenizer is not run, and the tokenizer's file is used."""
    told = json.loads((folder / "tokenizer_config.json").read_text())
    told |= {"auto_map": {"AutoTokenizer": ["mine.Mine", None]}, "tokenizer_class": "Mine"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    (folder / "mine.py").write_text("raise SystemExit('it was run')")


def changed(folder: Path, **values: object) -> None:
    config = json.loads((folder / CONFIG).read_text()) | values
    (folder / CONFIG).write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


BEFORE = (no_tokenizer, no_weights, pickled, nameless, of_timm)  # told without loading


@pytest.mark.parametrize(
    "spoil",
    [*BEFORE, of_pictures, cut_off, another_network, no_numbers, no_padding, too_short, no_tokens, own_code],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    text_judge: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "spoiled"
    shutil.copytree(text_judge, folder)
    spoil(folder)
    with pytest.raises(ClassifierUnusable) as problem:
        RequestJudge.of(spec(folder))
    told = str(problem.value)
    assert "so Easel cannot generate pictures" in told and str(folder) in told and "\n" not in told
    if spoil in BEFORE:
        with pytest.raises(ClassifierUnusable):
            ClassifierFiles.read_text_judge(folder, CLASSES)


def test_no_code_beside_a_model_is_run(text_judge: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with code"
    shutil.copytree(text_judge, folder)
    own_tokenizer(folder)
    assert RequestJudge.of(spec(folder, minors={})).read([f"a {SEXUAL} cat"])["sexual"] > 0.8


def test_a_class_that_it_does_not_have_is_named(text_judge: Path) -> None:
    with pytest.raises(ClassifierUnusable, match=r"no class 'csam'; its classes are harmless, sexual, minors"):
        RequestJudge.of(spec(text_judge, "csam"))
