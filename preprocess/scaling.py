"""Scales pictures on one thread, whichever PyAV is installed: more gain nothing at these sizes."""

from __future__ import annotations

from typing import Any

import av

ONE_THREAD: dict[str, Any] = {"threads": 1} if int(av.__version__.split(".")[0]) >= 17 else {}
"""Argument of `VideoReformatter.reformat`; before PyAV 17 it has none and always uses one."""
