"""Verdicts on objects and programs: is each site what its table entry says, and does it lead where it must?"""
