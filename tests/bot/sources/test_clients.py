"""What both hubs say of models, read by the real clients; and what they say when something is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.sources.downloads.files import Download, WantedFile
from bot.sources.errors import (
    AnswerUnreadable,
    Gone,
    HostNotAllowed,
    KeyRejected,
    LoginNeeded,
    NoAccess,
    NoLink,
    NoSafetensors,
    PrivateAddress,
    SourceBroken,
    SourceError,
    SourceUnreachable,
    TooManyQuestions,
)
from bot.sources.hubs.civitai import Civitai
from bot.sources.hubs.http import MAX_ANSWER_BYTES, SourceHttp
from bot.sources.hubs.hub import HuggingFace
from bot.sources.hubs.links import CivitaiLink, HubLink
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from tests.bot.sources.adding import PATIENCE
from tests.bot.sources.hubs import (
    COMMIT,
    Hubs,
    content,
    drip,
    endless,
    json_of,
    redirect,
    running_hubs,
    sha256,
    silent,
    status,
)

DATA = b"weights" * 100


@pytest.fixture
def civitai(hubs: Hubs, http: SourceHttp) -> Civitai:
    return Civitai(http, lambda: hubs.settings)


@pytest.fixture
def hugging_face(hubs: Hubs, http: SourceHttp) -> HuggingFace:
    return HuggingFace(http, lambda: hubs.settings)


async def test_a_model_is_told_with_its_versions_files_words_and_terms(hubs: Hubs, civitai: Civitai) -> None:
    model_id = hubs.add_model(
        "Komori <@1>\n Met", description="<p>About <b>Komori</b></p>", poi=True, minor=True, nsfwLevel=4
    )
    old = hubs.add_version(model_id, b"old", "Pony")
    new = hubs.add_version(model_id, DATA, "Illustrious", nsfwLevel=6)
    told = await civitai.model(CivitaiLink(model_id))
    assert [(v.version_id, v.version, v.base_model) for v in told.versions] == [
        (new, "v2", "Illustrious"),
        (old, "v1", "Pony"),
    ]
    version = told.versions[0]
    assert (version.name, version.kind, version.creator) == ("Komori <@1> Met", "LORA", "maker")
    assert version.trigger_words == ("komori", "blue dress, hat")
    assert (version.rating, version.minor, version.real_person) == (ContentRating.MATURE, True, True)
    assert (version.category, version.description) == (Category.CHARACTER, "About Komori")
    assert (version.terms.credit, version.terms.selling_pictures, version.terms.merging) == (True, True, True)
    assert version.page == f"https://civitai.com/models/{model_id}?modelVersionId={new}"
    assert version.file is not None
    assert (version.file.size, version.file.sha256) == (len(DATA), sha256(DATA))
    assert version.preview_rating is ContentRating.GENERAL


async def test_a_version_by_its_id_or_hash_is_told_with_what_its_model_says(hubs: Hubs, civitai: Civitai) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    for told in (
        await civitai.model(CivitaiLink(version_id=version_id)),
        await civitai.by_hash(sha256(DATA)),
        await civitai.by_hash(sha256(DATA)[:10]),
    ):
        (version,) = told.versions
        assert (version.version_id, version.category, version.terms.credit) == (version_id, Category.CHARACTER, True)


@pytest.mark.parametrize("hash_", [sha256(b"pruned"), sha256(b"pruned")[:10], "ab" * 6])
async def test_a_hash_means_the_very_file_that_has_it(hubs: Hubs, civitai: Civitai, hash_: str) -> None:
    hubs.add_lora("Komori", DATA)
    ((version,),) = (model["modelVersions"] for model in hubs.models.values())
    hashes = {"SHA256": sha256(b"pruned").upper(), "AutoV2": sha256(b"pruned")[:10].upper(), "AutoV3": "AB" * 6}
    version["files"].append({**version["files"][0], "primary": False, "name": "small.safetensors", "hashes": hashes})
    file = (await civitai.by_hash(hash_)).versions[0].file
    assert file is not None
    assert (file.name, file.sha256) == ("small.safetensors", sha256(b"pruned"))
    file = (await civitai.by_hash(sha256(DATA))).versions[0].file
    assert file is not None
    assert file.sha256 == sha256(DATA)


async def test_a_version_without_the_file_that_was_asked_for_is_no_answer(hubs: Hubs, civitai: Civitai) -> None:
    hubs.add_lora("Komori", DATA)
    (model,) = hubs.models.values()
    hubs.fault(f"/api/v1/model-versions/by-hash/{'ab' * 32}", json_of({**model["modelVersions"][0], "modelId": 1000}))
    with pytest.raises(AnswerUnreadable):
        await civitai.by_hash("ab" * 32)


async def test_hashes_are_asked_in_one_question(hubs: Hubs, civitai: Civitai) -> None:
    hubs.add_lora("One", b"one", "Pony")
    hubs.add_lora("Two", b"two", "NoobAI")
    found = await civitai.with_hashes([sha256(b"one"), sha256(b"two"), sha256(b"three")])
    assert {hash_: version.base_model for hash_, version in found} == {
        sha256(b"one"): "Pony",
        sha256(b"two"): "NoobAI",
    }
    assert len(hubs.asked) == 1


async def test_both_sites_are_asked_about_hashes_and_each_page_is_told_once(hubs: Hubs, http: SourceHttp) -> None:
    other = hubs.url.replace("127.0.0.1", "localhost")
    settings = hubs.settings.model_copy(update={"civitai_endpoint": other})
    http._settings = lambda: settings
    first, second = (hubs.add_lora(name, DATA, base) for name, base in (("One", "Pony"), ("Two", "NoobAI")))
    shown = {**hubs.models[1000]["modelVersions"][0], "model": {"name": "One", "type": "LORA"}}
    hubs.fault("/api/v1/model-versions/by-hash", json_of([shown]), hubs.usual)  # the first leaves one out
    found = await Civitai(http, lambda: settings).with_hashes([sha256(DATA)])
    assert [(version.version_id, version.base_model) for _, version in found] == [(first, "Pony"), (second, "NoobAI")]
    hosts = [asked.headers["Host"].partition(":")[0] for asked in hubs.asked]
    assert hosts == ["localhost", "127.0.0.1"]


async def test_what_one_site_does_not_have_the_other_is_asked_for(hubs: Hubs, http: SourceHttp) -> None:
    other = hubs.url.replace("127.0.0.1", "localhost")  # another origin with the same server behind it
    settings = hubs.settings.model_copy(update={"civitai_endpoint": other})
    http._settings = lambda: settings
    version_id = hubs.add_lora("Komori", DATA)
    model_id = next(iter(hubs.models))
    hubs.fault(f"/api/v1/models/{model_id}", status(404), hubs.usual)
    told = await Civitai(http, lambda: settings).model(CivitaiLink(model_id, version_id))
    assert told.versions[0].version_id == version_id
    hosts = [asked.headers["Host"].partition(":")[0] for asked in hubs.asked]
    assert hosts == ["localhost", "127.0.0.1"]


@pytest.mark.parametrize("broken", [{}, {"id": 1, "modelVersions": "x"}, {"id": 1, "modelVersions": [{"id": "x"}]}, []])
async def test_an_answer_of_another_form_is_told(hubs: Hubs, civitai: Civitai, broken: object) -> None:
    hubs.fault("/api/v1/models/1", status(200, broken))  # pyright: ignore[reportArgumentType]
    with pytest.raises(SourceError):
        await civitai.model(CivitaiLink(1))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(401), LoginNeeded), (status(404), Gone), (status(500), SourceBroken),
        (status(429, None, **{"Retry-After": "600"}), TooManyQuestions),
        (content(b"<html>", "text/html"), AnswerUnreadable),
        (content(b"[" * 10**5, "application/json"), AnswerUnreadable),
        (content(b" " * (MAX_ANSWER_BYTES + 1), "application/json"), AnswerUnreadable),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told(hubs: Hubs, civitai: Civitai, answer: object, error: type[SourceError]) -> None:
    hubs.fault("/api/v1/models/1", answer)  # pyright: ignore[reportArgumentType]
    with pytest.raises(error):
        await civitai.model(CivitaiLink(1))


async def test_trouble_that_passes_is_waited_for(hubs: Hubs, civitai: Civitai) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    (model_id,) = hubs.models
    hubs.fault(f"/api/v1/models/{model_id}", status(503), status(429, None, **{"Retry-After": "0"}), hubs.usual)
    told = await civitai.model(CivitaiLink(model_id))
    assert told.versions[0].version_id == version_id
    assert len(hubs.asked) == 3


async def test_nobody_there_is_told() -> None:
    settings = Hubs(url="http://127.0.0.1:9").settings
    client = SourceHttp(lambda: settings, waits=(0.01,))
    with pytest.raises(SourceUnreachable):
        await Civitai(client, lambda: settings).model(CivitaiLink(1))
    with pytest.raises(SourceUnreachable):
        await HuggingFace(client, lambda: settings).model(HubLink("a/b"))
    await client.close()


async def test_an_answer_that_does_not_come_in_time_is_asked_for_again_and_then_told(hubs: Hubs) -> None:
    client = SourceHttp(lambda: hubs.settings, waits=(0.01,), answer_seconds=0.3)
    hubs.fault("/slow", silent())
    with pytest.raises(SourceUnreachable):
        await client.get_json(f"{hubs.url}/slow")
    with pytest.raises(SourceUnreachable):
        await client.get_bytes(f"{hubs.url}/slow", 100)
    assert len(hubs.requests("/slow")) == 4
    await client.close()
    client = SourceHttp(lambda: hubs.settings, waits=(0.01,) * 100, answer_seconds=4.0)  # one of them comes in time
    hubs.fault("/slow", silent(), status(200, {"a": 1}))
    assert await client.get_json(f"{hubs.url}/slow") == {"a": 1}
    await client.close()


async def test_an_answer_that_drips_ends_once_and_for_all(hubs: Hubs) -> None:
    client = SourceHttp(lambda: hubs.settings, waits=(0.01,) * 100, answer_seconds=0.4)
    hubs.fault("/drips", drip(b"[" + b" " * 2**20))
    with pytest.raises(SourceUnreachable):
        await client.get_json(f"{hubs.url}/drips")
    assert len(hubs.requests("/drips")) == 1, "another attempt would take as long again"
    await client.close()


async def test_what_passes_is_told_when_the_time_of_an_answer_is_over(hubs: Hubs) -> None:
    client = SourceHttp(lambda: hubs.settings, waits=(0.2,) * 100, answer_seconds=0.5)
    hubs.fault("/broken", status(503))
    with pytest.raises(SourceBroken):
        await client.get_json(f"{hubs.url}/broken")
    assert len(hubs.requests("/broken")) <= 3
    await client.close()


async def test_the_key_goes_to_its_hub_and_stays_behind_when_it_redirects_elsewhere(
    hubs: Hubs, http: SourceHttp
) -> None:
    other = hubs.url.replace("127.0.0.1", "localhost")
    keys = {"civitai_key": SecretStr("secret"), "huggingface_token": SecretStr("hf_x"), "huggingface_endpoint": other}
    settings = hubs.settings.model_copy(update=keys)
    http._settings = lambda: settings
    hubs.fault("/api/v1/models/1", redirect(f"{other}/api/v1/models/2"))
    hubs.fault("/api/v1/models/2", redirect(f"{hubs.url}/api/v1/models/3"))
    with pytest.raises(Gone):
        await Civitai(http, lambda: settings).model(CivitaiLink(1))
    sent = [asked.headers.get("Authorization") for asked in hubs.asked]
    assert sent[:3] == ["Bearer secret", None, None]


async def test_a_key_that_is_not_accepted_is_told(hubs: Hubs, http: SourceHttp) -> None:
    settings = hubs.settings.model_copy(update={"civitai_key": SecretStr("old")})
    http._settings = lambda: settings
    hubs.fault("/api/v1/models/1", status(401))
    with pytest.raises(KeyRejected):
        await Civitai(http, lambda: settings).model(CivitaiLink(1))


async def test_a_repository_is_told_pinned_to_its_commit(hubs: Hubs, hugging_face: HuggingFace) -> None:
    files = {"komori.safetensors": DATA, "readme.md": b"x", "unet/diffusion_pytorch_model.safetensors": b"y"}
    card = {
        "base_model": "OnomaAIResearch/Illustrious-xl-early-release-v0",
        "license": "mit",
        "instance_prompt": "komori",
    }
    hubs.add_repository("maker/komori-style", files, **card)
    told = await hugging_face.model(HubLink("maker/komori-style"))
    (version,) = told.versions
    assert (version.name, version.version, version.revision) == ("komori-style", "komori", COMMIT)
    assert (version.base_model, version.terms.licence) == (card["base_model"], "mit")
    assert (version.trigger_words, version.category) == (("komori",), Category.STYLE)
    assert version.file is not None
    assert version.file.url == f"{hubs.url}/maker/komori-style/resolve/{COMMIT}/komori.safetensors"
    assert (version.file.sha256, version.file.size) == (sha256(DATA), len(DATA))
    assert all(not asked.path.endswith(".safetensors") for asked in hubs.asked)


async def test_two_claims_of_a_base_model_are_none(hubs: Hubs, hugging_face: HuggingFace) -> None:
    hubs.add_repository("maker/x", {"a.safetensors": b"a", "b.safetensors": b"b"}, base_model=["one/a", "two/b"])
    told = await hugging_face.model(HubLink("maker/x"))
    assert [(version.version, version.base_model) for version in told.versions] == [("a", None), ("b", None)]


@pytest.mark.parametrize(
    ("link", "error"),
    [
        (HubLink("maker/none"), Gone), (HubLink("maker/gated"), LoginNeeded),
        (HubLink("maker/full", "unet/none.safetensors"), Gone), (HubLink("maker/full", "model.ckpt"), NoSafetensors),
        (HubLink("maker/full"), NoSafetensors),
    ],
)  # fmt: skip
async def test_what_a_repository_does_not_give_is_told(
    hubs: Hubs, hugging_face: HuggingFace, link: HubLink, error: type[SourceError]
) -> None:
    hubs.add_repository("maker/gated", {})
    hubs.repositories["maker/gated"]["gated"] = "manual"
    hubs.add_repository("maker/full", {"model.ckpt": b"x", "unet/diffusion_pytorch_model.safetensors": b"y"})
    with pytest.raises(error):
        await hugging_face.model(link)


@pytest.mark.parametrize(("code", "error"), [(500, SourceBroken), (429, TooManyQuestions), (404, Gone)])
async def test_trouble_of_hugging_face_is_told(
    hubs: Hubs, hugging_face: HuggingFace, code: int, error: type[SourceError]
) -> None:
    hubs.fault("/api/models/maker/x", status(code))
    with pytest.raises(error):
        await hugging_face.model(HubLink("maker/x"))


async def test_a_repository_that_drips_is_given_up_and_holds_no_thread(hubs: Hubs) -> None:
    client = SourceHttp(lambda: hubs.settings, waits=(0.01,), answer_seconds=0.3)
    hubs.fault("/api/models/maker/x", drip(b" " * 20 * int(PATIENCE)))  # for so many seconds
    asking = HuggingFace(client, lambda: hubs.settings)
    questions = [asyncio.create_task(asking.model(HubLink("maker/x"))) for _ in range(8)]
    async with asyncio.timeout(PATIENCE / 2):
        await asyncio.to_thread(int)
        told = await asyncio.gather(*questions, return_exceptions=True)
    assert {type(each) for each in told} == {SourceUnreachable}
    await client.close()


async def test_redirects_of_hugging_face_are_checked(hubs: Hubs, hugging_face: HuggingFace) -> None:
    async with running_hubs() as other:
        other.add_repository("maker/x", {"a.safetensors": DATA})
        for host, error in (("127.0.0.1", PrivateAddress), ("localhost", HostNotAllowed)):
            there = other.url.replace("127.0.0.1", host)
            hubs.fault("/api/models/maker/x", redirect(f"{there}/api/models/maker/x"))
            with pytest.raises(error):
                await hugging_face.model(HubLink("maker/x"))
        assert not other.asked


async def test_a_repository_that_was_renamed_is_found(hubs: Hubs, hugging_face: HuggingFace) -> None:
    hubs.add_repository("maker/new", {"a.safetensors": DATA})
    hubs.fault("/api/models/maker/old", redirect("/api/models/maker/new?blobs=true"))
    told = await hugging_face.model(HubLink("maker/old"))
    assert told.versions[0].page == "https://huggingface.co/maker/new"


@pytest.mark.parametrize(
    "said",
    [
        {"id": 5}, {"id": "../../x"}, {"id": "a/b/c"}, {"siblings": 5}, {"siblings": [{"rfilename": 5}]}, {"tags": 5},
        {"siblings": ["a"]}, {"cardData": "text"}, {"sha": 5}, {"siblings": [{"rfilename": "a.safetensors", "lfs": 1}]},
    ],
)  # fmt: skip
async def test_a_repository_of_another_form_is_told(
    hubs: Hubs, hugging_face: HuggingFace, said: dict[str, object]
) -> None:
    hubs.add_repository("maker/x", {"a.safetensors": DATA})
    hubs.repositories["maker/x"] |= said
    with pytest.raises(AnswerUnreadable):
        await hugging_face.model(HubLink("maker/x"))


async def test_a_repository_without_end_is_not_read_to_its_end(hubs: Hubs, hugging_face: HuggingFace) -> None:
    hubs.fault("/api/models/maker/x", endless(b"{"))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(AnswerUnreadable):
            await hugging_face.model(HubLink("maker/x"))


async def test_a_name_that_is_no_repository_is_no_link(hubs: Hubs, hugging_face: HuggingFace) -> None:
    with pytest.raises(NoLink):
        await hugging_face.model(HubLink("a--b/.."))
    assert not hubs.asked


BAD_ADDRESSES = [
    "https://civitai.com:99999/x", "https://xn--/x", "https://a..civitai.com/x", f"https://{'a' * 70}.civitai.com/x",
    "http://[::1", "https://civitai.com:x/", "https://u:p@civitai.com/x", "//", "https:///x", "https://[x/a.png",
]  # fmt: skip


@pytest.mark.parametrize("address", BAD_ADDRESSES)
async def test_an_address_that_is_none_is_told(hubs: Hubs, http: SourceHttp, tmp_path: Path, address: str) -> None:
    hubs.fault("/x", redirect(address))
    for asked in (
        http.get_json(f"{hubs.url}/x"),
        http.get_bytes(address, 100),
        Download(http, WantedFile(address, "komori", 100), tmp_path / "a.part", lambda _done, _total: None).run(),
    ):
        with pytest.raises(SourceError):
            await asked


async def test_a_redirect_with_a_name_and_a_password_is_told(hubs: Hubs, http: SourceHttp) -> None:
    settings = hubs.settings.model_copy(update={"civitai_key": SecretStr("secret")})
    http._settings = lambda: settings
    hubs.fault("/x", redirect(f"{hubs.url.replace('://', '://u:p@')}/y"))
    with pytest.raises(AnswerUnreadable):
        await http.get_json(f"{hubs.url}/x")


@pytest.mark.parametrize("header", ["9" * 400, "9" * 200, "Fri, 31 Dec 9999 23:59:59 -0500", "1e400", "-1", "\u0663"])
async def test_an_odd_time_to_wait_is_told_as_a_day_at_most(hubs: Hubs, http: SourceHttp, header: str) -> None:
    hubs.fault("/x", status(429, None, **{"Retry-After": header}))
    with pytest.raises(TooManyQuestions) as told:
        await http.get_json(f"{hubs.url}/x")
    assert 1 <= told.value.minutes <= 24 * 60


@pytest.mark.parametrize(
    "said",
    [
        {"earlyAccessEndsAt": "9999-12-31T23:59:59-05:00"}, {"earlyAccessEndsAt": "0001-01-01T00:00:00+05:00"},
        {"files": [{"sizeKB": True, "type": [], "name": {}}]}, {"images": [{"type": [], "url": []}]}, {"nsfwLevel": {}},
    ],
)  # fmt: skip
async def test_odd_values_of_a_version_say_nothing(hubs: Hubs, civitai: Civitai, said: dict[str, object]) -> None:
    model_id = hubs.add_model("Komori", mode=[], type={}, tags=[[]], creator=[], allowCommercialUse={})
    hubs.add_version(model_id, DATA, **said)
    told = await civitai.model(CivitaiLink(model_id))
    assert told.versions[0].name == "Komori"
    assert not told.versions[0].archived


@pytest.mark.parametrize(
    ("code", "headers", "error"),
    [
        (401, {}, Gone),  # as it answers about repositories that are not there, or private
        (401, {"X-Error-Message": "Invalid username or password."}, Gone),
        (401, {"X-Error-Message": "Invalid credentials in Authorization header"}, KeyRejected),
        (401, {"X-Error-Code": "GatedRepo"}, NoAccess), (403, {"X-Error-Code": "GatedRepo"}, NoAccess),
        (403, {}, NoAccess), (403, {"X-Error-Message": "Access to this resource is disabled."}, NoAccess),
        (404, {"X-Error-Code": "RevisionNotFound"}, Gone), (410, {}, Gone), (418, {}, SourceBroken),
    ],
)  # fmt: skip
async def test_refusals_of_hugging_face_mean_what_its_headers_say(
    hubs: Hubs, http: SourceHttp, code: int, headers: dict[str, str], error: type[SourceError]
) -> None:
    other = hubs.url.replace("127.0.0.1", "localhost")  # not the origin that Civitai's key is for
    changes = {"huggingface_token": SecretStr("hf_x"), "huggingface_endpoint": other}
    settings = hubs.settings.model_copy(update=changes)
    http._settings = lambda: settings
    hubs.fault("/api/models/maker/x", status(code, None, **headers))
    with pytest.raises(error):
        await HuggingFace(http, lambda: settings).model(HubLink("maker/x"))
