"""Brands in the file names of popular checkpoints, the base model of each, and the source that says so.

A name begins with its brand, and a version may follow. If families share a brand, a row lists the versions of
one family. `tests/inference/lora/checkpoint_names.py` holds such names as trainers record them.
"""

from __future__ import annotations

from dataclasses import dataclass

# Haidra-Org/AI-Horde-image-model-reference, stable_diffusion.json
_HORDE = "AI Horde"
# a hosting service's list of SD 1.5 models, printed in rsnchat's README
_PRODIA = "Prodia"
# the base model on its page at Civitai; `page` is its id there, as public code pairs it with the base model
_CIVITAI = "Civitai"
_NAMED = "the family in its own name"
_CARD = "its model card on Hugging Face"


@dataclass(frozen=True)
class Brand:
    """Brand by its words, which files also write as one word. `versions` is a pattern that has to follow."""

    words: str
    base: str
    source: str
    versions: str = ""
    page: int = 0  # at Civitai


_SD1, _SDXL, _PONY, _ILLUSTRIOUS, _NOOBAI = "sd1/base", "sdxl/base", "sdxl/pony", "sdxl/illustrious", "sdxl/noobai"

_IL = r"(?:il|ill|illustrious) ?v\d"  # of brands whose files say the family in the version

BRANDS: tuple[Brand, ...] = (
    Brand("absolute reality", _SD1, _HORDE, r"v?\d"),
    Brand("abyss orange mix", _SD1, _HORDE),
    Brand("aom", _SD1, _PRODIA, r"[23]"),
    Brand("analog madness", _SD1, _HORDE, r"v[1-7]"),
    Brand("any lora", _SD1, _HORDE),
    Brand("anything", _SD1, _HORDE, r"v ?[345]"),
    Brand("cetus mix", _SD1, _HORDE),
    Brand("chillout mix", _SD1, _CIVITAI),
    Brand("counterfeit", _SD1, _PRODIA, r"v ?[123] ?[05]"),
    Brand("cyber realistic", _SD1, _PRODIA, r"v[1-4]\d?\b"),
    Brand("dark sushi mix", _SD1, _CIVITAI),
    Brand("dark sushi mix mix", _SD1, _CIVITAI),
    Brand("deliberate", _SD1, _PRODIA, r"v[1-6]\b"),
    Brand("dream shaper", _SD1, _PRODIA, r"v?[3-8](?:\d|\b)"),
    Brand("edge of realism", _SD1, _HORDE),
    Brand("epic realism", _SD1, _PRODIA, r"natural ?sin|new ?century|pure ?evolution"),
    Brand("flat 2d animerge", _SD1, _HORDE),
    Brand("ghost mix", _SD1, _HORDE),
    Brand("juggernaut", _SD1, _PRODIA, r"aftermath|reborn"),
    Brand("lyriel", _SD1, _HORDE, r"v1"),
    Brand("majicmix realistic", _SD1, _HORDE, r"v[1-7]"),
    Brand("meina mix", _SD1, _HORDE),
    Brand("mistoon anime", _SD1, _CIVITAI, r"v[23]0\b"),
    Brand("never ending dream", _SD1, _HORDE),
    Brand("pastel mix", _SD1, _HORDE),
    Brand("perfect world", _SD1, _HORDE, r"v[1-6]"),
    Brand("photon", _SD1, _HORDE, r"v1\b"),
    Brand("realistic vision", _SD1, _HORDE, r"v ?[1-6]"),
    Brand("rev animated", _SD1, _HORDE, r"v[12]"),
    Brand("toon you", _SD1, _HORDE, r"beta"),
    Brand("uber realistic porn merge", _SD1, _HORDE, r"urpm ?v1"),
    Brand("albedobase xl", _SDXL, _HORDE),
    Brand("copax timeless xl", _SDXL, _CIVITAI),
    Brand("crystal clear xl", _SDXL, _CIVITAI),
    Brand("cyber realistic xl", _SDXL, _CIVITAI),
    Brand("dream shaper xl", _SDXL, _HORDE),
    Brand("dyna vision xl", _SDXL, _CIVITAI),
    Brand("epic realism xl", _SDXL, _CIVITAI),
    Brand("icbinp xl", _SDXL, _HORDE),
    Brand("juggernaut xl", _SDXL, _HORDE),
    Brand("leosams helloworld xl", _SDXL, _CIVITAI),
    Brand("lustify sdxl", _SDXL, _CIVITAI),
    Brand("lustify sdxl nsfw", _SDXL, _CIVITAI),
    Brand("proto vision xl", _SDXL, _CIVITAI),
    Brand("real vis xl", _SDXL, f"{_CARD} (SG161222)"),
    Brand("sdxl unstable diffusers", _SDXL, _HORDE),
    Brand("zavy chroma xl", _SDXL, _HORDE),
    Brand("aam xl anime mix", _SDXL, _CIVITAI),
    Brand("colossus project xl", _SDXL, _CIVITAI),
    Brand("counterfeit xl", _SDXL, f"{_CARD} (gsdf)"),
    Brand("night vision xl", _SDXL, _CIVITAI),
    Brand("real cartoon xl", _SDXL, _CIVITAI),
    Brand("sdxl fae tastic", _SDXL, _CIVITAI),
    Brand("think diffusion xl", _SDXL, _CIVITAI),
    Brand("xxmix 9realistic sdxl", _SDXL, _CIVITAI),
    Brand("autism mix", _PONY, _CIVITAI, page=288584),
    Brand("cyber realistic pony", _PONY, _HORDE),
    Brand("7th anime xl pony", _PONY, _CIVITAI, r"[ab]?\b", page=395554),
    Brand("atomix pony realism xl", _PONY, _CIVITAI),
    Brand("babes by stable yogi", _PONY, _CIVITAI, r"pony ?(?:xl)? ?v\d"),
    Brand("bolero mix pony", _PONY, _CIVITAI, page=448716),
    Brand("snow pony", _PONY, _CIVITAI, r"v\d", page=522596),
    Brand("evaclaus mix pony xl", _PONY, _CIVITAI, page=418105),
    Brand("everclear pny", _PONY, _CIVITAI),
    Brand("hassaku xl pony", _PONY, _CIVITAI, page=376031),
    Brand("momoiro pony", _PONY, _CIVITAI, page=316882),
    Brand("nova furry pony", _PONY, _HORDE),
    Brand("real dream", _PONY, _CIVITAI, r"sdxl ?pony"),
    Brand("t ponynai3", _PONY, _CIVITAI, page=317902),
    Brand("uber realistic porn merge pony xl", _PONY, _CIVITAI),
    Brand("wai ani nsfw pony xl", _PONY, _HORDE),
    Brand("animerge meij", _PONY, _CIVITAI, r"v[1-3]\d"),
    Brand("du chaiten pony real", _PONY, _NAMED),
    Brand("ebara pony", _PONY, _NAMED),
    Brand("hanamomo pony", _PONY, _NAMED),
    Brand("iniverse mix sfw nsfw", _PONY, _NAMED, r"pony"),
    Brand("lucent xl pony", _PONY, _NAMED),
    Brand("osorubeshi pony real", _PONY, _NAMED),
    Brand("wai real cn", _PONY, _CIVITAI, r"v1[0-4]"),
    Brand("animij", _ILLUSTRIOUS, _CIVITAI, r"v\d"),
    Brand("anillustrious", _ILLUSTRIOUS, _NAMED),
    Brand("babes illustrious by", _ILLUSTRIOUS, _NAMED),
    Brand("cyber illustrious", _ILLUSTRIOUS, _NAMED),
    Brand("ilust mix", _ILLUSTRIOUS, _CIVITAI, page=1110783),
    Brand("illustrious pencil xl", _ILLUSTRIOUS, _NAMED),
    Brand("jedpoint il", _ILLUSTRIOUS, _NAMED, r"v\d"),
    Brand("nova asian xl", _ILLUSTRIOUS, _CIVITAI, _IL),
    Brand("ramthrusts nsfw pink", _ILLUSTRIOUS, _CIVITAI, r"alchemy ?mix"),
    Brand("realism illustrious by", _ILLUSTRIOUS, _NAMED),
    Brand("zuki cute ill", _ILLUSTRIOUS, _NAMED),
    Brand("diving illustrious", _ILLUSTRIOUS, _CIVITAI),
    Brand("hassaku xl illustrious", _ILLUSTRIOUS, _HORDE),
    Brand("illustrious by stable yogi", _ILLUSTRIOUS, _CIVITAI),
    Brand("illustrij", _ILLUSTRIOUS, _CIVITAI),
    Brand("nova anime xl", _ILLUSTRIOUS, _HORDE, _IL),
    Brand("nova 3d cg xl", _ILLUSTRIOUS, _CIVITAI, _IL),
    Brand("nova cartoon xl", _ILLUSTRIOUS, _CIVITAI, _IL),
    Brand("nova orange xl", _ILLUSTRIOUS, _CIVITAI, _IL),
    Brand("nova reality xl", _ILLUSTRIOUS, _CIVITAI, _IL),
    Brand("nova unreal xl", _ILLUSTRIOUS, _CIVITAI, _IL),
    Brand("nova furry xl", _ILLUSTRIOUS, _HORDE, _IL),
    Brand("copycat noob", _NOOBAI, _NAMED),
    Brand("harmoniq mix", _NOOBAI, f"{_CARD} (hybskgks28275)", r"v ?pred"),
    Brand("hikari noob", _NOOBAI, f"{_CARD} (RedRayz)"),
    Brand("noob v pencil xl", _NOOBAI, _HORDE),
    Brand("wai shuffle noob", _NOOBAI, _CIVITAI),
    Brand("jib mix flux", "flux1/dev", _CIVITAI),
    Brand("pixelwave flux 1 dev", "flux1/dev", _CIVITAI),
    Brand("neta lumina", "lumina2/neta", f"{_CARD} (neta-art)"),
    Brand("neta yume", "lumina2/neta", f"{_CARD} (duongve)"),
)
