"""How people deny that a file is for a model: words before its name, and words after it, in plain Latin letters.

"Not for Pony", "no funciona con Pony", "mit Pony funktioniert es nicht". `translated_words` writes denials in other
scripts as `not for` before a name, and as `unusable` after one. "Not only for Pony" denies nothing.
"""

from __future__ import annotations

import re

_GAP = r"[ _\-]{1,3}"
_MOST = 100  # characters before a name that are read
_NOT = (
    r"not|never|cannot|(?:is|are|does|do|wo|ca|would)n ?'?t|except|instead of|rather than|nicht|niemals|kein\w{0,2}"
    r"|niet|geen|pas|jamais|nunca|nao|nie|inte|ikke|tidak|bukan|jangan|khong|neni|nefunguj\w{1,2}|nepouziv\w{2,4}"
    r"|i[nm]compati[bv]\w+|inkompatib\w+|niekompatybiln\w+|unsupported|fails?|useless"
    # words that mean something else too, before a verb
    r"|no(?= (?:en|con|para|sobre|se|es|son|esta|fue"
    r"|funciona|sirve|vale|va|usar|use|uses|usen|utili|recomend|apto|valid|compatible))"
    r"|non(?= (?:funziona|va|e|si|puo|usa|utili|compatibil|adatt|per|su|con)\w*)"
    r"|nu(?= (?:functioneaza|merge|este|e|se) )|nem(?= (?:mukod|kompatib|haszn))|ei(?= (?:toimi|ole|sovi|tue))"
)
_BETWEEN = (
    r"an?|any|at all|for|the|with|on|from|of|in|at|to|be|used(?= (?:on|with|for|in))|use|using|it|this"
    r"|trained|made|based|meant|intended|designed"
    r"|suitable|work(?:s|ing)?|compatible|usable|support(?:s|ed|ing)?|run|regular|normal|plain|good|recommended"
    r"|properly|correctly|currently|yet|here|model\w*|checkpoints?"
    r"|fur|mit|auf|unter|bei|von|den|dem|die|das|der|ein\w{0,2}|funktionier\w*|kompatibel|geeignet|gedacht|trainiert"
    r"|nutzbar|uberhaupt|gar|verwend\w*|benutz\w*|voor|met|op|het|een|geschikt|bedoeld|compatibel|werk\w*|gebruik\w*|getraind"
    r"|avec|pour|sur|sous|fait|prevue?|destinee?|concue?|entraine\w{0,2}|une?|les?|la|des?|du|aux?|tout|etre|utilis\w*"
    r"|adapte\w*|fonctionne\w*|con|para|en|sobre|el|los|las|una|se|pued\w*|debe|es|son|esta|fue|funciona\w*|sirve\w*"
    r"|vale|va|apt[oa]|valid[oa]|entrenad[oa]|hech[oa]|usar\w*|usen|utili[zsc]\w*|recomend\w*|pensad[oa]"
    r"|serve|roda|e|foi|com|pra|em|nos?|nas?|o|a|os|as|compativel|feit[oa]|treinad[oa]|pode|deve|ser|usad[oa]"
    r"|funziona\w*|per|su|sul|sui|il|lo|gli|i|compatibil\w+|fatt[oa]|usa\w*|adatt[oa]|pensat[oa]|puo|essere"
    r"|dziala\w*|jest|dla|do|z|ze|na|pod|pasuje|kompatybiln\w*|uzyw\w*|wspolpracuje|przeznaczon\w*|trenowan\w*"
    r"|s|pro|ve|v|urcen\w*|med|pa|til|kompatibel\w*|fungerar?|bekerja|berfungsi|jalan|cocok|untuk|dengan|di|pada|bisa"
    r"|dapat|dipakai|pakai|gunakan|digunakan|mendukung|dibuat|dilatih|hoat|dong|dung|chay|ho|tro|danh|cho|voi|tren"
    r"|duoc|tuong|thich|phai|functioneaza|merge|este|cu|pe|pentru|mukod\w*|kompatibilis|haszn\w*|az|toimi|ole|sovi|tue"
)
_BEFORE = re.compile(rf"(?<!\w)(?:{_NOT})(?>{_GAP}(?:{_BETWEEN})(?!\w)){{0,8}}{_GAP}(?:[dl]')?$")
_IF = re.compile(r"\b(?:if|when|why|wenn|falls|cuando|quando)(?: [\w']+){0,4} ?$")  # "if it does not work on …"
_MODELS = (
    r"models?|mod(?:ele|elo|ell)\w{0,6}|checkpoints?|ckpts?|version\w{0,2}|wersj\w{1,3}|bases?"
    r"|based|merges?|mix(?:es)?|xl|sdxl|v?\d[\d.]*|ones?|pred(?:iction)?|types?|at|ile|icin|uzerinde|[dt][ae]|uyumlu"
)
_FAILS = (
    r"unusable|unsupported|incompatible"
    r"|(?:(?:it|this|this lora|the lora) )?(?:(?:(?:will|does|do|is|are|can|would) )?not|cannot"
    r"|(?:wo|does|do|is|are|ca|would)n ?'?t) (?:\w+ly )?(?:be )?(?:work(?:ing)?|supported|compatible|usable|used|run)"
    r"|(?:wird|werden|ist|sind|funktionier\w{1,3}|geht|gehen|lauf\w{1,3}) (?:(?!aber|und|gut|auch)\w+ ){0,3}nicht"
    r"|nicht (?:unterstutzt|kompatibel|nutzbar|verwendbar)"
    r"|(?:ne |n')(?:fonctionn\w+|march\w+|est|sont|support\w*|convien\w+|peu\w+) pas"
    r"|no (?:funciona\w*|sirve\w*|van?|valen?|son? compatibles?|es compatible|esta soportado|se puede\w?)"
    r"|nao (?:funciona\w*|serve\w*|roda\w*|e (?:suportad|compativ)\w+|sao)"
    r"|non (?:funziona\w*|va|vanno|e (?:supportat|compatibil)\w+|sono)"
    r"|(?:werkt|werken|wordt|is) (?:\w+ ){0,3}niet|(?:fungerar|stods|virker|fungerer) (?:\w+ ){0,2}(?:inte|ikke)"
    r"|nie (?:dzial\w+|jest|sa|bedz\w+)|nefunguj\w{1,2}|neni|nejsou|nem (?:mukod|kompatib|haszn)\w*"
    r"|(?:uyumsuz|calis(?:maz|miyor|mayacak)|degil|desteklenm\w+|olmaz|kullanil(?:a?maz|miyor)|kullanmayin)\w*"
    r"|(?:ei|eivat) (?:toimi|ole)|(?:tidak|tak|gak) (?:bisa|dapat|akan|bekerja|berfungsi|didukung|jalan|cocok)"
    r"|khong (?:hoat dong|dung|chay|ho tro|duoc)|nu (?:functioneaza|merge|este)"
)
# Words after a name that change what is denied: "Pony does not work without …", "… does not work with Pony".
_ELSE = (
    r"(?: \w+){0,2} (?:on|with|for|in|without|unless|if|mit|auf|ohne|con|sin|com|sem|en|sur|avec|sans|met|zonder|med"
    r"|dla|bez|cu|voi|cho)\b"
)
_AFTER = re.compile(rf"(?:{_GAP}(?:{_MODELS})(?!\w)){{0,4}}{_GAP}(?:{_FAILS})(?!\w)(?!{_ELSE})")
# The author has no version for the model. That denies nothing of this file.
_NO_VERSION = re.compile(
    r"(?<!\w)(?:no|(?:(?:do|does|wo)n ?'?t|will not) (?:have|make)(?: an?| any)?"
    r"|n ?' ?(?:y a|ai|existe) pas(?: de| d ?')?|no (?:hay|existe|tengo)|nao (?:ha|existe|tenho)"
    rf"|es gibt kein\w{{0,2}}|non (?:c ?' ?e|esiste)(?: una)?|nie ma){_GAP}"
    rf"(?P<version>(?:versions?|versao|versione|wersji)(?:{_GAP}(?:for|on|of|pour|para|de|fur|per|dla))?{_GAP})?"
    r"(?:the )?$"
)
_VERSION = re.compile(
    rf"(?:{_GAP}(?:xl|v?\d[\d.]*)){{0,3}}{_GAP}version(?:s|en)?\b(?P<none> (?:do|does)(?: not|n'?t) exist\b)?"
)
_SENTENCE = re.compile(r"[.!?;](?:\s|$)|\n")


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether a text in lower case says that the file is not for the model that it names from `start` to `end`."""
    before = _BEFORE.search(text, max(0, start - _MOST), start)
    if before is not None and not _IF.search(text, max(0, before.start() - _MOST), before.start()):
        return True
    return _AFTER.match(text, end) is not None


def is_absent(text: str, start: int, end: int) -> bool:
    """Whether a text in lower case says that there is no version for the model that it names from `start` to `end`."""
    before = _NO_VERSION.search(text, max(0, start - _MOST), start)
    after = _VERSION.match(text, end)
    if after is not None and after["none"]:
        return True
    return before is not None and (after is not None or before["version"] is not None)


def apart(text: str) -> list[str]:
    """The sentences of a text: in one with a name may stand what denies it."""
    return _SENTENCE.split(text)
