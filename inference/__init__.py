"""Pictures, without Discord and without the database. Only engine/ imports torch.

The architecture test lists which module may import which.

errors.py          what can go wrong, with the sentences
messages/          messages between the bot and a worker
bounds.py          numeric limits of a request
base_models.py     base models, and which go together
capabilities.py    what architectures can do
prediction.py      the prediction types of models
hardware.py        the devices that torch finds
picture_costs.py   what a picture costs in memory and arithmetic
content_rating.py  audiences of pictures: general, teen, mature, explicit, blocked
prompt_weights.py  weights of words in prompts
regions.py         names of a picture's regions, and which go together
notes.py           notes that come with a picture
files/             files and data from outside, read within bounds
processes/         processes, tasks, logs, and installed packages
checkpoints/       checkpoint files: kind, architecture and memory
lora/              reads and judges LoRA files
parameters/        the parameters of a picture, written into it and read from it
watermark/         a mark in the pixels of pictures, by a model
queue/             which job is generated next, and on which worker
matching.py        whether a LoRA fits a checkpoint; chooses the refusal
inspection.py      the result of inspecting one LoRA file
workers/           how the bot reaches a worker
demo/              two trained checkpoints and their LoRAs
cluster/           workers on other machines, through Ray
engine/            the engine, and the worker process around it
"""
