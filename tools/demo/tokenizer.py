"""The tokenizers of the demo checkpoints: a small byte-level BPE in CLIP's form, learnt from the captions."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from tools.demo.captions import BAD_TAGS, GOOD_TAGS, caption
from tools.demo.world import BUCKETS, LOOKS, random_scene

MAX_TOKENS = 32
VOCABULARY = 744
START, END = "<|startoftext|>", "<|endoftext|>"
START_ID, END_ID = VOCABULARY - 2, VOCABULARY - 1
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
# Words of ordinary prompts, so that these do not fall apart into bytes.
_OTHER_WORDS = "1girl solo cute simple detailed picture drawing of the and with very small owl bird striped dotted"


def corpus(seed: int, count: int) -> list[str]:
    """Captions of both looks, with every quality tag and some words of ordinary prompts."""
    rng = random.Random(seed)
    texts = [caption(random_scene(rng.choice(LOOKS), BUCKETS[0], rng), rng) for _ in range(count)]
    tags = [", ".join(tags) for table in (GOOD_TAGS, BAD_TAGS) for tags in table.values()]
    return texts + [*tags, _OTHER_WORDS] * (count // 100)


def train_tokenizers(seed: int, folder: Path) -> None:
    """Write `tokenizer` and `tokenizer_2` into `folder`; the second pads with "!" as SDXL's does."""
    vocabulary, merges = _learn(corpus(seed, 6000))
    for name, pad in (("tokenizer", END), ("tokenizer_2", "!")):
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        (target / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
        (target / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
        tokenizer = CLIPTokenizer(
            vocab=vocabulary,
            merges=[tuple(merge.split(" ")) for merge in merges],
            model_max_length=MAX_TOKENS,
            pad_token=pad,
            bos_token=START,
            eos_token=END,
            unk_token=END,
        )
        tokenizer.save_pretrained(target)


def load_tokenizers(folder: Path) -> tuple[CLIPTokenizer, CLIPTokenizer]:
    """Both tokenizers of a checkpoint folder."""
    first = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    return first, CLIPTokenizer.from_pretrained(folder / "tokenizer_2")


def _learn(texts: list[str]) -> tuple[dict[str, int], list[str]]:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # Every byte, alone and ending a word, is a token: no text can be unknown. "!" gets id 0.
    alphabet.remove("!")
    alphabet.insert(0, "!")
    units = alphabet + [letter + "</w>" for letter in alphabet]
    bpe = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="</w>"))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    room = VOCABULARY - 2 - len(units)
    trainer = trainers.BpeTrainer(
        vocab_size=room + 2 * len(alphabet),
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        special_tokens=[],
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    merges = [_merge_line(merge) for merge in json.loads(bpe.to_str())["model"]["merges"]][:room]
    names = units + ["".join(merge.split(" ")) for merge in merges]
    names += [f"<|unused{i}|>" for i in range(VOCABULARY - 2 - len(names))] + [START, END]
    if len(set(names)) != VOCABULARY:
        raise ValueError("the tokenizer learnt a piece twice; change the corpus or the vocabulary size")
    return {name: i for i, name in enumerate(names)}, merges


def _merge_line(merge: str | list[str]) -> str:
    return merge if isinstance(merge, str) else " ".join(merge)
