"""Pictures, without Discord and without the database. Only engine/ imports torch.

Each room may import the rooms above it in this list, never those below; the architecture test keeps it.

bounds.py · base_models.py      what a request may be; what a checkpoint is and a LoRA was trained on
messages.py · errors.py         what crosses the process border; everything that can go wrong
capabilities.py · prediction.py · checkpoint_files.py    what architectures can do; what files say
hashes.py · private_files.py · memory.py                 identity of files; who may read them; what fits into memory
pictures.py · remarks.py        headers of picture files; what a worker remarks on a picture
logs.py · work.py               log lines by job; how much work a request is
lora/            reads and judges LoRA files; no torch
parameters/      how a picture was painted, written into it and read from it
matching.py      does a LoRA fit a checkpoint, and if not, why
queue.py         which job comes next; rehearsal.py simulates it to forecast times
inspection.py    one LoRA file, judged by itself
workers/         how the bot reaches a worker
demo/            two trained checkpoints and their LoRAs
engine/          the engine, and the worker process around it
"""
