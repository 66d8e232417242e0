"""Thousands of layers as a few hundred lines: runs of block numbers are written once, `blocks.0-39.attn.to_q`."""

from __future__ import annotations

Shapes = dict[str, tuple[int, ...]]
_Row = tuple[tuple[str, ...], tuple[int, ...]]  # words of the path, numbers perhaps as runs; shape


def compact(shapes: Shapes) -> list[str]:
    """One line per run of layers: path and shape, as `inference.lora.tensors.tables` reads them."""
    rows: list[_Row] = [(tuple(path.split(".")), shape) for path, shape in shapes.items()]
    longest = max(len(words) for words, _ in rows)
    for position in reversed(range(longest)):
        rows = _joined(rows, position)
    return sorted(f"{'.'.join(words)} {'x'.join(map(str, shape))}" for words, shape in rows)


def _joined(rows: list[_Row], position: int) -> list[_Row]:
    """Rows that differ only in a plain number at `position` become one row a run of consecutive numbers."""
    numbers: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]], list[int]] = {}
    others: list[_Row] = []
    for words, shape in rows:
        if len(words) > position and words[position].isdigit():
            key = (words[:position], words[position + 1 :], shape)
            numbers.setdefault(key, []).append(int(words[position]))
        else:
            others.append((words, shape))
    return others + [
        ((*before, run, *after), shape) for (before, after, shape), found in numbers.items() for run in _runs(found)
    ]


def _runs(numbers: list[int]) -> list[str]:
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
