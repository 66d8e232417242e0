"""The engine and the worker process around it: the only package of inference that imports torch.

Each package may import those above it in this list, never those below.

options.py     what an operator may choose about the engine
classifier.py  looks at finished pictures, and reports scores
text_judge.py  reads the words of requests, reports scores, and refuses words about minors
devices/       which device and precision; where networks are; caches by bytes
lora/          a LoRA file's weights become changes of the loaded checkpoint's layers
layers/        what LoRAs add to a layer's output, for one picture and for a batch
models/        checkpoints: loading, prompts, previews, decoding
batch/         requests that share each forward pass of the denoiser
single/        architectures that are painted one request at a time
intake/        the loaded checkpoint, caches of LoRAs, and the preparation of requests
engine.py      takes requests at any time, and steps the batch
process/       the worker process; __main__.py starts it
"""
