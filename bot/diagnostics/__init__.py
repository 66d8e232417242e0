"""What is wrong with this machine or with the files, and what to do: from recorded facts to findings.

finding.py       one finding: its subject, its grade, a sentence
facts.py         the facts about a machine, and looking them up
nvidia_smi.py    reads what nvidia-smi prints
cards.py         graphics card, driver, container and the build of torch
advice.py        what to do about each trouble with a card
capacity.py      whether memory, time and disk are enough for the declared checkpoints
folders.py       whether a folder can be written
folder_spaces.py the free space of Easel's folders, for the metrics
watch.py         data and workers of the running bot: damage, room, copies, silence
classifier.py    whether the classifier of finished pictures and the text judge can be used
watermark.py     whether the watermark can be used
cluster.py       whether this machine can be part of a cluster, and whether its machines fit together
checkpoints.py   what the files of the declared checkpoints are
"""
