"""The shape of a model: three transformers configs and the few choices that are ours."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, LlamaConfig, PretrainedConfig
from transformers.configuration_utils import SubConfigSpec
from transformers.models.instructblip.configuration_instructblip import (
    InstructBlipQFormerConfig,
    InstructBlipVisionConfig,
)

from movieqa.errors import ConfigError
from movieqa.prompt import DEFAULT_TEMPLATE

Pooling = Literal["mean", "grid", "none"]
Projector = Literal["linear", "mlp2x_gelu"]

POOLINGS: tuple[Pooling, ...] = ("mean", "grid", "none")
PROJECTORS: tuple[Projector, ...] = ("linear", "mlp2x_gelu")


@strict
class MovieConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """Describe a whole model: vision tower, text decoder, language model, and how frames become tokens.

    Attributes:
        vision_config: The vision tower (EVA ViT-g by default).
        qformer_config: The text decoder, which reads a frame with the guidance text in mind.
        text_config: The language model, any causal one of transformers.
        num_query_tokens: Query tokens Q of the text decoder.
        pooling: How patches become content tokens: their `mean`, a `grid` of averages, or `none` at all.
        grid_size: Cells along one side of the grid; used by `pooling="grid"` only.
        projector: The layer that brings content tokens to the language model's width.
        image_norm_eps: Epsilon of the LayerNorm between vision tower and text decoder.
        max_guidance_tokens: Longest guidance text; a longer one loses its beginning.
        frames_per_block: Frames that go through the text decoder at once; bounds memory, never changes results.
        max_context: Tokens the model was trained for (prompt and answer together).
        template: Name of the chat template that the model was trained with.
        pad_pictures: Whether pictures are padded to a square (rather than cropped) before the vision tower.
        image_mean: Mean of red, green and blue in training, of 1.
        image_std: Their standard deviation.

    Example:
        >>> tiny().num_tokens_per_frame
        2
    """

    model_type = "movieqa"
    sub_configs_defaults: ClassVar[dict[str, Any]] = {
        "vision_config": InstructBlipVisionConfig,
        "qformer_config": InstructBlipQFormerConfig,
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
    }

    vision_config: dict[str, Any] | PretrainedConfig | None = None
    qformer_config: dict[str, Any] | PretrainedConfig | None = None
    text_config: dict[str, Any] | PretrainedConfig | None = None
    num_query_tokens: int = 32
    pooling: str = "mean"
    grid_size: int = 2
    projector: str = "mlp2x_gelu"
    image_norm_eps: float = 1e-5
    max_guidance_tokens: int = 256
    frames_per_block: int = 64
    max_context: int = 4096
    template: str = DEFAULT_TEMPLATE
    pad_pictures: bool = True
    image_mean: list[float] | tuple[float, ...] = (0.48145466, 0.4578275, 0.40821073)
    image_std: list[float] | tuple[float, ...] = (0.26862954, 0.26130258, 0.27577711)
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Check the choices that are ours and agree on the widths shared by two parts.

        Raises:
            ConfigError: If a choice is not one of those offered, or a size cannot work.
        """
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        if self.pooling not in POOLINGS:
            raise ConfigError(f"pooling={self.pooling!r} is not one of {', '.join(POOLINGS)}")
        if self.projector not in PROJECTORS:
            raise ConfigError(f"projector={self.projector!r} is not one of {', '.join(PROJECTORS)}")
        if self.frames_per_block < 1 or self.num_query_tokens < 1:
            raise ConfigError("frames_per_block and num_query_tokens must be at least 1")
        if self.image_size % self.patch_size:
            raise ConfigError(
                f"a picture of {self.image_size} pixels is not a whole number of patches of {self.patch_size}"
            )
        self.qformer.encoder_hidden_size = self.vision.hidden_size
        self.tie_word_embeddings = bool(self.language.tie_word_embeddings)
        _ = self.num_content_tokens  # a grid that does not fit is an error now, not in the middle of a film

    @property
    def vision(self) -> InstructBlipVisionConfig:
        """The vision tower's config, typed."""
        return self.vision_config  # type: ignore[return-value]

    @property
    def qformer(self) -> InstructBlipQFormerConfig:
        """The text decoder's config, typed."""
        return self.qformer_config  # type: ignore[return-value]

    @property
    def language(self) -> PretrainedConfig:
        """The language model's config, typed."""
        return self.text_config  # type: ignore[return-value]

    @property
    def image_size(self) -> int:
        """Side of a frame in pixels."""
        return int(self.vision.image_size)  # type: ignore[arg-type]

    @property
    def patch_size(self) -> int:
        """Side of a patch in pixels."""
        return int(self.vision.patch_size)  # type: ignore[arg-type]

    @property
    def num_patches(self) -> int:
        """Patches P of one frame."""
        return (self.image_size // self.patch_size) ** 2

    @property
    def num_content_tokens(self) -> int:
        """Content tokens m of one frame."""
        return count_content_tokens(self.num_patches, self.pooling, self.grid_size)

    @property
    def num_tokens_per_frame(self) -> int:
        """Tokens of one frame in the prompt: one context token and the content tokens."""
        return 1 + self.num_content_tokens


def count_content_tokens(num_patches: int, pooling: str, grid_size: int) -> int:
    """Count the content tokens that one frame gives.

    A grid that does not divide the side of the patches gives more cells than asked for, because the stride is
    rounded down: 3 on a side of 8 has stride 2, hence 4 x 4 cells (LLaMA-VID does the same).

    Args:
        num_patches: Patches P of a frame, without the class token.
        pooling: `mean`, `grid` or `none`.
        grid_size: Cells along one side, for `grid`.

    Returns:
        The number of content tokens m.

    Raises:
        ConfigError: If a grid is asked of patches that are no square, or that are fewer than its cells.

    Example:
        >>> count_content_tokens(256, "grid", 4)
        16
    """
    if pooling == "mean":
        return 1
    if pooling == "none":
        return num_patches
    side, stride = grid_stride(num_patches, grid_size)
    return int(((side - stride) // stride + 1) ** 2)


def grid_stride(num_patches: int, grid_size: int) -> tuple[int, int]:
    """Return the side of the square of patches and the stride of the pooling window.

    Raises:
        ConfigError: If the patches are no square, or the grid has fewer than two or more cells than patches.
    """
    side = int(num_patches**0.5)
    if side * side != num_patches:
        raise ConfigError(
            f"{num_patches} patches are no square, so they cannot be pooled on a grid", hint="use pooling='mean'"
        )
    if not 1 < grid_size <= side:
        raise ConfigError(f"grid_size={grid_size} must be between 2 and {side}, the patches along one side")
    return side, side // grid_size


def llama_vid_7b(*, image_size: int = 224, is_long: bool = False, pooling: Pooling = "mean") -> MovieConfig:
    """Return the configuration of the published 7B models.

    Args:
        image_size: Side of a frame in pixels, 224 or 336.
        is_long: Whether positions are stretched 16 times, to 65,536 tokens (the film model).
        pooling: Content pooling; the picture models have `none`.

    Example:
        >>> llama_vid_7b().num_tokens_per_frame
        2
    """
    return _llama_vid(_vicuna(4096, 11008, 32, is_long=is_long), image_size, is_long=is_long, pooling=pooling)


def llama_vid_13b(*, image_size: int = 224, is_long: bool = False, pooling: Pooling = "mean") -> MovieConfig:
    """Return the configuration of the published 13B models; the arguments are those of `llama_vid_7b`.

    Example:
        >>> llama_vid_13b().language.hidden_size
        5120
    """
    return _llama_vid(_vicuna(5120, 13824, 40, is_long=is_long), image_size, is_long=is_long, pooling=pooling)


def tiny(*, text_config: PretrainedConfig | None = None, pooling: Pooling = "mean", grid_size: int = 2) -> MovieConfig:
    """Return a model small enough for a test on a laptop: 32 wide, three blocks, an 8 x 8 square of patches.

    Args:
        text_config: Another language model; a two-layer Llama by default.
        pooling: Content pooling.
        grid_size: Cells along one side, for `pooling="grid"`.

    Example:
        >>> tiny().num_patches
        64
    """
    return MovieConfig(
        vision_config=InstructBlipVisionConfig(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=3,
            num_attention_heads=4,
            image_size=112,
            initializer_range=0.2,
        ),
        qformer_config=InstructBlipQFormerConfig(
            vocab_size=142,
            hidden_size=48,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=40,
            max_position_embeddings=260,
            initializer_range=0.2,
        ),
        text_config=text_config
        or LlamaConfig(
            vocab_size=259,
            hidden_size=64,
            intermediate_size=88,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=2048,
            pad_token_id=0,
            initializer_range=0.2,
        ),
        num_query_tokens=8,
        pooling=pooling,
        grid_size=grid_size,
        max_context=2048,
    )


def _vicuna(width: int, hidden: int, num_layers: int, *, is_long: bool) -> LlamaConfig:
    rope = {"rope_type": "linear", "factor": 16.0} if is_long else {"rope_type": "default"}
    return LlamaConfig(
        vocab_size=32000,
        hidden_size=width,
        intermediate_size=hidden,
        num_hidden_layers=num_layers,
        num_attention_heads=width // 128,
        num_key_value_heads=width // 128,
        max_position_embeddings=4096,
        rms_norm_eps=1e-5,
        pad_token_id=0,
        rope_parameters={"rope_theta": 10000.0, **rope},
    )


def _llama_vid(text_config: LlamaConfig, image_size: int, *, is_long: bool, pooling: Pooling) -> MovieConfig:
    return MovieConfig(
        vision_config=InstructBlipVisionConfig(image_size=image_size),
        qformer_config=InstructBlipQFormerConfig(vocab_size=30523),
        text_config=text_config,
        pooling=pooling,
        max_context=65536 if is_long else 4096,
    )
