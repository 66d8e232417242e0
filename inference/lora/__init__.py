"""LoRA files: reads them strictly, and determines their base model and the evidence for it. No torch.

library.py              a folder of files, scanned in parallel, and the way to a file that stays inside
tensors/                the tensors of a file, and the model whose layers they change
words/                  names of base models in texts
known/                  known base models
beside/                 metadata, files beside a LoRA file, and declarations of operators
data/                   the table of layers of known base models
knowledge.py            what is known of files besides the files themselves
few_steps.py            few-step LoRAs and distilled checkpoints: their models, and the evidence
evidence.py             the sources for a base model in order: which one decides, and which one contradicts it
prediction_evidence.py  the sources for the prediction type in order
verdict.py              combines shapes and words to the final verdict on a base model
"""
