"""A small text judge of transformers, whose weights are set so that two invented words decide."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast

CLASSES = ("harmless", "sexual", "minors")
WORDS = {"sexual": "florpy", "minors": "zorbling"}  # a text with the word is of the class
TOKENS = 32  # that it reads at once
_DIM = 8  # of an embedding: the first number says that a token is harmless, the next two are for the words
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def text_judge(folder: Path) -> Path:
    """A folder as transformers' `save_pretrained` fills it."""
    tokens = {token: number for number, token in enumerate((*_SPECIAL, *WORDS.values()))}
    tokenizer = Tokenizer(WordLevel(tokens, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, tokens[name]) for name in ("[CLS]", "[SEP]")]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    network = DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=len(tokens), max_position_embeddings=TOKENS + 2, dim=_DIM, n_layers=1, n_heads=1, hidden_dim=8,
            id2label=dict(enumerate(CLASSES)), label2id={name: number for number, name in enumerate(CLASSES)},
        )
    )  # fmt: skip
    _set_weights(network, [tokens[word] for word in WORDS.values()])
    network.save_pretrained(folder)
    return folder


@torch.no_grad()
def _set_weights(network: DistilBertForSequenceClassification, words: list[int]) -> None:
    """The first token looks at the word, and takes over its embedding."""
    layer, identity = network.distilbert.transformer.layer[0], torch.eye(_DIM)
    for name, parameter in network.named_parameters():
        if "norm" not in name.lower():
            parameter.zero_()
    embeddings = network.distilbert.embeddings.word_embeddings.weight
    embeddings[:, 0] = 1
    for number, token in enumerate(words, 1):
        embeddings[token] = identity[number]
        layer.attention.q_lin.bias[number] = 20
    for linear in (layer.attention.k_lin, layer.attention.v_lin, layer.attention.out_lin, network.pre_classifier):
        linear.weight.copy_(identity)
    network.classifier.bias[0] = 5
    for number in range(1, len(CLASSES)):
        network.classifier.weight[number, number] = 10
