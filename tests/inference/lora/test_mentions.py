"""A text that names the page's base model and another one: which of the two is the file's?"""
# ruff: noqa: E501, RUF001 - sentences in other languages

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.sidecar import Sidecar, read_sidecar
from inference.lora.words.texts import telling
from tests.inference.lora.test_other_models_named import verdict
from tests.lora_files import write_lora

OF_ANOTHER_BASE = [
    ("sdxl/pony", "Il n'y a pas de version Pony. Entraîné sur Illustrious."),
    ("sdxl/pony", "No hay versión de Pony. Entrenado con Illustrious."),
    # what the author chose in a form is not what the file is
    ("sdxl/illustrious", "Haori jackets for Animagine XL 4.0. Civitai has no category for Animagine, so I chose Illustrious."),
    ("sdxl/illustrious", "Trained on RouWei-like NoobAI data, v-pred off. The closest category was Illustrious."),
    ("sdxl/pony", "There is no option for my base here, so it is filed under Pony."),
    ("sdxl/noobai", "Listed as NoobAI because the dropdown ends there."),
    ("sdxl/illustrious", "Had to pick Illustrious, the site does not offer anything newer."),
    ("sdxl/pony", "I selected Pony because more people see it there."),
    ("sdxl/noobai", "Lampen im Jugendstil, auf Animagine 4 gelernt. Unter NoobAI eingestellt, weil es keine passende Kategorie gab."),
    # the other base is what the file is for, the page's base is yet to come, or is said to be bad
    ("sdxl/illustrious", "Sorry, wrong upload: the file you download here is still the old Pony version. The Illustrious one follows next week."),
    ("sdxl/illustrious", "Pony LoRA. The Illustrious retrain is cooking."),
    ("sdxl/illustrious", "Illustrious port planned for autumn; until then enjoy it on Pony V6."),
    ("sdxl/noobai", "Hat collection for Animagine. I hope to bring it to NoobAI soon."),
    ("sdxl/pony", "Load an Illustrious checkpoint, weight 0.8. On Pony you get noise."),
    ("sdxl/illustrious", "Results on Illustrious were disappointing, hence PonyXL."),
    ("sdxl/pony", "My Pony LoRA got many likes, therefore here is the same outfit in NoobAI."),
    ("sdxl/illustrious", "Recommended checkpoint: AutismMix Pony, CFG 6. Illustrious users have to be patient."),
    ("sdxl/noobai", "Illustrious XL 1.0 LoRA. NoobAI is a child of that model, so it may load."),
    ("sdxl/illustrious", "v3 moves from Illustrious to NoobAI."),
    ("sdxl/pony", "Made with Illustrious 2.0 this time! Older versions were Pony."),
    ("sdxl/illustrious", "Sorted with my Illustrious LoRAs, best on Pony checkpoints."),
    ("sdxl/illustrious", "Use score_9 and a Pony model. Illustrious users: see my other page."),
    ("sdxl/pony", "Pony people asked for it, and the answer is an Animagine LoRA."),
    ("sdxl/illustrious", "Illustrious and Pony mixed dataset; the weights come from a Pony run."),
    ("sdxl/noobai", "Works on NoobAI as well, since the training ran on Illustrious."),
    ("sdxl/illustrious", "Version Illustrious à venir. Pour l'instant, utilisez un checkpoint Pony."),
    ("sdxl/illustrious", "La de Illustrious sale en mayo; mientras tanto esta es para Pony."),
    ("sdxl/pony", "Die Pony-Fassung kommt später, bis dahin gibt es NoobAI."),
    ("sdxl/illustrious", "A versão Illustrious fica para depois, por enquanto é Pony."),
    ("sdxl/noobai", "NoobAI arriverà, per ora gira con Pony."),
    ("sdxl/illustrious", "Wersja Illustrious w przyszłym tygodniu, na razie Pony."),
    ("sdxl/illustrious", "Illustrious版は来週。今のところPony専用です。"),
    ("sdxl/pony", "Pony版以后再做，先用NoobAI底模。"),
    ("sdxl/illustrious", "Illustrious 버전은 다음 주, 지금은 Pony 체크포인트를 쓰세요."),
    ("sdxl/illustrious", "Для Illustrious сделаю позже, пока берите чекпоинты Pony."),
    # relatives, versions and other architectures
    ("sdxl/pony", "Trained on Pony V7 base, 3000 steps. V6 users: wait for the port."),
    ("sdxl/pony", "Pony V7 LoRA (AuraFlow). The Pony V6 one is older."),
    ("flux1/dev", "Load your picture into flux1-dev-kontext_fp8_scaled and prompt away. Plain flux1-dev ignores it."),
    ("flux1/dev", "Trained on FLUX.1 Krea dev, 2000 steps. FLUX.1 dev comes next."),
    ("flux1/dev", "Chroma1-HD LoRA. Flux.1 D was the closest category."),
    ("qwen-image/base", "Swap faces with Qwen-Image-Edit-2511. Qwen-Image alone cannot do it."),
    ("z-image/base", "For Z-Image-Edit. Z-Image Turbo is what most people have, sorry."),
    ("anima/base", "Cosmos-Predict2 LoRA, Anima descends from it."),
    ("lumina2/base", "NetaYume v3.5 needed. Lumina 2 was the nearest entry in the list."),
    # one clause of several
    ("sdxl/illustrious", "For Pony V6. Illustrious: coming."),
    ("sdxl/illustrious", "Illustrious tag is just for visibility. PDXL inside."),
    ("sdxl/illustrious", "Illustrious LoRA planned, this one runs on Pony."),
    ("sdxl/illustrious", "Works with Illustrious? Partly. It is a Pony LoRA after all."),
    ("sdxl/illustrious", "This LoRA was trained on Pony. I use it on Illustrious all the time and it works."),
    ("sdxl/illustrious", "Made for Pony but tested on Illustrious."),
    ("sdxl/illustrious", "My first NoobAI LoRA. Previous ones were Illustrious."),
    ("sdxl/illustrious", "Unlike my Illustrious LoRAs this was trained on NoobAI."),
    ("sdxl/illustrious", "Illustrious version here: https://civitai.com/models/1 . Pony version below."),
    ("sdxl/illustrious", "Use with Illustrious at your own risk; use with Pony for good results."),
    ("sdxl/illustrious", "Illustrious (well, Pony really)."),
    ("sdxl/illustrious", "Pony-trained, Illustrious-tested."),
    ("sdxl/illustrious", "The Illustrious release got deleted, reuploading the Pony one instead."),
    ("sdxl/illustrious", "Dataset from my Illustrious LoRA, base model Animagine 4."),
    ("sdxl/illustrious", "For Illustrious, download v2. v1 is Pony."),
    ("sdxl/illustrious", "Also on Illustrious it looks good. Base Pony."),
    ("sdxl/illustrious", "Base model: Pony Diffusion V6 XL; compatible: Illustrious."),
    ("sdxl/illustrious", "Trained using NoobAI v1.1 and shared for Illustrious users."),
    ("sdxl/illustrious", "NoobAI rocks! Trained there. Illustrious version when I find time."),
    ("sdxl/illustrious", "Illustrious fans will have to wait, for now PonyXL."),
    ("sdxl/illustrious", "Originally for Illustrious, remade on Pony."),
    ("sdxl/illustrious", "Converted from my Illustrious LoRA to NoobAI."),
    ("sdxl/illustrious", "Compatible with Illustrious, NoobAI, trained with Animagine."),
    ("sdxl/illustrious", "An outfit LoRA trained on Illustrious... just kidding, Pony."),
    ("sdxl/illustrious", "Trained on Illustrious at first, then on Pony for 2000 more steps."),
    ("sdxl/illustrious", "Illustrious LoRA of the previous version is on my profile, now Pony."),
    ("sdxl/illustrious", "This is for PonyXL users. The version for Illustrious is on my profile."),
    ("sdxl/illustrious", "PonyXL. See my profile for Illustrious."),
    ("sdxl/illustrious", "The version for Illustrious is separate. The version for Pony also."),
    ("sdxl/illustrious", "Pony checkpoint suggested. For Illustrious I have another one."),
    ("sdxl/illustrious", "Tagged Illustrious so people find it. Needs a Pony checkpoint."),
    ("sdxl/illustrious", "Illustrious LoRA? No. Pony."),
    ("sdxl/illustrious", "I make LoRAs for Illustrious. This file is different, it uses Pony."),
    ("sdxl/noobai", "NoobAI version got lost in a crash, here is Illustrious."),
    ("sdxl/pony", "Trained on Illustrious. Pony LoRA of the same girl on my profile."),
    ("sdxl/illustrious", "v1 Illustrious, v2 NoobAI. You are looking at v2."),
    ("sdxl/illustrious", "Base model: Illustrious (edit: correction, Pony)."),
    ("sdxl/illustrious", "Made for Illustrious as requested - by accident the zip has the Pony weights."),
    ("sdxl/illustrious", "Illustrious version: trained yesterday, uploading tonight. Pony version works fine."),
    ("sdxl/pony", "Works with Pony. Works even better with Illustrious, which it was trained on."),
    ("sdxl/illustrious", "Trained on Illustrious data generated with Pony, on a Pony checkpoint."),
    ("sdxl/noobai", "Noob friendly! For Illustrious beginners."),
    ("sdxl/illustrious", "Entrenado en NoobAI, funciona en Illustrious."),
    ("sdxl/illustrious", "Für Pony trainiert, läuft auch mit Illustrious."),
    ("sdxl/illustrious", "Fait pour Pony mais compatible Illustrious."),
    ("sdxl/illustrious", "Pony V6で学習。Illustriousでも使えます。"),
    ("sdxl/illustrious", "基于Pony训练，也支持Illustrious。"),
    ("sdxl/illustrious", "Обучено на Pony, также работает на Illustrious."),
    ("sdxl/illustrious", "Pony 기반으로 학습했고 Illustrious에서도 작동합니다."),
    ("flux1/dev", "Works on FLUX.1 dev too, trained on schnell."),
    ("flux1/dev", "FLUX.1 dev was too heavy for me, so this uses Chroma1-HD."),
    ("flux1/krea", "Trained on FLUX.1 dev. Nice on FLUX.1 Krea."),
    ("qwen-image/base", "Trained with Qwen-Image-Edit. Qwen-Image loads it without errors."),
    ("z-image/base", "Z-Image-Edit LoRA. There was only Z-Image to choose."),
    ("anima/base", "Trained on Cosmos-Predict2, usable on Anima."),
    ("lumina2/base", "A Neta Lumina LoRA. The list only has Lumina 2."),
    # a label and its value in neighbouring blocks
    ("sdxl/illustrious", "<table><tr><td>Checkpoint used for training</td><td>AutismMix SDXL Confetti</td></tr></table>"),
    ("sdxl/illustrious", "<table><tr><th>Base model</th><th>Steps</th></tr><tr><td>Juggernaut XL v9</td><td>2000</td></tr></table>"),
    ("sdxl/illustrious", "<table><tr><td><p>Modèle de base</p></td>\n<td><p>RealVisXL V5.0</p></td></tr></table>"),
    ("sdxl/illustrious", "<p>Базовая модель</p><p>Juggernaut XL v9</p>"),
    ("sdxl/illustrious", "基础模型：AutismMix Confetti"),
    ("sdxl/illustrious", "<dl><dt>Base checkpoint</dt><dd>RealVisXL V5.0</dd></dl>"),
    ("sdxl/illustrious", "<h2>Base checkpoint</h2><p>Juggernaut XL v9. Works great.</p>"),
    ("sdxl/illustrious", "<p><b>Model it was based on</b><br>Juggernaut XL v9, 2000 steps</p>"),
    ("sdxl/noobai", "## Base checkpoint\n\nJuggernaut XL v9"),
    ("sdxl/noobai", "| Steps | Base model |\n|---|---|\n| 2000 | RealVisXL V5.0 |"),
    ("sdxl/illustrious", "<table><tr><td>Basismodell</td><td>RealVisXL V5.0</td></tr></table>"),
    ("sdxl/illustrious", "<p>Training (checkpoint)</p><p>Juggernaut XL v9 works great for this</p>"),
    ("sdxl/illustrious", "Base model = Juggernaut XL v9"),
    ("sdxl/illustrious", "Base model was Juggernaut XL v9"),
    ("sdxl/illustrious", 'Training checkpoint: "Juggernaut XL v9"'),
    # versions that are elsewhere, or do not exist, of the page's base
    ("sdxl/illustrious", "There is no Illustrious version. Made on Pony."),
    ("sdxl/illustrious", "Illustrious版はありません。Pony専用です。"),
    ("sdxl/illustrious", "底模为Pony V6。Illustrious版见我的主页。"),
    ("sdxl/illustrious", "Обучено на Pony. Версия для Illustrious есть в моём профиле."),
    ("sdxl/illustrious", "Trained on Pony V6. There are versions for Pony and Illustrious."),
    ("sdxl/illustrious", "Trained on Illustrious. I also trained another epoch on Pony."),
    ("sdxl/illustrious", "Trained on Illustrious XL. The version for Illustrious was a Pony one."),
    ("krea2/base", "Made on Flux.1 Krea. I also made one for Krea 2, see my profile."),
]  # fmt: skip
OF_ITS_OWN_BASE = [
    # there is no other version, in other languages
    ("sdxl/pony", "Cabanes dans les arbres. Entraîné sur Pony Diffusion V6 XL. Il n'y a pas de version Illustrious."),
    ("sdxl/pony", "Entrenado con Pony V6. No hay versión para Illustrious."),
    ("sdxl/pony", "Trainiert auf Pony V6. Es gibt keine Illustrious-Version."),
    ("sdxl/pony", "Treinado no Pony V6. Não há versão para Illustrious."),
    ("sdxl/pony", "Addestrato su Pony V6. Non c'è una versione per Illustrious."),
    ("sdxl/pony", "Wytrenowane na Pony V6. Nie ma wersji dla Illustrious."),
    # no clause affirms the page's base, and none needs to
    ("sdxl/illustrious", "Illustrious. Works on NoobAI too."),
    ("sdxl/illustrious", "Works on Illustrious and NoobAI."),
    ("sdxl/illustrious", "Tested on WAI-Illustrious and NoobAI."),
    ("sdxl/illustrious", "Illustrious. The Pony version is on my profile."),
    ("sdxl/illustrious", "Trained on Illustrious XL 1.0. Also works on NoobAI."),
    ("sdxl/illustrious", "Made for Illustrious. Works fine with most Pony merges too."),
    ("sdxl/illustrious", "An Illustrious LoRA, the Pony version is on my profile."),
    ("sdxl/illustrious", "Base: Illustrious. Tested on NoobAI and Animagine, both are okay."),
    ("sdxl/pony", "Trained on Pony Diffusion V6 XL, not for Illustrious."),
    ("sdxl/pony", "Pony version. Illustrious version: https://civitai.com/models/123456"),
    ("sdxl/pony", "This is the Pony version. An Illustrious version is available separately."),
    ("sdxl/noobai", "Trained on NoobAI-XL Epsilon 1.1. Illustrious checkpoints work too."),
    ("sdxl/noobai", "Trained on NoobAI. Previews made with WAI-Illustrious."),
    ("sdxl/noobai", "NoobAI LoRA inspired by a Pony style of the same artist."),
    ("sdxl/animagine", "Trained on Animagine XL 4.0; an Illustrious version will follow."),
    ("sdxl/illustrious", "She rides a pony. Trained on Illustrious."),
    ("sdxl/illustrious", "Retrained on Illustrious. The old Pony upload is on another page."),
    ("sdxl/illustrious", "This file is the Illustrious port of my Pony LoRA."),
    ("sdxl/illustrious", "For Illustrious. It is better than the Pony version."),
    ("sdxl/illustrious", "Trained on Illustrious, should be fine on NoobAI."),
    ("sdxl/illustrious", "Illustrious version. For Pony see my other upload."),
    ("sdxl/illustrious", "Thanks to the NoobAI team! Trained on Illustrious v0.1."),
    ("sdxl/pony", "Built on Pony. NoobAI and Illustrious versions are planned."),
    ("sdxl/pony", "A Pony LoRA. You can try it on Illustrious as well."),
    ("sdxl/illustrious", "Entraîné sur Illustrious, fonctionne aussi avec NoobAI."),
    ("sdxl/illustrious", "Trainiert auf Illustrious, läuft auch auf NoobAI."),
    ("sdxl/pony", "Entrenado con Pony V6. También funciona con Illustrious."),
    ("sdxl/pony", "Treinado no Pony V6, funciona também no Illustrious."),
    ("sdxl/illustrious", "Addestrato su Illustrious. Funziona anche con NoobAI."),
    ("sdxl/illustrious", "Wytrenowane na Illustrious, działa też na NoobAI."),
    ("sdxl/illustrious", "Illustriousで学習しました。NoobAIでも使えます。"),
    ("sdxl/illustrious", "基于 Illustrious 训练，也可用于 NoobAI。"),
    ("sdxl/illustrious", "Illustrious 기반 학습. NoobAI에서도 사용 가능합니다."),
    ("sdxl/illustrious", "Обучено на Illustrious, также работает с NoobAI."),
    ("sdxl/base", "Trained on SDXL 1.0. Also works OK on most Illustrious and Pony merges at a lower weight."),
    ("flux1/dev", "Trained on FLUX.1 dev. Works with Flux Krea dev too."),
    ("flux1/dev", "Auf FLUX.1 dev trainiert. Häuser im historischen Kontext."),
    ("flux1/kontext", "Trained on FLUX.1 Kontext, not for FLUX.1 dev."),
    ("qwen-image/base", "Trained on Qwen-Image. Not for Qwen-Image-Edit."),
    ("qwen-image/base", "Trained on Qwen-Image-2512. A Qwen-Image-Edit version is planned."),
    ("z-image/base", "For Z-Image Turbo. Tested with Z-Image-Edit as well."),
    ("krea2/base", "Trained on Krea 2, not for SDXL."),
    ("anima/base", "Trained on Anima preview. Cosmos-Predict2 was also tried."),
    ("lumina2/base", "Made for Lumina 2, works on NetaYume too."),
    ("sdxl/illustrious", "Trained on Illustrious XL 0.1 with 40 images. May also work on NoobAI."),
    ("sdxl/illustrious", "Illustrious LoRA. If you use NoobAI, lower the weight to 0.6."),
    ("sdxl/illustrious", "Trained on Illustrious. Compatible with NoobAI."),
    ("sdxl/illustrious", "Base model: Illustrious v1.0. I also have a Pony version: https://civitai.com/models/12"),
    ("sdxl/illustrious", "Illustrious version of my Pony LoRA."),
    ("sdxl/illustrious", "Trained on Illustrious. If you want Pony, check my profile."),
    ("sdxl/illustrious", "Trained on Illustrious 2.0, weight 0.8. Pony users can find their version on my profile."),
    ("sdxl/illustrious", "Made for Illustrious based models such as WAI. NoobAI works as well."),
    ("sdxl/illustrious", "Use it with Illustrious checkpoints. Pony checkpoints are not supported."),
    ("sdxl/illustrious", "Trained on Illustrious v0.1. Sample images made with NoobAI."),
    ("sdxl/illustrious", "Character from the game. Trained on Illustrious-XL v1.0 for 12 epochs. Recommended weight 0.8-1.0."),
    ("sdxl/illustrious", "Illustrious LoRA. Recommended checkpoint: WAI-Illustrious."),
    ("sdxl/pony", "Trained on Pony Diffusion V6 XL. Use score_9, score_8_up. Illustrious version coming soon!"),
    ("sdxl/noobai", "Trained on NoobAI-XL Eps 1.1, tested on Illustrious checkpoints too, works fine."),
    ("sdxl/pony", "Pony LoRA for realism. Thanks to everybody who liked my Illustrious LoRAs!"),
    ("flux1/dev", "FLUX.1 dev LoRA, 2000 steps. Also tested on Krea, works too."),
    ("qwen-image/base", "Qwen-Image LoRA. Not tested with Qwen-Image-Edit."),
    ("sdxl/illustrious", "Gelernt auf Illustrious. Die Pony-Version findet ihr auf meinem Profil."),
    ("sdxl/illustrious", "Fait pour Illustrious. La version Pony est sur mon profil."),
    ("sdxl/illustrious", "Hecho para Illustrious. La versión de Pony está en mi perfil."),
    ("sdxl/noobai", "NoobAI-XL 1.1(epsilon)で学習しました。Illustrious系でも使えますが、効果は弱くなります。Pony版はありません。"),
    ("sdxl/illustrious", "Illustriousで学習しました。Pony版はプロフィールにあります。"),
    ("sdxl/illustrious", "底模为Illustrious XL 1.0，在NoobAI上也可以使用。Pony版本见我的主页。"),
    ("sdxl/illustrious", "底模为Illustrious XL 1.0。没有Pony版本。"),
    ("sdxl/illustrious", "底模为Illustrious XL 1.0。Pony版请到我的主页下载。"),
    ("sdxl/illustrious", "Illustrious 기반 학습. Pony 버전은 프로필에 있습니다."),
    ("sdxl/illustrious", "Illustrious 기반 학습. Pony 버전은 없습니다."),
    ("sdxl/illustrious", "Обучено на Illustrious. Версия для Pony есть в моём профиле."),
    ("sdxl/illustrious", "Обучено на Illustrious. Версии для Pony нет."),
    ("sdxl/illustrious", "Trained on Illustrious. There is no Pony version."),
    ("sdxl/illustrious", "Trained on Illustrious. I don't have a Pony version."),
    ("sdxl/illustrious", "Trained on Illustrious. There are versions for Pony, Illustrious and SD 1.5; choose the tab you need."),
    ("sdxl/illustrious", "Trained on Illustrious. Available for Pony and Illustrious."),
    ("sdxl/illustrious", "Trained on Illustrious. Other tabs: Pony, SD 1.5."),
    ("krea2/base", "Velvet fabrics for Krea 2. I also made one for Flux.1 Krea last year, see my profile."),
    ("krea2/base", "Trained on Krea 2. I also made a Flux.1 version, see my profile."),
    ("sdxl/illustrious", "<table><tr><td>Base model</td><td>Illustrious XL 1.0</td></tr><tr><td>Preview checkpoint</td><td>AutismMix</td></tr></table>"),
    ("sdxl/illustrious", "<table><tr><th>Base model</th><th>Previews</th></tr><tr><td>Illustrious XL</td><td>Juggernaut XL</td></tr></table>"),
    ("sdxl/illustrious", "<p>I trained this on my PC.</p><p>Juggernaut XL is my favourite for portraits.</p>"),
]  # fmt: skip


