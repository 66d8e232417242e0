"""`/server`: a moderator sets up a server, and nobody else may; each section, forged servers, restarts."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from bot.ui.views.servers.panel import ORDER
from playground import default_world, permissions
from playground.component_shapes import walk
from playground.control import ControlError, Person
from playground.models import GuildRole
from playground.visible_message import VisibleMessage
from playground.wire import Json
from tests.discord.conftest import PATIENCE, PROMPT, Scene, menu, told
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")

CREW = "700000000000000001"
GALLERY = 12  # a component


@dataclass(frozen=True)
class Harbour:
    """A server of Linus's with the bot, and the message that the bot has posted in it."""

    scene: Scene
    id: str
    greeting: VisibleMessage
    channel: str

    @property
    def linus(self) -> Person:
        return self.scene.control.person("Linus")

    async def panel(self, section: str = "home", who: str = "Linus") -> VisibleMessage:
        """A section of the panel, in the server's channel."""
        person = self.scene.control.person(who)
        page = await (await person.slash("server", in_=self.channel)).reply(PATIENCE)
        return page if section == "home" else await chosen(person, page, "svsection", section)

    async def painted(self, **options: object) -> VisibleMessage:
        """A picture of Ada's in the server's channel."""
        return await self.scene.painted(
            await self.scene.ada.slash("imagine", in_=self.channel, prompt=PROMPT, **options)
        )

    async def refused(self, **options: object) -> str:
        """The refusal of an order of Ada's."""
        seen = await told(self.scene.ada, "imagine", in_=self.channel, prompt=PROMPT, **options)
        assert seen.ephemeral and not seen.attachments, seen.text
        return seen.text


async def chosen(person: Person, page: VisibleMessage, name: str, *values: str) -> VisibleMessage:
    """The page after a choice in one of its menus."""
    return await (await person.select(page, menu(page, name), *values)).reply(PATIENCE)


async def pressed(person: Person, page: VisibleMessage, button: str) -> VisibleMessage:
    """The page after a press, or the reply to it."""
    return await (await person.press(page, button)).reply(PATIENCE)


async def filled(person: Person, page: VisibleMessage, button: str, **values: str) -> VisibleMessage:
    """The page after its form was sent, or the error reply."""
    return await submitted(person, await person.press(page, button), values)


async def submitted(person: Person, opener: object, values: Json) -> VisibleMessage:
    await opener.modal()  # type: ignore[attr-defined]
    return await (await person.submit(opener, values)).reply(PATIENCE)  # type: ignore[arg-type]


async def server_with_bot(scene: Scene, name: str, channel: str) -> Harbour:
    """A server of Linus's with a role that Ada has; Grace is a member too."""
    made = await scene.control.new_server(name, "Linus", channel)
    scene.playground.world.guilds[made].roles[CREW] = GuildRole(CREW, "Crew", permissions.EVERYBODY, 1)
    await scene.control.set_member("Ada", guild=name, roles=["Crew"])
    await scene.control.set_member("Grace", guild=name)
    await scene.control.add_bot(name)
    greeting = await scene.control.wait_in_channel(channel, lambda seen: "Set up" in seen.buttons, PATIENCE)
    return Harbour(scene, made, greeting, channel)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def harbour(scene: Scene) -> AsyncIterator[Harbour]:
    yield await server_with_bot(scene, "Harbour", "pier")


async def test_the_button_of_the_first_message_opens_the_panel_for_who_may(harbour: Harbour) -> None:
    panel = await pressed(harbour.linus, harbour.greeting, "Set up")
    assert panel.ephemeral and "Harbour" in panel.text and "Overview" in panel.text
    assert "is missing permissions" not in panel.text
    for person in (harbour.scene.ada, harbour.scene.grace):
        refused = await pressed(person, harbour.greeting, "Set up")
        assert refused.ephemeral and "You can already try /imagine" in refused.text and not refused.selects


