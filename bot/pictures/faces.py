"""Finds photographed faces in pictures that people give, with OpenCV and the Haar cascades that its wheel holds.

OpenCV comes with the extra `faces`. Version 5 has neither the class nor the cascades, so the extra asks for version 4.
A cascade learned photographs: it passes over most drawn faces. Figures: docs/measurements.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from PIL import Image, ImageFilter, ImageOps

from inference.processes.extras import installing

# Pixels of the longer side in which faces are looked for, and degrees by which the picture is turned for it.
_LOOKS: Final = ((400, 0), (640, 0), (400, -12), (400, 12))
_STEP: Final = 1.12  # factor between the sizes of a face that are tried
_LEAST_SIDE: Final = 24  # pixels of a face
# Neighbouring places at which the cascade sees the clearest face, in all looks together. With fewer than _MANY_HITS
# the face must have the shades of a photograph: a drawn face has few.
_LEAST_HITS: Final = 9
_MANY_HITS: Final = 16
_LEAST_SHADES: Final = 3.6  # entropy in bits of a face in _TONES tones
_TONES: Final = 24
_FACE_SIDE: Final = 96  # pixels to which a face is scaled for it


@dataclass(frozen=True)
class _Seen:
    """A face as the cascade saw it, in grey, and at how many neighbouring places."""

    hits: int
    face: Image.Image


class FaceFinder(Protocol):
    """Finds faces. Is used on one thread at a time."""

    def shows_face(self, picture: Image.Image) -> bool:
        """Whether a photographed face is in a picture in RGB."""
        ...


class CascadeFaces:
    """OpenCV's cascade for faces from the front."""

    def __init__(self, file: Path | None = None) -> None:
        """Load the cascade. Raises FacesUnusable."""
        try:
            import cv2  # noqa: PLC0415 (an extra)
        except ImportError:
            raise FacesUnusable(f"OpenCV is not installed: {installing('faces')}") from None
        self._cv2: Any = cv2
        if not hasattr(cv2, "CascadeClassifier"):
            raise FacesUnusable(f"OpenCV {cv2.__version__} has no cascades, install version 4: {installing('faces')}")
        file = file or Path(self._cv2.data.haarcascades) / "haarcascade_frontalface_alt.xml"
        self._cascade: Any = cv2.CascadeClassifier()
        try:
            self._cascade.load(str(file))
        except (cv2.error, SystemError):
            raise FacesUnusable(f"OpenCV cannot read {file}") from None
        if self._cascade.empty():
            raise FacesUnusable(f"OpenCV cannot read {file}")

    def shows_face(self, picture: Image.Image) -> bool:
        """Look at the picture in two sizes, and leaning: a photographed face is seen again and again."""
        seen: list[_Seen] = []
        for side, turn in _LOOKS:
            seen += self._seen(picture, side, turn)
            if sum(each.hits for each in seen) >= _MANY_HITS:
                return True
        if sum(each.hits for each in seen) < _LEAST_HITS:
            return False
        return _shades(max(seen, key=lambda each: each.hits).face) >= _LEAST_SHADES

    def _seen(self, picture: Image.Image, side: int, turn: float) -> list[_Seen]:
        """The clearest face in one look, if there is any."""
        import numpy as np  # noqa: PLC0415 (comes with OpenCV; the bot does without otherwise)

        scale = side / max(picture.size)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        grey = picture.convert("L").resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX)
        grey = grey.rotate(turn, Image.Resampling.BILINEAR)
        pixels, least = self._cv2.equalizeHist(np.asarray(grey)), (_LEAST_SIDE, _LEAST_SIDE)
        boxes, hits = self._cascade.detectMultiScale2(pixels, scaleFactor=_STEP, minNeighbors=1, minSize=least)
        if not len(hits):
            return []
        clearest = max(range(len(hits)), key=lambda each: int(hits[each]))
        left, top, width, height = map(int, boxes[clearest])
        return [_Seen(int(hits[clearest]), grey.crop((left, top, left + width, top + height)))]


def _shades(face: Image.Image) -> float:
    """How many shades a face has, as the entropy of its tones."""
    inner = face.resize((_FACE_SIDE, _FACE_SIDE), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))
    inner = ImageOps.autocontrast(inner.crop((18, 12, 78, 84)), cutoff=5)
    return inner.point([level * _TONES // 256 for level in range(256)]).entropy()


class FacesUnusable(Exception):
    """The face finder cannot be used; the message says why, and what to do."""


def installed_faces() -> FaceFinder | None:
    """The face finder of this installation; None without OpenCV. Raises FacesUnusable."""
    return CascadeFaces() if find_spec("cv2") else None
