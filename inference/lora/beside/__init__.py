"""What files say beside the tensors.

metadata.py          what trainers write into a file; adapter_config.py is what diffusers writes
adapter_config.py    ??The adapter's configuration that diffusers writes into a file's metadata
sidecar.py           what stands beside a file; foreign_sidecars.py for what other programs left
foreign_sidecars.py  ??What other programs leave beside a LoRA file, as far as it tells what ours would
text_files.py        text files beside a file: notes, cards, configurations of trainings
declarations.py      the operator's word, pinned to a file's SHA-256; journal.py for what is kept beside the library
journal.py           ??Append-only files beside the library, one JSON object a line, which bot and worker both read
trigger_groups.py    trigger words that go together, as authors give them; categories.py for what LoRAs are for
categories.py        ??The purposes of LoRAs
"""