async def test_members_and_outsiders_find_no_panel(harbour: Harbour) -> None:
    with pytest.raises(ControlError, match="is not offered"):
        await harbour.scene.ada.slash("server", in_=harbour.channel)
    seen = await told(harbour.scene.ada, "server", in_="dm")
    assert seen.ephemeral and "only the bot's operators can" in seen.text and not seen.selects


async def test_the_panel_names_what_the_bot_lacks(harbour: Harbour) -> None:
    await harbour.scene.control.set_channel(
        harbour.channel, overwrite=default_world.APPLICATION_ID, deny=permissions.ATTACH_FILES
    )
    panel = await harbour.panel()
    await harbour.scene.control.set_channel(
        harbour.channel, overwrite=default_world.APPLICATION_ID, allow=permissions.ATTACH_FILES
    )
    assert "is missing permissions here: Attach Files" in panel.text
    assert "is missing permissions" not in (await harbour.panel()).text


async def test_a_moderator_chooses_channels_and_checkpoints(harbour: Harbour) -> None:
    linus, quay = harbour.linus, "quay"
    await harbour.scene.control.new_server("Elsewhere", "Linus", quay)  # a channel that is not this server's
    page = await harbour.panel("places")
    page = await chosen(linus, page, "svchannels", harbour.channel)
    page = await chosen(linus, page, "svmodels", f"={PASTEL}")
    page = await chosen(linus, page, "svmodel", f"={PASTEL}")
    page = await chosen(linus, page, "svkinds", "style")
    assert PASTEL in page.text and "style" in page.text and "<#" in page.text
    assert page.selects[menu(page, "svchannels")]["default_values"], "else the menu shows nothing as chosen"
    assert "cannot be used in this server" in await harbour.refused(checkpoint=VIVID)
    assert PASTEL in await harbour.refused(checkpoint=VIVID)
    page = await chosen(linus, page, "svmodels", f"={VIVID}")
    assert page.ephemeral and "cannot be the default model here" in page.text  # the default would not be allowed
    page = await harbour.panel("places")
    page = await chosen(linus, page, "svmodel", "-")
    for name in ("svmodels", "svkinds", "svchannels"):
        page = await chosen(linus, page, name)
    assert page.text.count("**all") == 3, page.text


async def test_the_servers_defaults_hold_for_who_has_not_chosen(harbour: Harbour) -> None:
    linus, ada = harbour.linus, harbour.scene.ada
    page = await chosen(linus, await harbour.panel("places"), "svmodels", f"={PASTEL}")
    page = await chosen(linus, page, "svprompts", "1")
    await told(ada, "settings", checkpoint=VIVID)
    settings = await told(ada, "settings", in_=harbour.channel)
    assert f"does not allow {VIVID}" in settings.text and "(server default)" in settings.text
    assert "operators can read the prompts" in settings.text
    suggested = await ada.autocomplete("imagine", "checkpoint", in_=harbour.channel, prompt="x")
    assert [choice["value"] for choice in suggested] == [PASTEL]
    tess = await harbour.scene.control.new_person("Tess")  # who has no studio that an earlier test has filled
    studio = await told(tess, "studio", in_=harbour.channel)
    assert [option["value"] for option in studio.selects[menu(studio, "stcheckpoint")]["options"]] == [PASTEL]
    picture = await harbour.painted()
    assert PASTEL in picture.text and PROMPT in picture.text
    await told(ada, "settings", prompts="private")
    picture = await harbour.painted()
    assert PROMPT not in picture.text
    for person, seen in ((linus, True), (harbour.scene.grace, False)):  # staff, and a member
        assert (PROMPT in (await pressed(person, picture, "Details")).text) is seen
    await told(ada, "settings", reset=True)
    page = await chosen(linus, page, "svprompts", "0")
    await chosen(linus, page, "svmodels")
    assert VIVID in (await harbour.painted()).text


