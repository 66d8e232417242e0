"""Where torch lives, and nowhere else: the engine and the worker process around it.

Each room may import the rooms above it in this list, never those below; the architecture test keeps it.

options.py     what an operator may choose about the engine
devices/       which device and precision; where networks are; caches by bytes
lora/          a LoRA file's weights become changes of the loaded checkpoint's layers
layers/        what LoRAs add to a layer's output, for one picture and for a batch
models/        checkpoints: loading, prompts, previews, decoding
batch/         requests that share each forward pass of the denoiser
single/        architectures that are painted one request at a time
intake/        what is read, matched and folded before a request joins the batch
engine.py      takes requests at any time, and steps the batch
process/       the worker process; __main__.py starts it
"""
