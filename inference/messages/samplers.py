"""Samplers, and how their steps lie between pure noise and the picture."""

from __future__ import annotations

from enum import StrEnum


class Sampler(StrEnum):
    """Samplers by the names people know; the engine maps them to diffusers' schedulers."""

    EULER = "euler"
    EULER_A = "euler_a"
    DDIM = "ddim"
    DPMPP_2M = "dpmpp_2m"
    DPMPP_2M_KARRAS = "dpmpp_2m_karras"
    DPMPP_2M_SDE = "dpmpp_2m_sde"
    UNIPC = "unipc"
    HEUN = "heun"
    LCM = "lcm"
    TCD = "tcd"


class Spacing(StrEnum):
    """How a sampler's steps lie between pure noise and the picture, by the names people know.

    The first three say which of the training's timesteps are taken: `leading` leaves out the noisiest, `linspace` has
    both ends, `trailing` begins at the noisiest. The others are levels of noise over the whole range.
    """

    LEADING = "leading"
    LINSPACE = "linspace"
    TRAILING = "trailing"
    KARRAS = "karras"
    EXPONENTIAL = "exponential"
    BETA = "beta"

    @classmethod
    def _missing_(cls, value: object) -> Spacing | None:
        return cls.TRAILING if value == "sgm_uniform" else None  # the web UIs' name


_BY_TIMESTEP = (Spacing.LEADING, Spacing.LINSPACE, Spacing.TRAILING)
_BY_TIMESTEP_OR_LEVEL = (*_BY_TIMESTEP, Spacing.KARRAS, Spacing.EXPONENTIAL)
# The samplers of a UNet. What diffusers' schedulers do well: its DDIM steps past the times of `linspace` and leaves
# noise. The consistency samplers have their own times, or those of `trailing`.
UNET_SPACINGS: dict[Sampler, tuple[Spacing, ...]] = {
    Sampler.EULER: _BY_TIMESTEP_OR_LEVEL,
    Sampler.EULER_A: _BY_TIMESTEP,
    Sampler.DDIM: (Spacing.LEADING, Spacing.TRAILING),
    Sampler.DPMPP_2M: _BY_TIMESTEP_OR_LEVEL,
    Sampler.DPMPP_2M_KARRAS: (Spacing.KARRAS,),
    Sampler.DPMPP_2M_SDE: _BY_TIMESTEP_OR_LEVEL,
    Sampler.UNIPC: _BY_TIMESTEP_OR_LEVEL,
    Sampler.HEUN: _BY_TIMESTEP_OR_LEVEL,
    Sampler.LCM: (Spacing.TRAILING,),
    Sampler.TCD: (Spacing.TRAILING,),
}
_OF_FLOW = (Spacing.TRAILING, Spacing.KARRAS, Spacing.EXPONENTIAL, Spacing.BETA)
# The samplers of flow matching, the usual one first.
FLOW_SPACINGS: dict[Sampler, tuple[Spacing, ...]] = {
    Sampler.EULER: _OF_FLOW,
    Sampler.DPMPP_2M: _OF_FLOW,
    Sampler.DPMPP_2M_KARRAS: (Spacing.KARRAS,),
    Sampler.DPMPP_2M_SDE: _OF_FLOW,
    Sampler.UNIPC: _OF_FLOW,
    Sampler.HEUN: _OF_FLOW,
    Sampler.LCM: _OF_FLOW,
}
# What any checkpoint offers; which are a checkpoint's, its `Capability.samplers` says.
SPACINGS: dict[Sampler, tuple[Spacing, ...]] = {
    sampler: tuple(each for each in Spacing if each in (*spacings, *FLOW_SPACINGS.get(sampler, ())))
    for sampler, spacings in UNET_SPACINGS.items()
}
