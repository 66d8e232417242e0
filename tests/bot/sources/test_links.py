"""What people paste to say which LoRA they mean."""

from __future__ import annotations

import pytest

from bot.sources.hubs.links import (
    CivitaiLink,
    HashLink,
    HubLink,
    Link,
    links_in,
    page_of_link,
    parse_link,
    without_links,
)

SHA = "ab" * 32


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://civitai.com/models/123", CivitaiLink(123)),
        ("  <https://civitai.com/models/123/komori-met?modelVersionId=456#x> ", CivitaiLink(123, 456)),
        ("https://civitai.red/models/123?modelVersionId=456", CivitaiLink(123, 456, red=True)),
        ("civitai.com/models/123", CivitaiLink(123)),
        ("https://civitai.com/models/123?modelVersionId=abc", CivitaiLink(123)),
        ("https://civitai.com/api/download/models/456?type=Model&format=SafeTensor", CivitaiLink(None, 456)),
        ("https://civitai.com/model-versions/456", CivitaiLink(None, 456)),
        ("urn:air:sdxl:lora:civitai:123@456", CivitaiLink(123, 456)),
        ("456789", CivitaiLink(None, 456789)),
        (SHA.upper(), HashLink(SHA)),
        (f"0x{SHA}", HashLink(SHA)),
        ("67AB2FD8EC", HashLink("67ab2fd8ec")),
        ("abcdef012345", HashLink("abcdef012345")),
        ("https://huggingface.co/maker/komori", HubLink("maker/komori")),
        ("https://huggingface.co/maker/komori/tree/v2", HubLink("maker/komori", None, "v2")),
        ("https://huggingface.co/maker/komori/tree/main/b", HubLink("maker/komori", "b/", "main")),
        ("https://huggingface.co/maker/komori/tree/main/a%20b/c/", HubLink("maker/komori", "a b/c/", "main")),
        (
            "https://huggingface.co/maker/komori/tree/main/b/k.safetensors",
            HubLink("maker/komori", "b/k.safetensors", "main"),
        ),
        ("https://civitai.green/models/12?modelVersionId=34", CivitaiLink(12, 34)),
        ("www.civitai.green/models/12", CivitaiLink(12)),
        ("//civitai.com/models/12/x?modelVersionId=34", CivitaiLink(12, 34)),
        ("//huggingface.co/maker/komori", HubLink("maker/komori")),
        (
            "https://huggingface.co/maker/komori/blob/main/a%20b/komori.safetensors?download=true",
            HubLink("maker/komori", "a b/komori.safetensors", "main"),
        ),
        (
            "https://huggingface.co/maker/komori/resolve/main/k.safetensors",
            HubLink("maker/komori", "k.safetensors", "main"),
        ),
    ],
)
def test_links_ids_and_hashes_are_understood(typed: str, meant: Link) -> None:
    assert parse_link(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "", "Komori", "https://example.org/models/1", "https://civitai.com/models/0", "https://civitai.com/articles/1",
        "https://civitai.com.evil.org/models/1", "https://x:y@civitai.com/models/1", "ftp://civitai.com/models/1",
        "https://huggingface.co/maker", "https://huggingface.co/datasets/maker/set",
        "https://huggingface.co/maker/x/blob/main/../../../secret", "e3b0c44298fc", "e3b0c44298" + "fc" + "0" * 52,
        "https://[", "a" * 3000, "https://huggingface.co/maker/x/blob/ma in/y.safetensors",
    ],
)  # fmt: skip
def test_what_is_none_of_these_is_none(typed: str) -> None:
    assert parse_link(typed) is None


def test_links_in_a_prompt_are_found_and_taken_out() -> None:
    prompt = "a girl, https://civitai.com/models/12?modelVersionId=34, rain https://example.org/x and https://huggingface.co/a/b"
    assert links_in(prompt) == (CivitaiLink(12, 34),)
    assert without_links(prompt) == "a girl, rain https://example.org/x and https://huggingface.co/a/b"
    assert without_links("no  link") == "no  link"


def test_links_without_a_scheme_are_found_in_a_prompt() -> None:
    prompt = (
        "rain //civitai.green/models/12 ftp://civitai.com/models/3 https://example.org//civitai.com/models/4 and/or"
    )
    assert links_in(prompt) == (CivitaiLink(12),)
    folder = "https://huggingface.co/a/b/tree/main/c"
    assert links_in(f"{folder} {folder}/d.safetensors") == (HubLink("a/b", "c/d.safetensors", "main"),)


@pytest.mark.parametrize(
    "link",
    [
        HubLink("a/b", "c/", "main"),
        HubLink("a/b", "c/d.safetensors", "main"),
        HubLink("a/b", "c #1/50%25 off?/", "main"),
        HubLink("a/b", None, "topic/owls"),
        CivitaiLink(1, 2),
    ],
)
def test_the_page_of_a_link_is_read_as_the_same_link(link: CivitaiLink | HubLink) -> None:
    assert parse_link(page_of_link(link)) == link


@pytest.mark.parametrize("before", [1960, 1975, 1990, 3900])
def test_links_in_a_long_prompt_are_read_to_their_end(before: int) -> None:
    prompt = (
        f"https://civitai.com/models/1 {'a' * before} https://civitai.com/models/1234567890?modelVersionId=987654321"
    )
    assert links_in(prompt) == (CivitaiLink(1), CivitaiLink(1234567890, 987654321))
    assert without_links(prompt) == "a" * before


def test_a_link_that_is_too_long_is_none() -> None:
    for slashes in range(470, 500):
        prompt = f"https://civitai.com{'/' * slashes}models/1234567890"
        assert links_in(prompt) in {(), (CivitaiLink(1234567890),)}
