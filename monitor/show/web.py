"""The pages, the metrics and the JSON over HTTP: reads a SnapshotSource, writes nothing, needs no script in the browser."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.gzip import GZipMiddleware

from monitor import words
from monitor.clock import Clock, SystemClock
from monitor.errors import GoneQuietError
from monitor.model import AlertState, StreamPhase
from monitor.show import canaries, charts, pages, strips, views
from monitor.show.metrics import exposition
from monitor.show.rollups import provider_shares
from monitor.show.snapshot import SnapshotSource
from monitor.show.together import leading, named_together
from monitor.show.words import fleet, letter, rarity, rate

GREATEST_ID = 2**63 - 1
"""Of an alert; no database that we use can be asked for more."""
STALE_AFTER = timedelta(minutes=2)
UNSAVED_FOR = timedelta(minutes=5)
"""So long, and over two polls at least, saving fails before we call ourselves unwell: a busy database passes sooner."""
STREAM_WINDOW = timedelta(days=28)

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy (CSP Level 3): our style sheet and our icon, and nothing else from anywhere, no script at all."""


class Problem(BaseModel):
    """What every answer below /api/ is where something is amiss."""

    error: str


def create_app(source: SnapshotSource, *, clock: Clock | None = None, stale_after: timedelta = STALE_AFTER) -> FastAPI:
    """The application. `clock` is the wall clock that `source.heartbeat()` is compared with by /healthz."""
    wall = clock or SystemClock()
    app = FastAPI(title="GoneQuiet", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.add_middleware(GZipMiddleware, minimum_size=1024)
    app.middleware("http")(_guard)
    app.mount("/static", StaticFiles(directory=Path(str(files("monitor.show") / "static"))), name="static")
    templates = _templates()
    render_metrics = exposition(source.snapshot)

    def unwell() -> str | None:
        """Why the service cannot be trusted to see anything now; None while it works."""
        now = wall.now()
        return _standstill(source.heartbeat(), now, stale_after) or _unsaved(source.unsaved_since(), now)

    def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(templates.get_template(template).render(**values), status)

    @app.exception_handler(StarletteHTTPException)
    async def failed(request: Request, error: StarletteHTTPException) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": error.detail}, error.status_code)
        title = "Not found" if error.status_code == 404 else "This did not work"
        return page("problem.html", error.status_code, title=title, detail=error.detail, refresh=None)

    @app.exception_handler(RequestValidationError)
    async def misasked(request: Request, error: RequestValidationError) -> Response:
        """What was asked for is not repeated: it may be anything."""
        place, name = error.errors()[0]["loc"][:2]
        if place == "path":
            return await failed(request, StarletteHTTPException(404, "There is no such page."))
        return await failed(request, StarletteHTTPException(422, f"{name}: {error.errors()[0]['msg']}"))

    @app.exception_handler(GoneQuietError)
    async def broken(request: Request, error: GoneQuietError) -> Response:
        return await failed(request, StarletteHTTPException(503, str(error)))

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def home(refresh: int | None = Query(None, ge=5, le=3600)) -> HTMLResponse:
        snapshot = source.snapshot()
        end = pages.chart_now(snapshot.at)
        start = end - strips.WINDOW
        times = source.send_times(start)
        rows = pages.fleet_rows(snapshot, times)
        blind = strips.blind_times(snapshot, start, snapshot.at)
        return page(
            "home.html",
            snapshot=snapshot,
            warnings=pages.warnings(snapshot, unwell()),
            headline=pages.headline(snapshot),
            open_alerts=leading(views.open_alerts(snapshot)),
            ended=[a for a in snapshot.alerts if a.alert.state in (AlertState.RESOLVED, AlertState.RETRACTED)],
            streams=pages.stream_lines(snapshot, times),
            inboxes=strips.inbox_lines(snapshot),
            canary_delays=canaries.delay_lines(snapshot),
            wide=_picture(charts.fleet(rows, start, end, blind)) if rows else None,
            narrow=_picture(charts.fleet(rows, start, end, blind, charts.NARROW)) if rows else None,
            any_silent=any(row.silent_since for row in rows),
            silence_words=pages.silence_words(snapshot.states),
            any_blind=bool(blind),
            refresh=refresh,
        )

    @app.get("/streams/{stream:path}", response_class=HTMLResponse, include_in_schema=False)
    def stream(stream: str) -> HTMLResponse:
        snapshot = source.snapshot()
        state = next((s for s in snapshot.states if s.stream == stream), None)
        detail = source.stream(stream)
        if state is None or detail is None:
            raise HTTPException(404, f"There is no list called “{words.plain(stream, 80)}”.")
        end = pages.chart_now(snapshot.at)
        start = max(end - STREAM_WINDOW, min(state.last_send_at, end) - STREAM_WINDOW)
        sends = source.sends(stream, start)
        silent = state.last_send_at if state.phase is StreamPhase.SILENT else None
        blind = strips.blind_times(snapshot, start, snapshot.at)
        return page(
            "stream.html",
            snapshot=snapshot,
            state=state,
            detail=detail,
            line=pages.stream_line(
                state, snapshot.providers.get(stream), snapshot.at, [s.at for s in sends], named_together(snapshot)
            ),
            gap=state.gap,
            sends=list(reversed(sends))[:50],
            shares=provider_shares(sends),
            wide=_picture(charts.stream(sends, start, end, silent, blind)),
            narrow=_picture(charts.stream(sends, start, end, silent, blind, charts.NARROW)),
            refresh=None,
        )

    @app.get("/alerts/{alert_id}", response_class=HTMLResponse, include_in_schema=False)
    def alert(alert_id: int = InPath(ge=1, le=GREATEST_ID)) -> HTMLResponse:
        shown = source.alert(alert_id)
        if shown is None:
            raise HTTPException(404, f"There is no alert {alert_id}.")
        snapshot = source.snapshot()
        known = any(s.stream == shown.alert.subject for s in snapshot.states)
        end = pages.chart_now(min(snapshot.at, (shown.alert.resolved_at or snapshot.at) + timedelta(days=2)))
        start = min(end - strips.WINDOW, shown.alert.since - timedelta(days=7))
        silent = shown.alert.since if pages.is_silence(shown.alert) else None
        sends = source.sends(shown.alert.subject, start) if known else ()
        blind = strips.blind_times(snapshot, start, snapshot.at)
        return page(
            "alert.html",
            snapshot=snapshot,
            shown=shown,
            state_words=pages.alert_state(shown, snapshot.at),
            known=known,
            members=pages.alert_members(shown.alert, snapshot.states),
            wide=_picture(charts.stream(sends, start, end, silent, blind)) if known else None,
            narrow=_picture(charts.stream(sends, start, end, silent, blind, charts.NARROW)) if known else None,
            refresh=None,
        )

    @app.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        body, content_type = render_metrics(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    @app.get("/healthz")
    def healthz() -> PlainTextResponse:
        """200 while the scheduler ticks and what is read can be kept, else 503 with the reason."""
        reason = unwell()
        return PlainTextResponse(f"{reason}\n", 503) if reason else PlainTextResponse("ok\n")

    @app.get("/api/streams")
    def api_streams() -> JSONResponse:
        """Every stream, the most urgent first."""
        return JSONResponse(views.stream_rows(source.snapshot()))

    @app.get("/api/gaps", responses={422: {"model": Problem, "description": "`all` is neither true nor false."}})
    def api_gaps(everything: bool = Query(False, alias="all")) -> JSONResponse:
        """The open gaps; with `?all=true` every stream's state."""
        return JSONResponse(views.gap_rows(source.snapshot(), everything=everything))

    @app.get("/api/alerts")
    def api_alerts() -> JSONResponse:
        """The open alerts and those that ended lately."""
        return JSONResponse(views.alert_rows(source.snapshot()))

    return app


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Headers that keep hostile mail content harmless even where escaping had failed."""
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "max-age=3600" if request.url.path.startswith("/static/") else "no-store"
    return response


def _standstill(beat: datetime | None, now: datetime, stale_after: timedelta) -> str | None:
    """That the scheduler has stood still for too long; None while it ticks."""
    if beat is None:
        return "the scheduler has not ticked yet"
    if now - beat > stale_after:
        return f"the scheduler has not ticked since {words.moment(beat, now)}; restart gonequiet and look into its log"
    return None


def _unsaved(since: datetime | None, now: datetime) -> str | None:
    if since is None or now - since <= UNSAVED_FOR:
        return None
    return f"nothing that was read could be stored since {words.moment(since, now)}; the log says what the database lacks"


def _picture(spec: charts.Spec) -> Markup:
    """A chart's SVG, which vl-convert wrote and in which it escaped all text."""
    return Markup(charts.svg(spec))  # noqa: S704


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("monitor.show"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    for function in (
        words.plain,
        words.publishable,
        words.moment,
        words.span,
        words.iso,
        words.count,
        rate,
        rarity,
        fleet,
        letter,
    ):
        environment.filters[function.__name__] = function
    environment.filters["dotted"] = _dotted
    environment.globals.update(alert_title=pages.alert_title, kinds=pages.KINDS)
    return environment


def _dotted(text: str) -> Markup:
    """Escaped; domains and addresses stay in one piece on a line, or else break after a dot or @ and nowhere else."""

    def word(found: re.Match[str]) -> str:
        breakable = re.sub(r"([.@])", r"\1<wbr>", found[0])
        return f'<span class="word">{breakable}</span>'

    return Markup(re.sub(r"[^\s.@]+(?:[.@][^\s.@]+)+", word, str(escape(text))))  # noqa: S704
