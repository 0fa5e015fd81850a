import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin import random

# Known answers of Philox 4x32-10 published with Random123 (kat_vectors).
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF, 0xFFFFFFFF), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_known_answers(counter, key, expected):
    out = random.philox(np.array([counter], np.uint32), key)
    assert tuple(int(v) for v in out[0]) == expected


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20, unique=True), st.integers(0, 2**31), st.integers(0, 99))
def test_an_entity_draws_the_same_numbers_in_any_company(ids, seed, draw):
    together = random.uniform(seed, "m", random.entity_keys(ids), draw, 3)
    alone = np.vstack([random.uniform(seed, "m", random.entity_keys([i]), draw, 3) for i in ids])
    assert together.tobytes() == alone.tobytes()
    assert ((together > 0) & (together < 1)).all()


def test_streams_differ_by_seed_model_entity_and_draw():
    keys = random.entity_keys(["a", "b"])
    base = random.uniform(1, "m", keys, 0)
    others = [
        random.uniform(2, "m", keys, 0),
        random.uniform(1, "n", keys, 0),
        random.uniform(1, "m", keys, 1),
        base[::-1],
    ]
    assert all((other != base).all() for other in others)


def test_moments():
    keys = random.entity_keys(map(str, range(20000)))
    u = random.uniform(5, "moments", keys, 0, 4)
    assert abs(u.mean() - 0.5) < 0.005
    assert abs(u.var() - 1 / 12) < 0.002
    assert abs(np.corrcoef(u.T) - np.eye(4)).max() < 0.03
    z = random.normal(5, "moments", keys)
    assert abs(z.mean()) < 0.03
    assert abs(z.std() - 1) < 0.02
