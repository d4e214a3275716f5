"""Ready-made claims as text, for the command line: ``view_updates:ks.base,ks.view``, ``write:ks.t,rf=3``, ``monitors``.

A claim is its name; behind a colon, with commas between, come tables and settings. Tables stand first; a setting is
``name=value``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from harness.errors import ExpectationError
from harness.events.filter_values import did_you_mean
from harness.events.trace import Trace
from harness.expect.answer_monitor import every_request_answered
from harness.expect.batch_claim import batches
from harness.expect.consistency_monitor import consistency_reached
from harness.expect.counter_claim import counter_update
from harness.expect.decoding_monitor import everything_decoded
from harness.expect.hint_claim import hints
from harness.expect.lwt_claim import lwt_round
from harness.expect.monitors import monitors
from harness.expect.paxos_monitor import paxos_in_order
from harness.expect.read_claim import read
from harness.expect.ready_claim import ReadyClaim
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.truncate_claim import truncate
from harness.expect.verdict import Outcome, Verdict
from harness.expect.view_updates import every_view_updated, view_updates
from harness.expect.write_claim import write

EXIT_PASS = 0
EXIT_FAIL = 1
EXIT_INCONCLUSIVE = 3
"""2 is for wrong usage and unreadable input."""

Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimForm:
    """How one kind of claim is written."""

    name: str
    make: Callable[[tuple[str, ...], Settings], ReadyClaim]
    tables: tuple[str, ...] = ()
    """What its tables are, in order; all may be left out, from the last."""
    settings: Mapping[str, str]
    """By name: which values it takes, in words."""
    meaning: str

    @property
    def usage(self) -> str:
        """``write[:TABLE,rf=NUMBER,consistency=LEVEL]``."""
        parts = [*self.tables, *(f"{name}={values}" for name, values in self.settings.items())]
        return f"{self.name}[:{','.join(parts)}]" if parts else self.name


def parse_claim(text: str) -> ReadyClaim:
    """Read a claim.

    Raises:
        ExpectationError: there is no such claim, or it takes no such tables, settings or values; the message
            says which there are.
    """
    name, _, rest = text.strip().partition(":")
    form = CLAIMS.get(name.strip().replace("-", "_"))
    if form is None:
        known = "\n".join(f"  {one.usage}" for one in CLAIMS.values())
        raise ExpectationError(
            f"no claim is called {name!r}{did_you_mean(name, CLAIMS)}\nknown claims:\n{known}"
        )
    tables: list[str] = []
    settings: dict[str, str] = {}
    for part in (part.strip() for part in rest.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if equals:
            if key not in form.settings:
                there = f"it takes {', '.join(form.settings)}" if form.settings else "it takes none"
                raise _wrong(form, text, f"no setting {key!r}{did_you_mean(key, form.settings)}; {there}")
            settings[key] = value
        elif part:
            if settings or len(tables) >= len(form.tables):
                raise _wrong(form, text, f"{part!r} is one table too many, or no setting")
            tables.append(part)
    try:
        return form.make(tuple(tables), settings)
    except ExpectationError as error:
        raise _wrong(form, text, str(error)) from None


def check_claims(
    trace: Trace, claims: Iterable[ReadyClaim], *, scope: Scope = WHOLE_TRACE
) -> tuple[Verdict, ...]:
    """Hold claims against a trace, each for itself, in their order.

    Raises:
        ExpectationError: a claim makes no sense for this trace, as when a table does not exist.
    """
    return tuple(claim.check(trace, scope) for claim in claims)


def exit_status(verdicts: Iterable[Verdict]) -> int:
    """What a command ends with: 0 if all claims PASS, 1 if one FAILs, else 3 if one is INCONCLUSIVE."""
    outcomes = {verdict.outcome for verdict in verdicts}
    if Outcome.FAIL in outcomes:
        return EXIT_FAIL
    return EXIT_INCONCLUSIVE if Outcome.INCONCLUSIVE in outcomes else EXIT_PASS


def claims_text() -> str:
    """Every claim with its meaning, for help."""
    return "\n\n".join(f"{form.usage}\n    {form.meaning}" for form in CLAIMS.values())


def _wrong(form: ClaimForm, text: str, what: str) -> ExpectationError:
    return ExpectationError(f"claim {text!r}: {what}\nit is written {form.usage}")


# Values.


def _table(tables: tuple[str, ...]) -> str | None:
    return tables[0] if tables else None


def _number(settings: Settings, name: str) -> int | None:
    value = settings.get(name)
    if value is None:
        return None
    if not value.isdecimal() or not 0 < int(value) < _NUMBER_END:
        raise ExpectationError(f"{name}={value} is no number from 1 to {_NUMBER_END - 1}")
    return int(value)


def _flag(settings: Settings, name: str) -> bool | None:
    value = settings.get(name)
    if value is None:
        return None
    found = _FLAGS.get(value.lower())
    if found is None:
        raise ExpectationError(f"{name}={value} is neither true nor false")
    return found


_NUMBER_END = 1000
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def _view_updates(tables: tuple[str, ...], settings: Settings) -> ReadyClaim:
    synchronous = _flag(settings, "synchronous")
    if len(tables) == len(("base", "view")):
        return view_updates(tables[0], tables[1], synchronous=synchronous)
    return every_view_updated(_table(tables), synchronous=synchronous)


def _write(tables: tuple[str, ...], settings: Settings) -> ReadyClaim:
    factor = _number(settings, "rf")
    return write(table=_table(tables), rf=factor, consistency=settings.get("consistency"))


def _read(tables: tuple[str, ...], settings: Settings) -> ReadyClaim:
    return read(table=_table(tables), consistency=settings.get("consistency"))


def _lwt_round(tables: tuple[str, ...], settings: Settings) -> ReadyClaim:
    return lwt_round(table=_table(tables), applied=_flag(settings, "applied"))


_LEVEL = {"consistency": "LEVEL"}

_FORMS = (
    ClaimForm(
        name="view_updates",
        make=_view_updates,
        tables=("BASE", "VIEW"),
        settings={"synchronous": "true|false"},
        meaning=(
            "every write that a base replica applies reaches its paired view replica, once, with the right keys and "
            "values, and is acknowledged; without VIEW: of all views and indexes of BASE; without BASE: of all tables"
        ),
    ),
    ClaimForm(
        name="write",
        make=_write,
        tables=("TABLE",),
        settings={"rf": "NUMBER", **_LEVEL},
        meaning="plain writes reach every replica once; enough acknowledge before the client hears",
    ),
    ClaimForm(
        name="read",
        make=_read,
        tables=("TABLE",),
        settings=_LEVEL,
        meaning="reads ask enough replicas of their partitions; where digests differ, they are reconciled",
    ),
    ClaimForm(
        name="lwt_round",
        make=_lwt_round,
        tables=("TABLE",),
        settings={"applied": "true|false"},
        meaning="lightweight transactions are promised, accepted, learned and pruned, in that order",
    ),
    ClaimForm(
        name="batch",
        make=lambda tables, _: batches(table=_table(tables)),
        tables=("TABLE",),
        settings={},
        meaning="batches are written, logged ones after the batchlog has them and before it forgets them",
    ),
    ClaimForm(
        name="counter_update",
        make=lambda tables, _: counter_update(table=_table(tables)),
        tables=("TABLE",),
        settings={},
        meaning="counter updates are counted by one replica and replicated from there",
    ),
    ClaimForm(
        name="truncate",
        make=lambda tables, _: truncate(table=_table(tables)),
        tables=("TABLE",),
        settings={},
        meaning="TRUNCATE is done by every node that stores the table, before the client hears",
    ),
    ClaimForm(
        name="hints",
        make=lambda tables, _: hints(table=_table(tables)),
        tables=("TABLE",),
        settings={},
        meaning="writes that a replica missed are brought to it by a hint, once",
    ),
    ClaimForm(
        name="monitors",
        make=lambda _, __: monitors(),
        settings={},
        meaning="the four below: what any capture has to pass",
    ),
    ClaimForm(
        name="answered",
        make=lambda _, __: every_request_answered(),
        settings={},
        meaning="every request is answered and every write acknowledged, unless something explains why not",
    ),
    ClaimForm(
        name="consistency",
        make=lambda _, __: consistency_reached(),
        settings={},
        meaning="no client hears of success before its consistency level is reached",
    ),
    ClaimForm(
        name="paxos",
        make=lambda _, __: paxos_in_order(),
        settings={},
        meaning="promise before accept before learn; ballots never go back at a replica",
    ),
    ClaimForm(
        name="decoded",
        make=lambda _, __: everything_decoded(),
        settings={},
        meaning="every verb is known, and every message decoded to its last byte",
    ),
)
CLAIMS: Mapping[str, ClaimForm] = {form.name: form for form in _FORMS}
"""Every kind of claim, by name."""
