"""Any request of a bot gets an error response or a result, never a crash."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from playground import default_world
from playground.errors import ApiError
from playground.message_writer import Submission
from playground.models import Message
from playground.registry import CommandRegistry, shape
from playground.rules import answers, modals
from playground.server import Playground
from playground.world import Application

scalars = st.none() | st.booleans() | st.integers(-3, 30) | st.text(max_size=5) | st.just("attachment://a.png")
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def mostly(known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Valid values, and sometimes any other."""
    return st.integers(0, 9).flatmap(lambda dice: anything if dice == 0 else known)


def objects(keys: str, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these keys, holding what belongs there or anything else."""
    return st.fixed_dictionaries(
        {}, optional={key: mostly(known[key]) if key in known else anything for key in keys.split()}
    )


KEYS = "id custom_id style label emoji url content media items file spacing accent_color min_values max_values value"
media = objects("url")
options = st.lists(objects("label value default emoji description"), max_size=3)
items = st.lists(objects("media description", media=media), max_size=3)


def of_kind(kinds: tuple[int, ...], **inside: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Components of some kinds, with keys that may be nonsense, and what belongs inside them."""
    plain = objects(KEYS + " placeholder", media=media, file=media, items=items)
    known = st.fixed_dictionaries({"type": st.sampled_from(kinds)}, optional={k: mostly(v) for k, v in inside.items()})
    return st.tuples(plain, known).map(lambda both: {**both[0], **both[1]})


control = of_kind((2, 3, 4, 5, 6, 7, 8, 19, 21, 22, 23), options=options)
text = of_kind((10,))
row = of_kind((1,), components=st.lists(control, min_size=1, max_size=3))
section = of_kind((9,), components=st.lists(text, max_size=3), accessory=control | of_kind((11,)))
simple = row | section | text | of_kind((12, 13, 14))
label = of_kind((18,), component=control)
part = simple | label | of_kind((17,), components=st.lists(simple, max_size=3))
embed = objects(
    "title description fields image footer author color",
    fields=st.lists(objects("name value"), max_size=2),
    image=media,
)
message = objects(
    "content embeds components flags allowed_mentions attachments nonce poll",
    components=st.lists(part, max_size=4),
    embeds=st.lists(embed, max_size=2),
    flags=st.sampled_from([0, 64, 32768]),
)
option = st.recursive(
    objects(
        "type name description required choices autocomplete min_value max_value",
        type=st.integers(1, 12),
        choices=st.lists(objects("name value"), max_size=2),
    ),
    lambda inner: objects("type name description options", type=st.integers(1, 3), options=st.lists(inner, max_size=3)),
    max_leaves=5,
)
command = objects(
    "type name description options default_member_permissions contexts integration_types name_localizations",
    type=st.integers(1, 4),
    options=st.lists(option, max_size=3),
)


def playground() -> Playground:
    return Playground(Application(default_world.APPLICATION_ID, "Easel", "token"), "http://127.0.0.1:1")


def check_refusal(refused: ApiError) -> None:
    assert 400 <= refused.status < 500
    assert refused.body()["code"]


@settings(max_examples=150)
@given(message, message)
def test_messages(first: dict[str, Any], second: dict[str, Any]) -> None:
    here = playground()
    posted = Message(here.world.ids.new(), default_world.ART, here.world.bot_id, here.clock.now())
    try:
        here.message_writer.create(posted, Submission(first))
        here.message_writer.edit(posted, Submission(second))
    except ApiError as refused:
        check_refusal(refused)


@settings(max_examples=150)
@given(st.lists(command, max_size=3))
def test_commands(bodies: list[dict[str, Any]]) -> None:
    here = playground()
    registry = CommandRegistry(here.world, lambda: None)
    try:
        for made in registry.replace(None, bodies):
            shape(here.world, made)
    except ApiError as refused:
        check_refusal(refused)


@settings(max_examples=150)
@given(objects("custom_id title components", components=st.lists(part, max_size=3)), objects("choices"))
def test_modals_and_choices(modal: dict[str, Any], choices: dict[str, Any]) -> None:
    for check in (lambda: modals.check(modal), lambda: answers.check_choices(choices, 3)):
        try:
            check()
        except ApiError as refused:
            check_refusal(refused)