def make_of(base: str) -> str:
    return base.partition("/")[0]


@pytest.mark.parametrize(("told", "text"), OF_ANOTHER_BASE)
def test_a_text_that_names_another_base_disputes_its_page(told: str, text: str) -> None:
    page = Sidecar(base_model=BaseModelId(told), description=text)
    assert verdict(make_of(told), {}, page).base_model is None
    assert (
        verdict(make_of(told), {"modelspec.description": text}, Sidecar(base_model=BaseModelId(told))).base_model
        is None
    )


@pytest.mark.parametrize(("told", "text"), OF_ITS_OWN_BASE)
def test_a_text_that_affirms_the_base_may_name_another_for_something_else(told: str, text: str) -> None:
    page = Sidecar(base_model=BaseModelId(told), description=text)
    assert verdict(make_of(told), {}, page).base_model == told


@pytest.mark.parametrize(
    ("of_version", "of_model", "known"),
    [
        ("Trained on Illustrious XL v2.0.", "The Pony version is in the other tab.", True),
        ("Trained on Illustrious XL v2.0.", "The Pony version is a separate tab.", True),
        ("Trained on Illustrious XL v2.0.", "Other tabs: Pony, SD 1.5.", True),
        ("Trained on Pony V6.", "The Illustrious version is in the other tab.", False),
        ("Ink wash.", "The Illustrious version is in the other tab. This tab is Pony.", False),
        ("Trained on Illustrious XL v2.0.", "The Pony version was trained on Pony.", False),
    ],
)
def test_the_texts_of_a_version_and_of_its_model_are_read_together(of_version: str, of_model: str, known: bool) -> None:
    page = Sidecar(base_model=BaseModelId("sdxl/illustrious"), texts=telling([of_version]), description=of_model)
    assert (verdict("sdxl", {}, page).base_model is not None) == known


