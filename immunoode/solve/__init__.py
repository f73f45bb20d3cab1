"""Solving: equations compiled to machine code, kernels that step them, one contract over both engines."""
