"""A whole IDA-VLM release: what of it can be used here becomes one folder, and what cannot is named."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from movieqa.checkpoint.folders import new_folder
from movieqa.checkpoint.ida_vlm import CONFIG_FILE, IdFormerReport, convert_id_former
from movieqa.checkpoint.ida_vlm_tower import VisualTowerConfig, convert_visual_tower
from movieqa.checkpoint.names import join_names
from movieqa.checkpoint.write import ConversionReport
from movieqa.errors import CheckpointError
from movieqa.storage import read_bounded, write_atomic

ID_FORMER = "id-former"
VISUAL_TOWER = "visual-tower"
"""Folders in the converted release."""
NEEDS = (
    "Qwen-7B as tuned in the same release, which reads its tokens",
    "Qwen-VL's tokenizer, for prompts of the form `NAME is <img>...</img>`",
)
"""What the two converted parts need besides each other."""

_LANGUAGE_MODEL = re.compile(r"transformer\.(wte|h\.\d+|ln_f|rotary_emb)\..+|lm_head\.weight")
_MAX_CONFIG_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class IdaVlmReport:
    """What the conversion of a release did.

    Attributes:
        id_former: The ID-Former, in the folder `id-former`.
        visual_tower: The visual tower, in the folder `visual-tower`.
        unused: The other tensors of the release: those of its language model.
        needs: What the two parts need besides each other.
    """

    id_former: IdFormerReport
    visual_tower: ConversionReport
    unused: tuple[str, ...]
    needs: tuple[str, ...] = NEEDS

    def describe(self, place: str | Path) -> str:
        """Write the report for people; `place` is where the new folder is."""
        lines = [part.describe(Path(place) / part.target) for part in (self.id_former, self.visual_tower)]
        lines.append(f"{len(self.unused)} tensors of its language model were not converted; it also needs")
        return "\n".join([*lines, *(f"- {need}" for need in self.needs)])

    def save(self, path: str | Path) -> None:
        """Write the report as JSON."""
        write_atomic(Path(path), json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")


def convert_ida_vlm(source: str | Path, target: str | Path, *, report: str | Path | None = None) -> IdaVlmReport:
    """Convert an IDA-VLM release: its ID-Former and its visual tower, each strictly, into one new folder.

    Sizes are read from the tensors. Attention heads and the side of a picture, which no tensor says, are those of the
    release's `config.json` (`visual`), or the published ones where there is none.

    Args:
        source: Folder of the release (`model-idf`), or one file of weights.
        target: New folder, for `id-former` and `visual-tower`; must not exist yet.
        report: JSON file to write the report to.

    Raises:
        CheckpointError: As `convert_id_former` and `convert_visual_tower` do, or if the release holds a tensor that is
            of neither part and of no language model; then nothing is left behind.

    Example:
        >>> print(*convert_ida_vlm("model-idf", "ida-vlm").needs, sep="\\n")  # doctest: +SKIP
    """
    source, target = Path(source), Path(target)
    said = _read_visual(source)
    with new_folder(target) as folder:
        former = convert_id_former(source, folder / ID_FORMER)
        tower = convert_visual_tower(
            source,
            folder / VISUAL_TOWER,
            num_heads=said.get("heads", VisualTowerConfig.num_heads),
            picture_size=said.get("image_size", VisualTowerConfig.picture_size),
        )
        in_neither = set(tower.unused)
        unused = tuple(name for name in former.unused if name in in_neither)
        if surplus := [name for name in unused if not _LANGUAGE_MODEL.fullmatch(name)]:
            raise CheckpointError(f"{source}: {len(surplus)} surplus ({join_names(surplus)})", hint="give model-idf")
    result = IdaVlmReport(id_former=former, visual_tower=tower, unused=unused)
    if report is not None:
        result.save(report)
    return result


def _read_visual(source: Path) -> dict[str, int]:
    """Return what a release's configuration says of its visual part; nothing where there is no configuration."""
    path = source / CONFIG_FILE
    if not path.is_file():
        return {}
    try:
        content: Any = json.loads(read_bounded(path, limit=_MAX_CONFIG_BYTES))
        return {name: size for name, size in content.get("visual", {}).items() if type(size) is int}
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error})", hint="download it again") from error
