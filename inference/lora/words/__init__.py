"""Names of base models in texts.

texts.py               all texts that come with a file and may name a model; translated_words.py for other scripts
translated_words.py    ??Names of models, denials and words about training in other scripts, as people write them, and their Latin form
labels.py              statements of a label and a value that stand apart
denials.py             how a text says that a file is not for a model
file_statements.py     what a text says that the file beside it is
mentions.py            which base model a text is about that names two
architecture_words.py  what trainers call architectures
titles.py              lineages in names; brands.py has those of popular checkpoints
brands.py              ??Brands in the file names of popular checkpoints, the base model of each, and the source that says so
relatives.py           models with the same layers, and versions that do not exist, by their names
prediction_words.py    ??Words for epsilon and v-prediction: in names of checkpoints and LoRAs, and in what trainers record of their settings
"""