async def test_settings_tell_the_limits_and_where_they_come_from(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("limits"), "svholder", "everybody")
    page = await filled(linus, page, "Daily and queue limits", pictures_per_day="1000")
    before = await told(harbour.scene.ada, "settings", in_=harbour.channel)
    await harbour.painted()
    after = await told(harbour.scene.ada, "settings", in_=harbour.channel)
    left = [int(re.findall(r"pictures per day: \*\*(\d+)\*\* of 1,000 left", seen.text)[0]) for seen in (before, after)]
    assert left[0] - left[1] == 1
    assert "staff have set this limit for everyone" in after.text and "Daily usage resets in" in after.text
    assert "operator has set this limit" in after.text
    await filled(linus, page, "Daily and queue limits", pictures_per_day="")


async def test_roles_paint_and_run_the_server(harbour: Harbour) -> None:
    linus, grace = harbour.linus, harbour.scene.grace
    page = await chosen(linus, await harbour.panel("people"), "svpaint", "Crew")
    assert f"<@&{CREW}>" in page.text
    seen = await told(grace, "imagine", in_=harbour.channel, prompt=PROMPT)
    assert seen.ephemeral and "certain roles" in seen.text
    page = await chosen(linus, page, "svpaint")
    assert "Can generate pictures: **everyone**" in page.text
    page = await chosen(linus, page, "svstaff", "Crew")
    opened = await pressed(harbour.scene.ada, harbour.greeting, "Set up")  # Ada has that role
    assert "Overview" in opened.text
    await chosen(linus, page, "svstaff")
    refused = await chosen(harbour.scene.ada, opened, "svsection", "limits")  # she has the panel, not the right
    assert refused.ephemeral and refused.id != opened.id and not refused.selects


async def test_limits_are_set_in_two_forms(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("limits"), "svholder", "everybody")
    page = await filled(linus, page, "Daily and queue limits", pictures_per_day="0", weight="0.5")
    assert "pictures per day: **0**" in page.text and "**0.5**" in page.text
    page = await filled(linus, page, "Limits on adding LoRAs", loras_per_day="3")
    assert "LoRAs added in 24 hours: **3**" in page.text
    refused = await harbour.refused()
    assert "Your daily picture limit is 0" in refused and "limit for everyone" in refused
    for wrong, words in (
        ("many", "“many” is not a number. For “priority in the queue”, enter a number"),
        ("1,5", "Use a decimal point, not a comma"),
        ("-1", "must be between"),
        ("0", "must be between"),
        ("10000", "operator has set"),
    ):
        error = await filled(linus, page, "Daily and queue limits", weight=wrong, pictures_per_day="17")
        assert error.ephemeral and words in error.text and error.id != page.id
        assert "You wrote:" in error.text and "pictures per day: 17" in error.text, "it is not lost"
        assert "seconds between" not in error.text, "nobody wrote that"
    error = await filled(linus, page, "Daily and queue limits", pictures_per_day="1.5")
    assert "“pictures per day” must be a whole number" in error.text
    page = await filled(linus, page, "Daily and queue limits", pictures_per_day="", weight="")
    page = await filled(linus, page, "Limits on adding LoRAs", loras_per_day="")
    assert "pictures per day: **not set**" in page.text and "in 24 hours: **not set**" in page.text


async def test_two_of_staff_change_limits_at_the_same_time(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("limits"), "svholder", "everybody")
    one, other = [await linus.press(page, "Daily and queue limits") for _ in range(2)]
    await submitted(linus, one, {"pictures_per_day": "12"})
    page = await submitted(linus, other, {"weight": "2"})
    assert "pictures per day: **12**" in page.text, "what the second did not touch stays"
    page = await filled(linus, page, "Daily and queue limits", pictures_per_day="", weight="")
    assert "pictures per day: **not set**" in page.text


async def test_a_large_limit_stands_in_its_form_as_it_was_set(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("limits"), "svholder", "server")
    await filled(linus, page, "Daily and queue limits", pictures_per_day="1234567")
    form = await linus.press(page, "Daily and queue limits")
    assert '"1234567"' in json.dumps(await form.modal())
    page = await submitted(linus, form, {"pictures_per_day": ""})
    assert "pictures per day: **not set**" in page.text


