"""LoRA files: read them strictly, and say which base model they were trained on and how we know. No torch here.

library.py         a folder of files, scanned in parallel, and the way to a file that stays inside
header.py          the strict reader of safetensors headers
foreign_kinds.py   embeddings, ControlNets, checkpoints and others that are no LoRAs
suffixes.py        tensor names: what a tensor is to its module
formats.py         modules: format, dense shape, rank, what is malformed
names.py           module names: which part of a pipeline, which path in it
spellings.py       every path under which files know a layer; original_names.py holds the tables for it
tables.py          the known base models and their layers (data/networks.txt)
fit.py             whose layers a file has; markers.py for what fits nothing
metadata.py        what trainers write into a file; adapter_config.py is what diffusers writes
texts.py           all texts that come with a file and may name a model; translated_words.py for other scripts
labels.py          statements of a label and a value that stand apart
denials.py         how a text says that a file is not for a model
file_statements.py what a text says that the file beside it is
mentions.py        which base model a text is about that names two
architecture_words.py what trainers call architectures
titles.py          lineages in names; brands.py has those of popular checkpoints
relatives.py       models with the same layers, and versions that do not exist, by their names
known_bases.py     published base models by hash and id; installed.py for those that are installed
first_releases.py  the months in which base models were first published
declarations.py    the operator's word, pinned to a file's SHA-256; journal.py for what is kept beside the library
registry.py        what a public registry of models says
sidecar.py         what stands beside a file; foreign_sidecars.py for what other programs left
text_files.py      text files beside a file: notes, cards, configurations of trainings
trigger_groups.py  trigger words that go together, as authors give them; categories.py for what LoRAs are for
prediction_evidence.py  the ladder of sources of the prediction type; prediction_words.py reads the words for it
knowledge.py       what is known of files besides the files themselves
few_steps.py       few-step LoRAs and distilled checkpoints: what they were made for, and how that is known
evidence.py        the ladder of sources of the lineage: which one decides, and what speaks against it
verdict.py         brings shapes and words together: the last word on a file's base model
"""
