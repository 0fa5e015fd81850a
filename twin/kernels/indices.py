"""Array indices in hot loops.

Numba lets a negative index count from the end, as Python does, and tests every signed one for that. In loops that do
little but look things up this takes up to half the time; a cast to an unsigned type leaves the test out.
"""

from __future__ import annotations

import numpy as np

ix: type[int] = np.uint32  # type: ignore[assignment]
"""What indices that cannot be negative are cast to. Sums of these and signed integers are signed, as they should be;
loops over a range of them have 64 unsigned bits, which may only be used as indices."""
