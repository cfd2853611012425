"""How far two moments, or two boxes, overlap: intersection over union, ours and as the original scripts count it."""

from __future__ import annotations

from movieqa.eval.sample import Moment

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1, in one unit for both boxes."""


def moment_iou(one: Moment, other: Moment) -> float:
    """Return the time in both over the time in either; ends out of order are exchanged.

    Returns:
        0 to 1; 1 for two equal instants, 0 for an instant within a span.

    Example:
        >>> moment_iou(Moment(start=0, end=4), Moment(start=6, end=2))
        0.3333333333333333
    """
    (start, end), (first, last) = (sorted((moment.start, moment.end)) for moment in (one, other))
    union = (end - start) + (last - first) - (common := max(0.0, min(end, last) - max(start, first)))
    if union > 0:
        return min(common / union, 1.0)
    return float((start, end) == (first, last))


def hull_iou(one: Moment, other: Moment) -> float:
    """Return the common time over the hull of both, as the scripts of temporal grounding do, with ends as they stand.

    Raises:
        ZeroDivisionError: The hull has no length.
    """
    return max(min(one.end, other.end) - max(one.start, other.start), 0) / (
        max(one.end, other.end) - min(one.start, other.start)
    )


def caption_iou(one: Moment, other: Moment) -> float:
    """Return the overlap as the script of dense captioning does: a little below the right one, ends as they stand."""
    common = max(0.0, min(one.end, other.end) - max(one.start, other.start))
    lengths = one.end - one.start + other.end - other.start
    hull = max(one.end, other.end) - min(one.start, other.start)
    return common / (min(hull, lengths) + 1e-8)


def box_iou(one: Box, other: Box) -> float:
    """Return the area in both over the area in either, without adding a pixel; corners as they stand.

    Returns:
        0 to 1; 0 where both have no area.

    Example:
        >>> box_iou((0, 0, 2, 1), (1, 0, 3, 1))
        0.3333333333333333
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - common
    return common / union if union > 0 else 0.0
