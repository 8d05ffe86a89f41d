"""Pure computation: values in, values out. No I/O, clock, randomness or environment; arguments are never mutated."""
