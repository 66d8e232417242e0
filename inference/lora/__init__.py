"""LoRA files: read them strictly, and say which base model they were trained on and how we know. No torch here.

library.py         a folder of files, scanned in parallel, and the way to a file that stays inside
prediction_evidence.py  the ladder of sources of the prediction type; prediction_words.py reads the words for it
knowledge.py       what is known of files besides the files themselves
few_steps.py       few-step LoRAs and distilled checkpoints: what they were made for, and how that is known
evidence.py        the ladder of sources of the lineage: which one decides, and what speaks against it
verdict.py         brings shapes and words together: the last word on a file's base model
tensors/  the tensors of a LoRA file, and whose layers they belong to
words/    names of base models in texts
known/    known base models
beside/   what files say beside the tensors
"""
