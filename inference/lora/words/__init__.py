"""Names of base models in texts.

texts.py               all texts that come with a file and may name a model
translated_words.py    words for models, denials and training in other scripts
labels.py              statements of a label and a value that stand apart
denials.py             how a text says that a file is not for a model
file_statements.py     what a text says about the file beside it
mentions.py            which base model a text is about that names two
architecture_words.py  what trainers call architectures
titles.py              base models in titles and file names
brands.py              base models of popular checkpoints, by brand
relatives.py           models with the same layers, and versions that do not exist
prediction_words.py    words for epsilon and v-prediction
"""
