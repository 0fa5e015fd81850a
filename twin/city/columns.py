"""How the layers of a city are declared: columns, layers, and where a value is from."""

from __future__ import annotations

from dataclasses import dataclass, field

MEASURED, DERIVED = "measured", "derived"
IMPUTED = "imputed:"
"""Values of an ``_origin`` column: ``measured``, ``derived`` or ``imputed:<rule>``."""


@dataclass(frozen=True)
class Column:
    """One column of a layer.

    Parameters
    ----------
    name : str
    dtype : str
        ``"str"``, ``"float64"``, ``"int64"`` or ``"bool"``.
    unit : str
        ``"-"`` where there is none.
    meaning : str
    low, high : float or None
        Valid range, inclusive.
    values : tuple of str
        Allowed values of a category; empty when free.
    imputation : str
        How a missing value is filled; empty when the column must be given or is plain state.
    has_origin : bool
        Whether a column ``<name>_origin`` says where each value is from.
    default : object
        Value for a column that describes state (for example no PV installed); None when there is no default.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    imputation: str = ""
    has_origin: bool = False
    default: object = None


@dataclass(frozen=True)
class Layer:
    """One layer: its name, the name of its id (the index), geometry types and columns."""

    name: str
    id_name: str
    geometry: tuple[str, ...]
    columns: tuple[Column, ...] = field(default_factory=tuple)

    def column(self, name: str) -> Column:
        """Return a column by name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
