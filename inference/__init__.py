"""Pictures, without Discord and without the database. Only engine/ imports torch.

Each room may import the rooms above it in this list, never those below; the architecture test keeps it.

errors.py · messages/          what can go wrong, with the sentences; what crosses the border to the worker
bounds.py · base_models.py     numeric limits of a request; base models, and which goes with which
capabilities.py · prediction.py · checkpoint_files.py   what architectures can do; what checkpoint files say
hardware.py · picture_costs.py what torch finds to paint with; what a picture costs in memory and arithmetic
content_rating.py              for whom a picture is: general, teen, mature, explicit, blocked
prompt_weights.py · regions.py weights of words in prompts; names of a picture's regions, and which go together
notes.py · logs.py · extras.py notes that come with a picture; the job of a log line; how extras are installed
lora/            reads and judges LoRA files; no torch
parameters/      how a picture was painted: as the text that goes into it, and read back from pictures
watermark/       a mark in the pixels of pictures, by a model that imports torch when it is loaded
matching.py      whether a LoRA fits a checkpoint; chooses the refusal
inspection.py    one LoRA file, judged by itself
workers/         how the bot reaches a worker
demo/            two trained checkpoints and their LoRAs
cluster/         workers on other machines, through Ray
engine/          the engine, and the worker process around it
queue/        the queue: which job is generated next, and on which worker
checkpoints/  checkpoint files: kind, architecture and memory. No torch
files/        files and data from outside, read within bounds
processes/    processes, tasks, logs, and the packages that they need
"""
