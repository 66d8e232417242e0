"""Model families: what an architecture says of itself, so that the running batch needs to know none.

family.py   the protocol of a family, and the conditions of its denoiser
flux1.py    Flux.1: packed latents, guidance as an input of the network
transformer.py  the base of those of diffusion transformers
unet.py     Stable Diffusion 1.5, 2 and SDXL: a UNet, guided by a second row
anima.py    Anima: Cosmos' transformer with a conditioner of texts
sd3.py      Stable Diffusion 3 and 3.5: a transformer, texts of one length
qwen_image.py   Qwen-Image: packed latents, texts as long as they are
z_image.py  Z-Image: a transformer that takes texts of any length
"""
