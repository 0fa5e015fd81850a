"""What a warm start takes over: bushes whose trips are no longer the same are told from the others."""

from __future__ import annotations

import numpy as np

from twin.kernels.traffic.warm_adopt import other_trips


def test_trips_within_a_zone_do_not_count() -> None:
    before = np.ones((2, 3, 3))
    met = before.copy()
    met[0, 0, 0] = 5.0  # within the zone
    met[0, 1, 2] = 0.5
    met[1, 2, 2], met[1, 2, 0] = 0.0, 2.0
    group = np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 2]])
    assert other_trips(group, met, before).tolist() == [False, True, False, False, True]
    assert not other_trips(group, before, before.copy()).any()
