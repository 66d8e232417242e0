"""Names of models and words about training in other scripts, as people write them on pages, and their Latin form."""

from __future__ import annotations

import re

# A denial stands at the end of a sentence.
_NOT_IN_JAPANESE = r"(?![^。\n]{0,40}(?:ではな|ではあり|じゃな))"
_NOT_IN_KOREAN = r"(?![^.\n]{0,40}아[니닙])"
WORDS_IN_LATIN: dict[re.Pattern[str], str] = {
    re.compile(pattern): latin
    for pattern, latin in (
        ("可图", " Kolors "),
        ("ポニー(?!テール)|(?<!심)포니(?!테일)|โพนี่(?!เทล)|पोनी(?! ?टेल)", " Pony "),  # not a pony tail
        ("小[马馬](?=模型|底模|版|的 ?(?i:lora)| ?(?i:xl|v6|lora))", " Pony "),
        (r"(?i:(?<!\w)пон[иі](?!\w| ?-?хв[оі]ст)|πόν[ιυ](?!\w))", " Pony "),
        ("(?<![؀-ۿ])(?:ال)?بوني(?![؀-ۿ])", " Pony "),
        ("光[辉輝](?=模型|底模|版|的 ?(?i:lora)| ?(?i:xl|lora))", " Illustrious "),
        ("イラストリアス|일러스트리어스|อิลลัสเ[ทต]รียส|इल्?लस्ट्रियस", " Illustrious "),
        (r"(?i:[иі]лл?юстр[иі]\w{0,8}ус)|[إا]ل{1,2}ي?ستريا?و?س", " Illustrious "),
        ("(?:ヌーブ|누브|นูบ|نوب)(?= ?(?:AI|XL|モデル))|(?i:нуб)(?=AI|XL)", " Noob"),
        ("アニマジン|애니매진|(?i:ан[иі]маджин)", " Animagine "),
        ("捏(?:Ta|塔)", " Neta "),
        ("千[问問]", " Qwen "),
        ("通义(?:造相)?", " "),  # the maker's name before Z-Image and Qwen
        ("(?:图像|画像)?(?:编辑|編集)(?:版|模型|モデル)", " Image Edit "),
        # v-prediction, and the zero SNR that only v-prediction has
        ("(?:不是|并非|非|不支持|不要用)(?= ?(?:速度|[vV])[- ]?[予预預])", " not "),
        ("(?:速度|[vV]|ブイ)[- ]?[予预預][測测]|[vV][- ]?(?:参数化|參數化)", " v-prediction "),
        (r"(?:预测|予測)(?:类型|方式|タイプ)[^。\n]{0,4}[vV](?![a-zA-Z])", " v-prediction "),
        ("(?:[vV][- ]?|ブイ)(?:プレディク|プレッド|パラメ)[ァ-ー]{0,8}", " v-prediction "),
        ("(?:속도 ?|[vV][- ]?|브이[- ]?)(?:예측|프레딕션|프레드)", " v-prediction "),
        (r"(?:[vV][- ]?|(?i:ви?)-)(?i:(?:предсказ|предик[шт]|прогноз|параметриз)\w{0,8})", " v-prediction "),
        (r"[vV]-(?i:пред)(?!\w)|(?i:(?:предсказан|прогноз)\w{0,6} скорост\w{1,2})", " v-prediction "),
        ("[vV][- ]?(?:เพรดิกชั่?น|พรีดิกชั่?น|ทำนาย)|ทำนายความเร็ว", " v-prediction "),
        ("[vV][- ]?प्रेडिक्शन|वेग (?:पूर्वानुमान|भविष्यवाणी)", " v-prediction "),
        ("(?:تنبؤ|توقع) (?:(?:ال)?سرعة|[vV])", " v-prediction "),
        ("(?i:πρόβλεψη) (?:(?i:ταχύτητας)|[vV])", " v-prediction "),
        (r"(?i:dự đoán (?:vận tốc|v(?!\w)))", " v-prediction "),
        ("(?:零(?:终端|終端|末端)?|ゼロ(?:終端|ターミナル)? ?|제로 ?(?:터미널 ?)?)(?:信噪比|SNR)", " zero SNR "),
        (r"(?i:нулев\w{2,3} (?:терминальн\w{2,3} )?(?:snr|отношени\w{1,2} сигнал))", " zero SNR "),
        # what the file is
        ("这是|這是|(?:这个|這個|此|本|该)(?:文件|档案|檔案|版本|模型|(?i:lora))[是为為]", " this file is "),
        ("(?:下[载載]|上[传傳])的(?:文件|版本)?就?是", " this file is "),
        (rf"(?:この(?:ファイル|バージョン|モデル|(?i:lora)|版)|これ)は{_NOT_IN_JAPANESE}", " this file is "),
        (
            rf"(?:アップロード|配布|公開)(?:している|した|中)?の?(?:もの|版|ファイル)?は{_NOT_IN_JAPANESE}",
            " this file is ",
        ),
        (rf"이 ?(?:파일|버전|로라|모델)[은는]{_NOT_IN_KOREAN}", " this file is "),
        (rf"(?:업로드|배포)(?:한|된|중인) ?(?:것|파일|버전)[은는]{_NOT_IN_KOREAN}", " this file is "),
        (r"(?i:(?:этот|данный) файл|(?:эта|данная) (?:версия|лора))(?! не(?!\w))", " this file is "),
        (r"(?i:(?:сейчас|тут|здесь) (?:выложен|лежит|доступ)\w{0,3}(?: версия| файл)?)", " this file is "),
        ("(?:ไฟล์|เวอร์ชั่?น|โมเดล)นี้(?:คือ|เป็น)", " this file is "),
        ("यह (?:फ़ाइल|फाइल|वर्जन|संस्करण)|هذ[اه] ال(?:ملف|نسخة|إصدار)(?: ه[وي](?![؀-ۿ]))?", " this file is "),
        ("选错|選錯|間違って選", " picked the wrong base model "),
        # the training
        (r"(?i:(?<!\w)не (?:для|на|под)(?!\w))", " not for "),
        ("训练|訓練|底模|基于|基於|学習|炼制", " trained "),
        ("ベース|학습|훈련|เทรน|ฝึก|प्रशिक्ष|ट्रेन", " trained "),
        ("(?i:обуч|тренир|натрен|тренов|навчен|εκπαιδ[εέ])", " trained "),
        ("تدريب|مدرب|מאומן|אימון", " trained "),
    )
}
