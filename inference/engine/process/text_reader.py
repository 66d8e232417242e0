"""Queue of jobs that wait for the text judge. It reads their texts in a separate thread."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from inference.engine.text_judge import RequestJudge
from inference.messages.commands import Generate
from inference.processes import logs


@dataclass
class ReadJob:
    """A job whose texts are read: the highest score of each class, or the error that the job fails with."""

    command: Generate
    scores: Future[dict[str, float]]
    cancelled: bool = False


class TextReader:
    """Reads the texts of one job after the other. Without a judge, there is nothing to read."""

    def __init__(self, judge: RequestJudge | None) -> None:
        self._judge = judge
        self._jobs: list[ReadJob] = []
        self._thread = ThreadPoolExecutor(1, "texts")  # steps do not wait for it

    @property
    def seconds(self) -> float | None:
        """The time that the judge needed for a short text; None without a judge."""
        return None if self._judge is None else self._judge.seconds

    @property
    def commands(self) -> list[Generate]:
        """The jobs that are here."""
        return [job.command for job in self._jobs]

    @property
    def reading(self) -> list[Future[dict[str, float]]]:
        """The future scores of the jobs that are here."""
        return [job.scores for job in self._jobs]

    def begin(self, command: Generate) -> bool:
        """Start to read the texts of a job; False if there is nothing to read."""
        if self._judge is None or not command.texts:
            return False
        self._jobs.append(ReadJob(command, self._thread.submit(_read, self._judge, command)))
        return True

    def cancel(self, job_id: int) -> None:
        """Stop to read for a job; an unknown id is ignored."""
        for job in self._jobs:
            if job.command.job_id == job_id:
                job.cancelled = True
                job.scores.cancel()  # unless it is being read

    def take_ended(self) -> list[ReadJob]:
        """Return the jobs that were cancelled or whose texts are read, and forget them."""
        ended = [job for job in self._jobs if job.cancelled or job.scores.done()]
        self._jobs = [job for job in self._jobs if job not in ended]
        return ended

    def close(self) -> None:
        """Forget every job, and end the thread."""
        self._jobs.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)


def _read(judge: RequestJudge, command: Generate) -> dict[str, float]:
    with logs.about(command.job_id):
        return judge.read(command.texts)
