"""placeholder"""

from fastapi import FastAPI


def describe(app: FastAPI) -> None: ...
