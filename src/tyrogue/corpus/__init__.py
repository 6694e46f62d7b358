"""Files of texts in, a project's pool out: reading, storing, searching and exporting.

The names others use live in `project`, `sqlite`, `importing`, `export`, `demo` and `datasets`.
"""
