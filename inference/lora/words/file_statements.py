"""Reads what a text says that the file beside it is: "what you download here is the old Pony version".

Authors name several families on one page. A sentence about the file itself counts although the text names others too.
Other scripts' words for "this file is" are in `translated_words`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Subjects that mean the file, in plain letters.
_THIS_FILE = (
    r"this|it|(?:this|the (?:uploaded|attached|posted|current)) (?:\w{1,12} )?(?:file|lora|version|release|one)"
    r"|(?:the|this) (?:file|download|upload|safetensors)|what(?:'s| is| i) (?:uploaded|posted)"
    r"|what (?:you|u|ya)(?:'re| are)? (?:\w{1,12} )?(?:download|get|see|find|grab)\w{0,4}"
    r"|das|dies(?:es?|er)?(?: (?:datei|version|lora|fassung))?|die (?:hochgeladene|aktuelle) (?:datei|version)"
    r"|was (?:ihr|du|sie|man) (?:\w{1,12} )?\w{0,12}(?:lad|bekomm|find|krieg)\w{0,5}"
    r"|c|ceci|cet?t?e? (?:fichier|version|lora|telechargement)|ce que (?:vous|tu) (?:telecharg|trouv|obten)\w{0,5}"
    r"|est[aeo](?: (?:archivo|fichero|version|descarga|lora))?|lo que (?:\w{1,12} )?(?:descarg|baj)\w{0,5}"
    r"|(?:ess[ae]|is[st]o|este|esta)(?: (?:arquivo|ficheiro|versao|download|lora))?|o que (?:\w{1,12} )?baix\w{0,5}"
    r"|quest[ao](?: (?:file|versione|lora))?|quello che (?:\w{1,12} )?scaric\w{0,5}"
    r"|dit(?: bestand)?|deze (?:versie|lora|download)|wat (?:je|jullie) (?:\w{1,12} )?download\w{0,2}"
    r"|(?:ten|ta|to)(?: (?:plik|wersja|lora))?|to,? co (?:\w{1,12} )?pobier\w{0,6}"
)
_HERE = r"(?:on this page|in this post|here|hier|ici|aqui|qui|below|now|currently|actually)"
_IS = rf"(?:'s|[ ,]{{1,2}}(?:{_HERE}[ ,]{{1,2}})?(?:is|are|ist|est|es|e|jest|to)|'est)"
_THIS_FILE_IS = (
    rf"(?:{_THIS_FILE}){_IS}|bu (?:dosya|surum|lora)|(?:file|versi|lora) ini(?: adalah)?"
    r"|(?:current |attached |available )?(?:upload|uploaded|file|download|version disponible) ?[:=]"
    r"|(?:file|ban|phien ban|tep) nay la|you(?:'re| are) downloading"
    r"|(?:currently|for now|right now|at the moment),? (?:only|just)"
)
_OTHER_THING = (
    r"\b(?:of|from|like|than|with|not|non|nicht|kein\w{0,2}|pas|no|nao|von|aus|wie|mit|da|do|als|niet"
    r"|z(?![ \-]?image)|nie|inspired|that|which|and|und|et|but|while|aber|mais|pero"
    r"|de (?:mi|mis|mon|ma|mes|el|la|le|meu|minha))\b"
)
_STATEMENT = re.compile(
    rf"(?<![\w'])(?:{_THIS_FILE_IS}) ((?:for )?(?:(?!{_OTHER_THING})[^.;!?,()\n]){{1,40}})"
    r"|\bonly (the [^.;!?,()\n]{1,30}) (?:is|was) (?:up|uploaded|available|ready|here|done|finished)\b",
    re.IGNORECASE,
)


def statements_about_file(text: str) -> Iterator[str]:
    """Yield what a text in plain letters says that the file is: `the old Pony version`."""
    for match in _STATEMENT.finditer(text):
        yield match[1] or match[2]
