"""The check inside a program (`allstop.check`), and one thin translation for each framework that agents are written in.

Each translation is a module of its own, named as the framework's package is, and imports the framework when it is used.
"""
