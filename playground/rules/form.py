"""Collects the errors of a form with their paths, and refuses it as Discord does (50035)."""

from dataclasses import dataclass, field
from typing import cast

from playground.errors import ApiError
from playground.wire import Json

Path = tuple[str | int, ...]


@dataclass
class FormErrors:
    """The errors found so far, nested as in the response."""

    faults: Json = field(default_factory=dict[str, object])

    def fault(self, path: Path, code: str, message: str) -> None:
        """Record an error at a path of the request."""
        place = self.faults
        for step in path:
            place = cast("Json", place.setdefault(str(step), {}))
        cast("list[Json]", place.setdefault("_errors", [])).append({"code": code, "message": message})

    def refuse(self) -> None:
        """Raise when anything is wrong."""
        if self.faults:
            raise ApiError(400, 50035, "Invalid Form Body", self.faults)

    def length(self, path: Path, value: object, least: int, most: int) -> bool:
        """A text of this many characters; an absent one passes when nothing is required."""
        if value is None and least == 0:
            return True
        if value is None:
            self.fault(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif not isinstance(value, str):
            self.fault(path, "BASE_TYPE_STRING", "Could not interpret as string.")
        elif least <= len(value) <= most:
            return True
        elif least == 0:
            self.fault(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        else:
            self.fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        return False

    def count(self, path: Path, entries: list[Json], least: int, most: int) -> None:
        """A list of this many entries."""
        if not least <= len(entries) <= most:
            self.fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")

    def within(self, path: Path, value: object, least: int, most: int) -> None:
        """A whole number in a range; an absent one passes."""
        if value is None:
            return
        if not isinstance(value, int) or not least <= value <= most:
            self.fault(path, "NUMBER_TYPE_RANGE", f"int value should be between {least} and {most}.")

    def choice(self, path: Path, value: object, allowed: tuple[int, ...]) -> bool:
        """One of the numbers that are known here."""
        if value in allowed and not isinstance(value, bool):
            return True
        listed = ", ".join(map(str, allowed))
        self.fault(path, "BASE_TYPE_CHOICES", f"Value must be one of ({listed}).")
        return False


def refuse_one(path: Path, code: str, message: str) -> ApiError:
    """A refusal with a single fault."""
    form = FormErrors()
    form.fault(path, code, message)
    return ApiError(400, 50035, "Invalid Form Body", form.faults)