async def test_roles_people_and_newcomers_have_limits_of_their_own(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("limits"), "svlimitrole", "Crew")
    await filled(linus, page, "Daily and queue limits", pictures_per_day="1")
    assert "The limit comes from the role Crew" in await harbour.refused(count=2)
    page = await chosen(linus, await harbour.panel("limits"), "svlimitwho", "Ada")
    page = await filled(linus, page, "Daily and queue limits", pictures_per_day="0")
    assert "staff have set this limit for you" in await harbour.refused()
    page = await pressed(linus, page, "All limits")
    assert "Crew" in page.text and f"<@{default_world.ADA}>" in page.text
    assert "Limits set: 2" in (await harbour.panel()).text
    page = await chosen(linus, page, "svholder", "newcomers")
    page = await filled(linus, page, "New member period", hours="48")
    assert "after they join: **48**" in page.text
    error = await filled(linus, page, "New member period", hours="9999999")
    assert "from 0 to" in error.text
    for name, who in (("svlimitrole", "Crew"), ("svlimitwho", "Ada")):
        page = await chosen(linus, await harbour.panel("limits"), name, who)
        await filled(linus, page, "Daily and queue limits", pictures_per_day="")
    assert "No limits are set" in (await harbour.panel("limits")).text


async def test_the_whole_server_has_quotas_alone(harbour: Harbour) -> None:
    page = await chosen(harbour.linus, await harbour.panel("limits"), "svholder", "server")
    assert "Limits on adding LoRAs" not in page.buttons and "queued requests" not in page.text
    opener = await harbour.linus.press(page, "Daily and queue limits")
    assert len((await opener.modal())["components"]) == 3, "pictures, megapixel-steps, and LoRAs to add"