@pytest.mark.parametrize(
    ("told", "metadata"),
    [
        ("flux1/dev", {"lora_adapter_metadata": json.dumps({"base_model_name_or_path": "ostris/Flex.1-alpha"})}),
        ("qwen-image/base", {"modelspec.title": "Portraits for Qwen-Image-2.0"}),
        ("sdxl/illustrious", {"other": json.dumps({"name_or_path": "stabilityai/stable-diffusion-xl-base-1.0"})}),
    ],
)
def test_the_files_own_words_dispute_a_sidecar(told: str, metadata: dict[str, str]) -> None:
    page = Sidecar(base_model=BaseModelId(told))
    assert verdict(make_of(told), {}, page).base_model == told
    assert verdict(make_of(told), metadata, page).base_model is None


def test_a_configuration_beside_the_file_that_names_plain_sdxl_disputes_a_sidecar(tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "dusk_il.safetensors")
    lora.with_suffix(".toml").write_text('base_model = "sdxl/illustrious"\n')
    config = "config:\n  name: dusk_il\n  process:\n  - model:\n      name_or_path: {}\n      arch: sdxl\n"
    for repository, known in (
        ("stabilityai/stable-diffusion-xl-base-1.0", False),
        ("OnomaAIResearch/Illustrious-XL-v1.0", True),
    ):
        lora.with_suffix(".yaml").write_text(config.format(repository))
        assert (verdict("sdxl", {}, read_sidecar(lora)).base_model is not None) == known


def test_a_list_of_versions_in_a_page_s_name_is_no_sentence() -> None:
    page = Sidecar(base_model=BaseModelId("qwen-image/base"), name="Komori for Qwen-Image · 2.0")
    assert verdict("qwen-image", {}, page).base_model == "qwen-image/base"
