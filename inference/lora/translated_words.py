"""Names of models and words about training in other scripts, as people write them on pages, and their Latin form."""

from __future__ import annotations

import re

WORDS_IN_LATIN: dict[re.Pattern[str], str] = {
    re.compile(pattern): latin
    for pattern, latin in (
        ("\u53ef\u56fe", " Kolors "),
        ("\u30dd\u30cb\u30fc(?!\u30c6\u30fc\u30eb)|\ud3ec\ub2c8(?!\ud14c\uc77c)", " Pony "),  # not a pony tail
        ("\u5c0f\u9a6c(?=\u6a21\u578b|\u5e95\u6a21|\u7248|\u7684 ?(?i:lora)| ?(?i:xl|v6|lora))", " Pony "),
        ("(?i:\u043f\u043e\u043d\u0438)(?! ?-?\u0445\u0432\u043e\u0441\u0442)", " Pony "),
        (
            "\u5149(?:\u8f89|\u8f1d)(?=\u6a21\u578b|\u5e95\u6a21|\u7248|\u7684 ?(?i:lora)| ?(?i:xl|lora))",
            " Illustrious ",
        ),
        ("\u30a4\u30e9\u30b9\u30c8\u30ea\u30a2\u30b9|\uc77c\ub7ec\uc2a4\ud2b8\ub9ac\uc5b4\uc2a4", " Illustrious "),
        ("(?i:\u0438\u043b\u043b?\u044e\u0441\u0442\u0440\u0438\\w{0,8}\u0443\u0441)", " Illustrious "),
        ("\u30cc\u30fc\u30d6(?=AI|XL|\u30e2\u30c7\u30eb)|(?i:\u043d\u0443\u0431)(?=AI|XL)", " Noob"),
        ("\u634f(?:Ta|\u5854)", " Neta "),
        ("\u5343\u95ee|\u5343\u554f", " Qwen "),
        ("\u901a\u4e49(?:\u9020\u76f8)?", " "),  # the maker's name before Z-Image and Qwen
        (
            "(?:\u56fe\u50cf|\u753b\u50cf)?(?:\u7f16\u8f91|\u7de8\u96c6)(?:\u7248|\u6a21\u578b|\u30e2\u30c7\u30eb)",
            " Image Edit ",
        ),
        ("(?:\u901f\u5ea6|[vV])-?[\u4e88\u9884\u9810](?:\u6e2c|\u6d4b)", " v-prediction "),
        ("(?:\uc18d\ub3c4 ?|[vV][- ]?)\uc608\uce21", " v-prediction "),
        ("[vV][- ]?\u043f\u0440\u0435\u0434\u0441\u043a\u0430\u0437\\w{0,8}", " v-prediction "),
        ("\u9009\u9519|\u9078\u932f|\u9593\u9055\u3063\u3066\u9078", " picked the wrong base model "),
        ("\u8bad\u7ec3|\u8a13\u7df4|\u5e95\u6a21|\u57fa\u4e8e|\u57fa\u65bc|\u5b66\u7fd2", " trained "),
        ("\u30d9\u30fc\u30b9|\ud559\uc2b5|(?i:\u043e\u0431\u0443\u0447)", " trained "),
    )
}
