"""The team: who is on it, how far they agree, and who settles what they disagree about."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from tyrogue.errors import Conflict
from tyrogue.labeling import autopilot, schemas
from tyrogue.labeling.access import COOKIE, Caller, Door, caller
from tyrogue.labeling.agreement import agreement
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.security import put_cookie
from tyrogue.store import Annotator, Credential, Store, Vote, Work

DAY = 86_400
LONGEST_TEXT = 2_000
Json = dict[str, Any]
Who = Annotated[Caller, Depends(caller)]


def team_routes(engine: Engine) -> APIRouter:
    """Gives the routes by which owners look after the team."""
    routes, store = APIRouter(tags=["team"]), engine.store

    @routes.get("/team")
    def team() -> Json:
        """Gives who is on the team, what each has done, and the invitations that are open."""
        return people(store)

    @routes.post("/team/invitations", status_code=201)
    def invite(body: schemas.Invite, who: Who, request: Request, response: Response) -> Json:
        """Invites somebody; the link is told this once."""
        invited = invitation(store, body.name, body.role, days=body.days, reusable=body.reusable)
        door = _door(request)
        door.forget()
        if who.login == "none":  # from now on everybody logs in, and the owner is in already
            put_cookie(response, request.scope, COOKIE, door.token, seconds=30 * DAY)
        return invited

    @routes.patch("/team/{person}")
    def change(person: schemas.Key, body: schemas.ChangedRole, request: Request) -> Json:
        """Gives somebody another role."""
        store.set_role(_member(store, person).name, body.role)
        _door(request).forget()
        return people(store)

    @routes.delete("/team/{person}")
    def remove(person: schemas.Key, request: Request) -> Json:
        """Takes somebody off the team; what he labeled stays."""
        store.remove_annotator(_member(store, person).name)
        _door(request).forget()
        return people(store)

    @routes.delete("/team/credentials/{credential}")
    def revoke(credential: schemas.Key, request: Request) -> Json:
        """Revokes an invitation, a link, a session or a token."""
        if not store.end(id=credential):
            raise Conflict(f"There is no credential {credential} that could be revoked; it may be over already.")
        _door(request).forget()
        return people(store)

    return routes


def review_routes(engine: Engine) -> APIRouter:
    """Gives the routes by which reviewers see who agrees, and settle the rest."""
    routes, store = APIRouter(tags=["team"]), engine.store
    known: dict[int, Json] = {}

    @routes.get("/agreement")
    def agreed() -> Json:
        """Says how far annotators agree, over all, by class and by pair."""
        position = store.journal_position()
        if position not in known:
            found = agreement(store.votes(), store.class_index(), machines=(autopilot.NAME,))
            known.clear()
            known[position] = found
        return known[position]

    @routes.get("/disagreements")
    def disagreements(
        limit: Annotated[int, Query(ge=1, le=200)] = 20, after: Annotated[int, Query(ge=0, le=10**9)] = 0
    ) -> Json:
        """Gives the texts about which annotators disagree, ties first."""
        disputes = store.disputes(limit, after)
        rows = [row for row, _ in disputes]
        votes: dict[int, list[Json]] = {row: [] for row in rows}
        for vote in store.votes(rows) if rows else ():
            votes[vote.row].append(_vote(vote))
        texts = {record.row: record for record in engine.project.corpus.records(rows)}
        return {
            "rows": [
                {
                    "row": row,
                    "text": texts[row].text[:LONGEST_TEXT],
                    "text_pair": (texts[row].text_pair or "")[:LONGEST_TEXT] or None,
                    "tied": tied,
                    "votes": votes[row],
                }
                for row, tied in disputes
            ],
            "total": store.dispute_count(),
        }

    @routes.post("/adjudications", status_code=201)
    def adjudicate(body: schemas.Adjudicated, who: Who) -> Json:
        """Settles which label of a text counts; what annotators said stays."""
        engine.row(body.row)
        return engine.adjudicate(
            body.row, body.class_id, token=body.token, annotator=who.named(body.annotator), note=body.note
        )

    return routes


def invitation(store: Store, name: str, role: str, *, days: float, reusable: bool) -> Json:
    """Gives a new way in for somebody, who is put on the team with this role: the path to add to the address."""
    store.annotator(name, role)
    store.welcome_back(name)
    who = store.set_role(name, role)
    kind = "link" if reusable else "invitation"
    secret, kept = store.issue(who.name, kind, seconds=days * DAY)
    return {
        "id": kept.id,
        "name": who.name,
        "role": role,
        "kind": kind,
        "path": f"/#{'link' if reusable else 'invite'}={secret}",
        "expires": kept.expires.isoformat(),
    }


def people(store: Store) -> Json:
    """Gives the team as the page shows it."""
    done, open_ = {work.annotator: work for work in store.work()}, store.credentials("invitation", "link", "token")
    return {
        "people": [_person(one, done.get(one.name)) for one in store.annotators()],
        "credentials": [_credential(one) for one in open_],
    }


def _member(store: Store, id: int) -> Annotator:
    found = next((one for one in store.annotators() if one.id == id and one.left is None), None)
    if found is None:
        raise Conflict(f"There is nobody with the number {id} on the team.")
    return found


def _person(one: Annotator, work: Work | None) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "role": one.role,
        "password": one.password,
        "left": one.left is not None,
        "labels": 0 if work is None else work.labels,
        "skips": 0 if work is None else work.skips,
        "flags": 0 if work is None else work.flags,
        "today": 0 if work is None else work.today,
        "last": None if work is None else work.last.isoformat(),
        "pace_seconds": None if work is None else work.pace,
    }


def _credential(one: Credential) -> Json:
    return {
        "id": one.id,
        "name": one.annotator,
        "role": one.role,
        "kind": one.kind,
        "label": one.label,
        "expires": one.expires.isoformat(),
    }


def _vote(vote: Vote) -> Json:
    return {
        "annotator": vote.annotator,
        "class_id": vote.class_id,
        "created": vote.created.isoformat(),
        "model_version": vote.model_version,
        "kind": vote.kind,
    }


def _door(request: Request) -> Door:
    found: Door = request.scope["tyrogue.door"]
    return found
