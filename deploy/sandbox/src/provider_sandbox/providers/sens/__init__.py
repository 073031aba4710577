"""Naver Cloud SENS, alimtalk v2."""
