"""What the HTTP API takes. Limits are checked here, at the door."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tyrogue.labeling.passwords import LONGEST, SHORTEST

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Token = Annotated[str, StringConstraints(min_length=8, max_length=100, pattern=r"^[A-Za-z0-9_.:-]+$")]
Id = Annotated[int, Field(ge=0, le=2**62)]
Key = Annotated[int, Field(ge=0, le=2**31 - 1)]
Secret = Annotated[str, StringConstraints(min_length=8, max_length=100)]
Password = Annotated[str, StringConstraints(min_length=SHORTEST, max_length=LONGEST)]
Days = Annotated[float, Field(gt=0, le=365)]
Role = Literal["owner", "reviewer", "annotator"]


class Body(BaseModel):
    """A request body; an unknown field is a mistake that should be heard of."""

    model_config = ConfigDict(extra="forbid")


class Next(Body):
    n: Annotated[int, Field(ge=1, le=100)] = 5
    annotator: Name = "me"


class Decision(Body):
    token: Token
    item: Id
    action: Literal["label", "skip", "flag"]
    class_id: Id | None = None
    note: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    seconds: Annotated[float, Field(ge=0, le=1e6)] | None = None
    also: Annotated[list[Id], Field(max_length=100)] | None = None
    """Rows of near-identical texts that get the same label, each in a record of its own."""
    annotator: Name = "me"


class Undo(Body):
    token: Token
    expected: Token | None = None
    """The token of the decision that has to be the last one."""
    annotator: Name = "me"


class NewClass(Body):
    name: Name


class Merge(Body):
    into: Id


class Push(Body):
    row: Id
    kind: Literal["search", "review"] = "search"
    annotator: Name = "me"


class Login(Body):
    name: Name
    password: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]


class Link(Body):
    secret: Secret


class Invitation(Body):
    secret: Secret
    password: Password


class NewPassword(Body):
    old: Annotated[str, StringConstraints(max_length=LONGEST)] | None = None
    new: Password


class NewToken(Body):
    label: Annotated[str, StringConstraints(max_length=200)] | None = None
    days: Days = 90
    annotator: Name = "me"


class Invite(Body):
    name: Name
    role: Role = "annotator"
    days: Days = 7
    reusable: bool = False


class ChangedRole(Body):
    role: Role


class Adjudicated(Body):
    token: Token
    row: Id
    class_id: Id
    note: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    annotator: Name = "me"


class Settings(Body):
    batch: Annotated[int, Field(ge=1, le=1000)] | None = None
    ratio: Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] | None = None
    suggestions: bool | None = None
    audit: Annotated[float, Field(ge=0, le=0.5)] | None = None
    overlap: Annotated[int, Field(ge=1, le=20)] | None = None
    overlap_share: Annotated[float, Field(gt=0, le=1)] | None = None


class Guidelines(Body):
    text: Annotated[str, StringConstraints(max_length=100_000)]


class Autopilot(Body):
    on: bool
    seconds: Annotated[float, Field(ge=0.02, le=60)] = 0.3