async def test_a_person_is_blocked_and_unblocked(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await harbour.panel("blocks")
    opener = await linus.select(page, menu(page, "svblockwho"), "Ada")
    error = await submitted(linus, opener, {"reason": "spam", "end": "Soon"})
    assert "“Soon” is neither a duration nor a date." in error.text and "Reason: spam" in error.text
    opener = await linus.select(page, menu(page, "svblockwho"), "Ada")
    page = await submitted(linus, opener, {"reason": "too much *spam*.", "end": "3 d"})
    assert f"<@{default_world.ADA}>" in page.text and "until <t:" in page.text and "\\*spam\\*" in page.text
    refused = await harbour.refused()
    assert "staff have blocked you" in refused and "spam" in refused and ".”." not in refused
    assert "The block ends on <t:" in refused, "as on the page"
    page = await pressed(linus, page, "Unblock")
    assert "No users are blocked" in page.text
    page = await filled(linus, page, "Block a user by ID", user=default_world.ADA, reason="left and came back", end="")
    assert "no time limit" in page.text
    await pressed(linus, page, "Unblock")


async def test_a_page_of_the_longest_reasons_fits_into_a_message(harbour: Harbour) -> None:
    linus, page = harbour.linus, await harbour.panel("blocks")
    for number in range(7):
        page = await filled(linus, page, "Block a user by ID", user=str(number + 10), reason="*_`~|" * 100)
    assert page.text.count("no time limit") == 6 and "Next" in page.buttons
    page = await pressed(linus, page, "Next")
    assert page.text.count("no time limit") == 1
    page = await pressed(linus, page, "Back")
    for _number in range(7):
        page = await pressed(linus, page, "Unblock")
    assert "No users are blocked" in page.text


async def test_a_lora_is_blocked_by_name_and_on_its_page(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await pressed(linus, await harbour.panel("blocks"), "Blocked LoRAs")
    error = await filled(linus, page, "Block a LoRA", name="Batt", reason="too dark")
    assert error.ephemeral and "Bat" in error.text and error.id != page.id
    page = await filled(linus, page, "Block a LoRA", name="Bat", reason="too dark", end="2099-01-31")
    assert "**Bat**" in page.text and "too dark" in page.text
    assert "blocked Bat" in await harbour.refused(lora1="Bat")
    page = await pressed(linus, page, "Unblock")
    assert "No LoRAs are blocked" in page.text
    lora = await told(linus, "lora info", in_=harbour.channel, name="Bat")
    assert {"Block LoRA here", "Propose base model"} <= set(lora.buttons)
    done = await filled(linus, lora, "Block LoRA here", reason="too dark")
    assert done.ephemeral and "Bat is blocked" in done.text
    page = await pressed(linus, await harbour.panel("blocks"), "Blocked LoRAs")
    await pressed(linus, page, "Unblock")
    ordinary = await told(harbour.scene.ada, "lora info", in_=harbour.channel, name="Bat")
    assert not {"Block LoRA here", "Propose base model", "Declare base model"} & set(ordinary.buttons)


async def test_staff_propose_a_base_model_and_an_operator_rejects_it(harbour: Harbour) -> None:
    linus, margaret = harbour.linus, harbour.scene.control.person("Margaret")
    lora = await told(linus, "lora info", in_=harbour.channel, name="Riddle")
    opener = await linus.press(lora, "Propose base model")
    base = (await opener.modal())["components"][1]["component"]["options"][0]["value"]
    thanks = await submitted(
        linus, opener, {"base": [base], "prediction": ["v_prediction"], "reason": "its author says so"}
    )
    assert thanks.ephemeral and "operators will decide" in thanks.text
    options = (await harbour.panel()).selects
    assert "proposals" not in str(options), "staff decide nothing"
    panel = await told(margaret, "server", in_="dm")
    page = await chosen(margaret, panel, "svsection", "proposals")
    assert "**riddle**" in page.text and "its author says so" in page.text and "Harbour" in page.text
    assert "Prediction type: v-prediction" in page.text
    await margaret.press(page, "Reject")
    await harbour.scene.control.wait_message(page.id, lambda seen: "No open proposals" in seen.text, PATIENCE)


async def test_an_operator_runs_every_server_from_a_direct_message(harbour: Harbour) -> None:
    margaret = harbour.scene.control.person("Margaret")
    panel = await told(margaret, "server", in_="dm")
    assert "All servers" in panel.text
    panel = await chosen(margaret, panel, "svserver", harbour.id)
    assert "Harbour" in panel.text
    page = await chosen(margaret, panel, "svsection", "people")
    page = await chosen(margaret, page, "svstaff", CREW)
    assert f"<@&{CREW}>" in page.text
    page = await chosen(margaret, page, "svstaff")
    page = await chosen(margaret, page, "svsection", "blocks")
    assert "No users are blocked" in page.text


async def test_what_everybody_sees_speaks_the_servers_language(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("places"), "svlanguage", "=ja")
    assert "日本語" in page.text
    sent = await harbour.scene.ada.slash("imagine", in_=harbour.channel, prompt=PROMPT)
    first = await sent.reply(PATIENCE)
    ended = await harbour.scene.control.wait_message(first.id, lambda seen: bool(seen.attachments), PATIENCE)
    assert "Again" not in ended.buttons and ended.buttons
    private = await told(harbour.scene.ada, "settings", in_=harbour.channel)
    assert "Your settings" in private.text
    page = await chosen(linus, page, "svlanguage", "-")
    assert "Again" in (await harbour.painted()).buttons


async def test_staff_choose_what_open_channels_show(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("ratings"), "svopen", "general")
    page = await chosen(linus, page, "svunrated", "mature")
    assert "up to: **general**" in page.text and "counts as: **mature**" in page.text
    assert "so it counts as mature here. The highest rating allowed here is general" in await harbour.refused()
    page = await chosen(linus, page, "svunrated", "general")
    await chosen(linus, page, "svopen", "teen")
    await harbour.painted()


async def test_the_audit_log_is_read_filtered_and_exported(harbour: Harbour) -> None:
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("places"), "svprompts", "1")
    page = await chosen(linus, page, "svprompts", "0")
    page = await chosen(linus, page, "svsection", "audit")
    assert "prompts shown by default: yes → no" in page.text and f"<@{default_world.LINUS}>" in page.text
    page = await chosen(linus, page, "svaction", "unblock_person")
    assert "change settings" not in page.text and "unblock member" in page.text
    page = await chosen(linus, page, "svauditwho", "Grace")
    assert "No matching entries" in page.text
    page = await chosen(linus, page, "svauditwho")
    page = await chosen(linus, page, "svaction")
    older = await pressed(linus, page, "Next")
    assert older.text != page.text and "Newest" in older.buttons
    sent = await linus.press(older, "Export as JSON")
    await sent.answered(PATIENCE)
    seen = await harbour.scene.control.wait_in_channel(
        harbour.channel,
        lambda seen: bool(seen.attachments) and seen.attachments[0]["filename"] == "audit-log.json",
        PATIENCE,
    )
    assert seen.ephemeral and "audit log entries" in seen.text
    async with aiohttp.ClientSession() as session, session.get(seen.attachments[0]["url"]) as response:
        rows = json.loads(await response.read())
    assert len(rows) > 10 and {"change_settings", "block_person"} <= {row["action"] for row in rows}


@pytest.mark.parametrize("section", ORDER)
async def test_a_forged_id_of_another_server_opens_nothing(harbour: Harbour, section: str) -> None:
    scene, linus = harbour.scene, harbour.linus
    page = await harbour.panel()
    for server in (default_world.WORKSHOP, "0", "9" * 19):
        message = scene.playground.world.messages[page.id]
        item = next(part for part in walk(message.components) if str(part.get("custom_id")).startswith("svsection"))
        before, item["custom_id"] = item["custom_id"], f"svsection:home:0:{server}."
        if all(option["value"] != section for option in item["options"]):
            item["options"] = [{"label": section, "value": section}]
        answer = await (await linus.select(page, item["custom_id"], section)).reply(PATIENCE)
        item["custom_id"] = before
        assert answer.ephemeral and answer.id != page.id and not answer.selects, answer.text
        assert "went wrong" not in answer.text


FORGED = (
    "svunblock:blocks:0:{s}.person:5", "svchannels:places:0:{s}.", "svstaff:people:0:{s}.", "svmodels:places:0:{s}.",
    "svquotas:limits:0:{s}.everybody", "svblockid:blocks:0:{s}.", "svblockthis:{s}:1", "svjson:audit:0:{s}.",
    "svconfirm:proposals:0:{s}.:1", "svnewtime:limits:0:{s}.newcomers", "svsetup:{s}", "pg:audit:1:{s}.", "propose:1",
)  # fmt: skip


@pytest.mark.parametrize("forged", FORGED)
async def test_a_member_with_forged_ids_changes_nothing(harbour: Harbour, forged: str) -> None:
    scene, grace = harbour.scene, harbour.scene.grace
    page = await told(grace, "settings", in_=harbour.channel)
    for server in (harbour.id, default_world.TEA_ROOM):
        message = scene.playground.world.messages[page.id]
        button = next(part for part in walk(message.components) if part["type"] == 2)
        button["custom_id"] = forged.format(s=server)
        answer = await (await grace.press(page, button["custom_id"])).reply(PATIENCE)
        assert answer.ephemeral and answer.id != page.id and not answer.selects, answer.text
        assert "went wrong" not in answer.text


@pytest.mark.asyncio(loop_scope="function")
async def test_the_panel_is_greeted_once_and_lives_after_a_restart(empty: Scene) -> None:
    async with empty.bot():
        harbour = await server_with_bot(empty, "Harbour", "pier")
        page = await harbour.panel("places")
    async with empty.bot():
        page = await chosen(harbour.linus, page, "svmodels", f"={PASTEL}")
        assert PASTEL in page.text
        assert "Overview" in (await pressed(harbour.linus, harbour.greeting, "Set up")).text
        await empty.control.remove_bot("Harbour")
        await empty.control.add_bot("Harbour")
        page = await harbour.panel("places")
        assert PASTEL in page.text, "what was set is kept"
        greetings = [seen for seen in await empty.control.messages("pier") if "Set up" in seen.buttons]
        assert len(greetings) == 1


async def test_a_moderator_keeps_a_list_of_words(harbour: Harbour) -> None:
    """A bad line is named and nothing saved; a list refuses at once, or counts, and is gone when it is deleted."""
    linus, scene = harbour.linus, harbour.scene
    page = await harbour.panel("words")
    refused = await filled(linus, page, "Add list", name="House", words="zorble\nf*g")
    assert "Line 2 of *Words* cannot be used" in refused.text and "only at the start or the end" in refused.text
    refused = await filled(linus, page, "Add list", name="House", patterns="\nfog(?=horn)")
    assert "Line 2 of *Patterns* cannot be used" in refused.text and "make matching too slow" in refused.text
    again = await linus.press(refused, "Correct entries")
    form = str(await again.modal())
    assert "House" in form and "fog(?=horn)" in form, "what was typed is not lost"
    corrected = {"name": "House", "words": "zorble\nf*g", "patterns": "", "exceptions": "äh"}
    refused = await (await linus.submit(again, corrected)).reply(PATIENCE)
    assert "Line 2 of *Words*" in refused.text and len(refused.attachments) == 1
    again = await linus.press(refused, "Correct entries")
    form = str(await again.modal())
    assert "zorble\\nf*g" in form and "äh" in form
    corrected = {"name": "House", "words": "zorble\nred circ*", "patterns": "qu+x"}
    page = await (await linus.submit(again, corrected)).reply(PATIENCE)
    assert "House" in page.text and "2 words" in page.text and "1 pattern" in page.text
    assert "words that are not allowed here. The words are on this server's list “House”" in await harbour.refused()
    note = await told(scene.ada, "bookmarks", in_=harbour.channel, add="Bat", note="a quuux")
    assert "This note contains words that are not allowed here" in note.text
    assert "not allowed" not in (await told(scene.ada, "bookmarks", add="Bat", note="a quuux")).text
    page = await chosen(linus, page, "svwordmode", "shadow")
    await harbour.painted()
    page = await harbour.panel("words")
    assert "would have refused 1 text" in page.text
    page = await pressed(linus, page, "Open")
    page = await chosen(linus, page, "svwordneg", "True")
    assert "also checks negative prompts" in page.text
    refused = await filled(linus, page, "Edit", name="House", words="f*g", patterns="")
    again = await linus.press(refused, "Correct entries")
    assert "f*g" in str(await again.modal())
    corrected = {"name": "House", "words": "zorble", "patterns": ""}
    page = await (await linus.submit(again, corrected)).reply(PATIENCE)
    assert page.text.count("House") == 1, "the list is changed, and none is added"
    assert "1 word" in page.text and "red circ" not in page.text
    page = await chosen(linus, page, "svwordforms", "True")
    assert "also matches plurals and typing mistakes" in page.text
    page = await chosen(linus, page, "svwordmode", "active")
    seen = await told(scene.ada, "imagine", in_=harbour.channel, prompt="two zorbles")
    assert "on this server's list “House”" in seen.text
    page = await chosen(linus, page, "svwordforms", "False")
    log = (await harbour.panel("audit")).text
    assert "add word list" in log and "change word list" in log and "House" in log
    question = await pressed(linus, page, "Delete")
    assert "Easel will delete the list **House**" in question.text and list(question.buttons) == [
        "Delete list",
        "Keep list",
    ]
    page = await pressed(linus, question, "Keep list")
    assert "House" in page.text and "Edit" in page.buttons
    page = await pressed(linus, await pressed(linus, page, "Delete"), "Delete list")
    assert "No lists yet" in page.text
    await harbour.painted()


async def test_who_manages_a_server_imports_the_words_of_its_automod(harbour: Harbour) -> None:
    """Easel asks for the permission that it lacks, shows what it would keep, and keeps that when it is told to."""
    linus, control = harbour.linus, harbour.scene.control
    rule = {"name": "Blocked", "keyword_filter": ["red circ*", "*quux*"], "regex_patterns": ["zor+ble", "a(?=b)"]}
    preset = {"name": "Discord's own", "trigger_type": 4, "presets": [1, 3]}
    profile = {"name": "Names", "trigger_type": 6, "keyword_filter": ["florp"], "allow_list": ["florp tree"]}
    await linus.set_automod(rule, preset, profile, {"name": "Spam", "trigger_type": 3}, guild="Harbour")
    page = await harbour.panel("words")
    refused = await pressed(linus, page, "Import AutoMod words")
    assert refused.ephemeral and "only with the permission *Manage Server*" in refused.text
    harbour.scene.playground.world.guilds[harbour.id].roles["700000000000000002"] = GuildRole(
        "700000000000000002", "Reader", permissions.EVERYBODY | permissions.MANAGE_GUILD, 2
    )
    await control.post("role", {"guild": "Harbour", "role": "Reader"})
    await control.set_member(default_world.APPLICATION_ID, guild="Harbour", roles=["Reader"])
    page = await pressed(linus, page, "Import AutoMod words")
    assert "Lists to import from AutoMod: 2. Words: 3. Patterns: 1" in page.text
    assert "Discord's own" in page.text and "`a(?=b)`: the pattern uses lookahead" in page.text
    await harbour.painted()
    page = await pressed(linus, page, "Import")
    assert "Blocked" in page.text and "Names" in page.text
    assert "on this server's list “Blocked”" in await harbour.refused()
    page = await pressed(linus, page, "Open")
    assert "imported from AutoMod" in page.text and "Edit" not in page.buttons
    await linus.set_automod(profile, guild="Harbour")
    page = await pressed(linus, await harbour.panel("words"), "Import AutoMod words")
    page = await pressed(linus, page, "Import")
    assert "Blocked" not in page.text
    await harbour.painted()
    await linus.set_automod(guild="Harbour")
    page = await pressed(linus, await harbour.panel("words"), "Import AutoMod words")
    page = await pressed(linus, page, "Import")
    assert "No lists yet" in page.text
    await control.set_member(default_world.APPLICATION_ID, guild="Harbour", roles=[])


async def test_pictures_are_spoilers_where_staff_say_so(harbour: Harbour) -> None:
    """Results, previews, sheets, threads by their channel, and what the history opens there; nowhere else."""
    linus, scene = harbour.linus, harbour.scene
    await harbour.painted()

    def hidden(seen: VisibleMessage) -> list[bool]:
        galleries = [part for part in walk(seen.components) if part["type"] == GALLERY]
        return [item["spoiler"] for gallery in galleries for item in gallery["items"]]

    page = await chosen(linus, await harbour.panel("places"), "svspoilers", harbour.channel)
    assert "Spoiler channels (pictures stay hidden until clicked): **<#" in page.text
    assert hidden(await harbour.painted(count=2)) == [True, True]
    thread = await scene.ada.open_thread(harbour.channel, "Below the pier")
    order = await scene.ada.slash("imagine", in_=thread, prompt=PROMPT)
    assert hidden(await scene.painted(order)) == [True]
    order = await told(scene.ada, "imagine", in_=harbour.channel, prompt=PROMPT, steps=150)
    previewed = await scene.control.wait_message(order.id, lambda seen: bool(hidden(seen)), PATIENCE)
    assert hidden(previewed) == [True]
    await told(scene.ada, "cancel", in_=harbour.channel)
    history = await told(scene.ada, "history", in_=harbour.channel)
    assert hidden(await pressed(scene.ada, history, "Open")) in ([True], [True, True])
    assert hidden(await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))) == [False]
    page = await chosen(linus, await harbour.panel("places"), "svspoilers")
    assert "Spoiler channels (pictures stay hidden until clicked): **none**" in page.text
    assert hidden(await harbour.painted()) == [False]
