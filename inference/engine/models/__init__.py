"""Checkpoints: loading them, and what their networks are asked for besides denoising.

checkpoints.py   a loaded checkpoint; opens a folder, a single file or a hub repository
families/        what an architecture says of itself: all that the batch knows of it
packed_denoiser.py   a denoiser from a GGUF file, or packed while it is loaded
single_file.py   one `.safetensors` file with everything; configs/ holds what such a file leaves out
sizes.py         refuses pictures of a size that patches do not fill
soundness.py     is a loaded checkpoint whole, and what it was declared to be
fast_paths.py    what diffusers computes at every call, computed once; fast_z_image.py for Z-Image
prompts.py       prompt weights and chunks
embeddings.py    texts as the CLIPs of Stable Diffusion encode them; text_embeddings.py for transformers
embedding_cache.py  what they made of texts, on the device; embedding_files.py keeps it in files
flow.py          schedules and samplers of flow matching; beta.py has the quantile of one spacing
samplers.py      samplers by name, whose noise is in step_noise.py and whose coefficients in unipc.py
pred_original_sample.py has the latents that a step predicts
decode.py        latents to pixels by the VAE; previews.py for cheaper pictures
"""
