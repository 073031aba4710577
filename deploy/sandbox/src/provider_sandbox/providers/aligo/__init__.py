"""Aligo, kakaoapi akv10."""
