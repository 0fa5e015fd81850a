"""Numba kernels and their plain references; arrays in, arrays out."""
