"""The documentation table of the kernels, made from their declarations: ``python -m twin.kernels.table``."""

from __future__ import annotations

from twin.kernels import registry


def _signature(arrays: tuple[registry.Array, ...]) -> str:
    def one(a: registry.Array) -> str:
        shape = f"[{', '.join(a.shape)}]" if a.shape else ""
        return f"`{a.name}{shape}` {a.dtype}" + (f" ({a.unit})" if a.unit not in ("", "-") else "")

    return "; ".join(one(a) for a in arrays)


def _exceptions(family: registry.Family) -> str:
    parts = [
        f"{variant} {output}: relative {rtol:g}, absolute {atol:g}"
        for (variant, output), (rtol, atol) in family.tolerances.items()
    ]
    parts += [f"{variant} does not claim: {name}" for variant, names in family.exempt.items() for name in sorted(names)]
    return "".join(f"; {part}" for part in parts)


def table() -> str:
    """Return the Markdown page of all families: purpose, signature, variants, tolerance, properties and source."""
    parts = [
        "# Kernels\n",
        "Made from the declarations by `python -m twin.kernels.table`; a test keeps this page equal to them. Every",
        "variant is held to the reference on random inputs, to the same bits for 1, 2 and 4 threads, and to the",
        "properties below. `twin bench` times them.\n",
    ]
    for family in registry.families().values():
        parts += [
            f"## {family.name}\n",
            f"{family.purpose}\n",
            f"- variants: {', '.join(family.variants)}",
            f"- inputs: {_signature(family.inputs)}",
            f"- outputs: {_signature(family.outputs)}",
            f"- unit of work: {family.work_unit}",
            f"- tolerance: relative {family.rtol:g}, absolute {family.atol:g}{_exceptions(family)}",
            f"- properties: {', '.join(p.name for p in family.properties) or 'none declared'}",
            f"- source: {family.source}\n",
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    print(table(), end="")
