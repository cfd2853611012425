"""DeepSpeed's configuration, made of ours."""

from __future__ import annotations

from typing import Any

from .config import TrainConfig

_LARGEST_BUCKET = 500_000_000
_LARGEST_PERSISTENT = 100_000
_ALIGNED = 1024
"""Buckets are multiples of it, as stage 2 asks."""
_NEVER = 1_000_000_000


def deepspeed_config(
    config: TrainConfig, *, num_accumulated: int, num_trained: int, hidden_size: int, has_gpu: bool
) -> dict[str, Any]:
    """Return DeepSpeed's configuration of a run.

    Args:
        config: The run.
        num_accumulated: Micro batches that a process reads between two updates.
        num_trained: Numbers that are trained; buckets need not be larger.
        hidden_size: Width of the language model; under stage 3 its vectors stay whole.
        has_gpu: Whether weights live on a GPU. On a CPU offload gains nothing, but it is done all the same: what is
            proved there is what a GPU does.

    Example:
        >>> from movieqa.train.recipes import long_video
        >>> made = deepspeed_config(long_video(), num_accumulated=1, num_trained=9, hidden_size=8, has_gpu=True)
        >>> made["zero_optimization"]["offload_optimizer"]["device"]
        'cpu'
    """
    parallel, optimizer = config.parallel, config.optimizer
    bucket = min(_LARGEST_BUCKET, -(-num_trained // _ALIGNED) * _ALIGNED)
    zero: dict[str, Any] = {
        "stage": parallel.zero_stage,
        "overlap_comm": has_gpu,
        "contiguous_gradients": True,
        "reduce_bucket_size": bucket,
        "allgather_bucket_size": bucket,
    }
    if parallel.zero_stage == 3:
        zero |= {
            "stage3_prefetch_bucket_size": bucket,
            "stage3_param_persistence_threshold": min(_LARGEST_PERSISTENT, 10 * hidden_size),
            "stage3_max_live_parameters": 1_000_000_000,
            "stage3_max_reuse_distance": 1_000_000_000,
            "stage3_gather_16bit_weights_on_model_save": False,  # the export gathers what was trained
        }
    if parallel.offload_optimizer and parallel.zero_stage > 0:
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": has_gpu}
    if parallel.offload_parameters:
        zero["offload_param"] = {"device": "cpu", "pin_memory": has_gpu}
    return {
        "train_micro_batch_size_per_gpu": parallel.micro_batch,
        "gradient_accumulation_steps": num_accumulated,
        "gradient_clipping": optimizer.clip if deepspeed_clips(config) else 0.0,
        "bf16": {"enabled": config.compute.dtype == "bf16"},
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": optimizer.implementation == "deepspeed",
        "steps_per_print": _NEVER,
    }


def deepspeed_clips(config: TrainConfig) -> bool:
    """Return whether DeepSpeed clips gradients; float32 ones without ZeRO it clips slowly, and hides their norm."""
    return config.parallel.zero_stage > 0 or config.compute.dtype == "bf16"
