"""The docstrings under the fields of a section. They are read from the source, and only where somebody asks for them.

Pydantic can read them too (`use_attribute_docstrings`), but does so for every section at each start of the program.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel


@cache
def comments_of(kind: type[BaseModel]) -> Mapping[str, str]:
    """The docstring under each field of a section, by the field's name; a field without one is left out."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            found |= _docstrings(each)
    return found


def _docstrings(kind: type[BaseModel]) -> dict[str, str]:
    (definition,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in pairwise(definition.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
            case _:
                pass
    return found
