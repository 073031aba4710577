"""Doubles of real alimtalk providers: their paths, signatures, codes and habits, without their phones."""
