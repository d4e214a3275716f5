"""The command line: captures read (``decode``, ``flow``, ``verbs``, ``check``, ``report``, ...), clusters run (``up``, ``run``).

Results go to standard output, everything else to standard error. Exit status: 0, even if a capture was cut short; 2 for
input that cannot be read and for wrong usage; 130 after Ctrl-C. Commands that judge also have 1 and 3, as they say.
"""

import json
import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path

import click

from harness import __version__
from harness.codec.verbs.line import Line
from harness.context import Context
from harness.dissect.native import CQL_PORTS, RPC_PORTS
from harness.dissect.reading import STANDARD_INPUT, read_context
from harness.errors import CaptureError, ContextError, HarnessError
from harness.events.filter_fields import FIELDS
from harness.events.filters import Filter, compile_filter
from harness.events.flow_text import FlowLine, FlowText, LineKind
from harness.events.message_json import message_object
from harness.events.statistics import Statistics
from harness.events.trace_text import TraceText
from harness.events.verb_family import Family, family_of
from harness.terminal.capture_reader import CaptureReader, Options, whole_trace
from harness.terminal.screen import OutputClosedError, Screen, note, progress_of
from harness.terminal.statistics_table import statistics_lines, statistics_object
from harness.terminal.verb_page import all_verbs, find_verb, verb_lines
from harness.terminal.watching import watch

EXIT_UNREADABLE = 2
EXIT_INCONCLUSIVE = 3
EXIT_INTERRUPTED = 130

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
"""Where the project's own scenarios are, as long as it is not installed elsewhere."""

_LINES = ", ".join(line.value for line in Line)

_GROUP_HELP = """Show what ScyllaDB nodes say to each other, from captures of their traffic.

\b
Capture, then look:
  tcpdump -i any -w cluster.pcap 'tcp port 7000 or tcp port 9042'
  harness flow cluster.pcap        who tells whom what, because of which statement
  harness decode cluster.pcap      every message, one line each
  harness verbs cluster.pcap       how many of what, how big, how fast

\b
Watch a running cluster:
  tcpdump -U -i any -w - 'tcp port 7000 or tcp port 9042' | harness flow -

\b
Find something, in the filter language of Wireshark:
  harness decode cluster.pcap --filter 'scylla.verb == MUTATION and table == ks.users'
  harness decode cluster.pcap --filter 'undecoded or kind == exception'

\b
Run a simulated cluster, or a scenario on it:
  harness up --nodes 3             connect with cqlsh; who says what is counted, Ctrl-C leaves a report
  harness run lwt                  the scenarios of that name

\b
Look up a verb, or judge Wireshark:
  harness describe PAXOS_PREPARE
  harness compare-wireshark cluster.pcap

\b
Prove it, and see it:
  harness check cluster.pcap --claim view_updates:ks.users,ks.users_by_mail
  harness report cluster.pcap      a page with the flow, every field and byte; it opens from disk
  harness conformance RUN_A RUN_B  whether two runs say the same, such as simulated and real nodes

A file NAME.json beside NAME.pcap that names nodes and tables is used by itself. Internode connections are read
without any configuration: verbs, features and compression are taken from their negotiation.

Exit status: 0 (also if a capture was cut short: what is there is shown); 2 if input cannot be read, or the
command is wrong; 130 after Ctrl-C; of check, run and conformance also 1, a claim failed or two runs differ; of
check also 3, it cannot be told.
"""


def main() -> None:
    """Run the command line and leave with its exit status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; give its exit status."""
    try:
        status = harness.main(args=arguments, prog_name="harness", standalone_mode=False)
        sys.stdout.flush()
    except OutputClosedError:
        # What is still buffered would fail again on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except click.UsageError as error:
        command = "harness" if error.ctx is None else error.ctx.command_path
        note(f"{error.format_message().rstrip('.')}; {command} --help tells more")
        return EXIT_UNREADABLE
    except click.ClickException as error:
        note(error.format_message())
        return EXIT_UNREADABLE
    except HarnessError as error:
        note(str(error))
        return EXIT_UNREADABLE
    return status if isinstance(status, int) else 0


def _reading_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add the options that say how captures are to be read; the command gets them as ``options``."""

    @wraps(command)
    def with_options(
        *arguments: object,
        context_path: str | None,
        no_context: bool,
        line_name: str | None,
        rpc_ports: tuple[int, ...],
        cql_ports: tuple[int, ...],
        **others: object,
    ) -> object:
        options = Options(
            context=None if context_path is None else read_context(context_path),
            has_context=not no_context,
            line=None if line_name is None else Line(line_name),
            rpc_ports=rpc_ports or RPC_PORTS,
            cql_ports=cql_ports or CQL_PORTS,
        )
        return command(*arguments, options=options, **others)

    adorned: Callable[..., object] = with_options
    for option in reversed(
        (
            click.option(
                "--context", "context_path", metavar="FILE", help="Names of nodes and tables, as JSON."
            ),
            click.option("--no-context", is_flag=True, help="Do not use NAME.json beside the capture."),
            click.option(
                "--line",
                "line_name",
                type=click.Choice([line.value for line in Line]),
                metavar="LINE",
                help=f"Version line of the nodes, where connections do not tell it: {_LINES}.",
            ),
            click.option(
                "--rpc-port",
                "rpc_ports",
                type=int,
                metavar="N",
                multiple=True,
                help="Port between nodes.  [7000]",
            ),
            click.option(
                "--cql-port",
                "cql_ports",
                type=int,
                metavar="N",
                multiple=True,
                help="Port for clients.  [9042, 19042]",
            ),
        )
    ):
        adorned = option(adorned)
    return adorned


def _each(paths: tuple[str, ...], options: Options, show: Callable[[CaptureReader], None]) -> int:
    """Show captures one after the other; one that cannot be read does not stop the others."""
    status = 0
    for path in paths:
        try:
            show(CaptureReader(path, options))
        except (CaptureError, ContextError) as error:
            sys.stdout.flush()
            note(str(error))
            status = EXIT_UNREADABLE
    return status


@click.group(
    help=_GROUP_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, message="harness %(version)s")
def harness() -> None:
    """The group of all commands."""


_DECODE_HELP = """Show every message of captures, in order of completion; FILE - is standard input, shown as it comes.

\b
Columns: seconds since the first packet, packet number, sender, receiver, what is said:
  0.363437  275    n1 -> n5   MUTATION demo3.buildings('Burj Khalifa') city='Dubai' #87503
  0.365083  281    n5 -> n1   MUTATION_DONE #87503  (ack of packet 275)

\b
Filters are those of Wireshark; names of nodes, tables and verbs can be used:
  --filter 'scylla and not scylla.verb in {GOSSIP_DIGEST_SYN, GOSSIP_DIGEST_ACK, GOSSIP_DIGEST_ACK2}'
  --filter 'scylla.mut.table_id == ks.users and scylla.mut.pkey == 68:65:68'
  --filter 'cql.opcode == QUERY and cql.string contains "INSERT"'
  --filter 'node == n1 and (kind == exception or frame.time_relative > 2.5)'
"""


@harness.command(
    help=_DECODE_HELP,
    short_help="Every message, one line or one JSON object each.",
    epilog="Fields of filters: harness describe --filter-fields",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--filter", "expression", metavar="EXPR", help="Only messages that a display filter means.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="Of the output.",
)
@click.option("--no-body", is_flag=True, help="With jsonl: do not decode payloads, which is faster.")
@click.option(
    "--width", type=click.IntRange(min=0), metavar="N", help="Cut lines of text; 0: never.  [the terminal's]"
)
@_reading_options
def decode(
    files: tuple[str, ...],
    expression: str | None,
    form: str,
    no_body: bool,
    width: int | None,
    options: Options,
) -> int:
    """Show every message of captures."""
    wanted = None if expression is None else compile_filter(expression)
    screen = Screen(width)
    if form == "jsonl":
        return _each(files, options, lambda reader: _show_json(reader, wanted, screen, with_body=not no_body))
    return _each(files, options, lambda reader: _show_text(reader, wanted, screen))


def _show_text(reader: CaptureReader, wanted: Filter | None, screen: Screen) -> None:
    text = TraceText(reader.surroundings)
    is_meant = None if wanted is None else wanted.bound_to(reader.surroundings)
    for messages in reader.batches(is_progress_shown=not screen.is_terminal):
        lines = []
        for message in messages:
            text.see(message)
            if is_meant is None or is_meant(message):
                parts = text.parts(message)
                line = screen.fit(text.head(parts) + parts.text, parts.tail)
                lines.append(screen.paint_family(line, family_of(message)) if screen.has_colours else line)
        screen.write(lines)


def _show_json(reader: CaptureReader, wanted: Filter | None, screen: Screen, *, with_body: bool) -> None:
    is_meant = None if wanted is None else wanted.bound_to(reader.surroundings)
    encode = json.JSONEncoder(separators=(",", ":")).encode
    for messages in reader.batches(is_progress_shown=not screen.is_terminal):
        screen.write(
            [
                encode(message_object(message, with_body=with_body))
                for message in messages
                if is_meant is None or is_meant(message)
            ]
        )


@harness.command(short_help="Who tells whom what, because of which statement.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--all", "shows_all", is_flag=True, help="Fold nothing: show gossip, pings, heartbeats, the driver."
)
@click.option(
    "--width", type=click.IntRange(min=0), metavar="N", help="Cut lines; 0: never.  [the terminal's]"
)
@_reading_options
def flow(
    files: tuple[str, ...],
    shows_all: bool,
    width: int | None,
    options: Options,
) -> int:
    """Tell the story of captures: each statement of a client, what the nodes say because of it, its result.

    Replies stand where they came, with the packet that they answer and how long it took. What happens after the
    client has got its result is marked as background. Statements that run at the same time have numbers in
    brackets. Gossip, pings, raft heartbeats, and what the driver asks for itself are folded.
    """
    screen = Screen(width)

    def show(reader: CaptureReader) -> None:
        text = FlowText(reader.surroundings, folds=not shows_all)
        for messages in reader.batches(is_progress_shown=not screen.is_terminal):
            screen.write([_painted(line, screen) for message in messages for line in text.add(message)])
        screen.write([_painted(line, screen) for line in text.close()])

    return _each(files, options, show)


def _painted(line: FlowLine, screen: Screen) -> str:
    text = screen.fit(line.head + line.contents, line.tail)
    if not screen.has_colours:
        return text
    match line.kind:
        case LineKind.HEADING:
            return screen.paint(text, "bold reverse")
        case LineKind.FOLD:
            return screen.paint(text, "bright_black")
        case LineKind.BLANK:
            return text
        case LineKind.MESSAGE:
            painted = screen.paint_family(text[len(line.head) :], line.family or Family.OTHER)
            return line.head + (
                screen.paint(text[len(line.head) :], "dim") if line.is_background else painted
            )


@harness.command(short_help="Counts, bytes and latencies of each verb.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--no-pairs", is_flag=True, help="One row for each verb, not for each pair of nodes.")
@_reading_options
def verbs(
    files: tuple[str, ...],
    form: str,
    no_pairs: bool,
    options: Options,
) -> int:
    """Count the messages of captures by verb and by pair of nodes; all files together.

    Requests and their replies are one row. A MUTATION, HINT_MUTATION or PAXOS_LEARN is answered by its
    MUTATION_DONE or MUTATION_FAILED. Latencies are from the last packet of the request to that of the answer,
    exact to three percent.
    """
    statistics = Statistics()

    def count(reader: CaptureReader) -> None:
        for messages in reader.batches(is_progress_shown=True):
            for message in messages:
                statistics.add(message)

    status = _each(files, options, count)
    screen = Screen()
    if form == "json":
        screen.write([json.dumps(statistics_object(statistics), indent=1)])
    else:
        screen.write(statistics_lines(statistics, with_pairs=not no_pairs, width=screen.width))
    return status


@harness.command("compare-wireshark", short_help="Where Wireshark's dissector reads a capture differently.")
@click.argument("file", metavar="FILE")
@click.option("--tshark", "tshark_path", default="tshark", metavar="PATH", help="The build to ask.  [tshark]")
@click.option(
    "--via",
    type=click.Choice(["fields", "pyshark"]),
    default="fields",
    show_default=True,
    help="How to ask it; pyshark is fifty times slower.",
)
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    metavar="N",
    default=2,
    show_default=True,
    help="Of each reason.",
)
@_reading_options
def compare_wireshark(
    file: str,
    tshark_path: str,
    via: str,
    form: str,
    examples: int,
    options: Options,
) -> None:
    """Read a capture with our dissector and Wireshark's, and explain every message that they see differently.

    Who is right is said by the written protocol, with packet and bytes. Stock Wireshark knows the verbs of 4.2
    alone, and no compression, no streams, no exceptions: of newer captures it misreads most messages.
    """
    # Only here: nobody else needs tshark, nor should wait until its reader is loaded.
    from harness.dissect.difference import compare  # noqa: PLC0415
    from harness.dissect.difference_text import json_lines, render_difference  # noqa: PLC0415
    from harness.dissect.tshark import Tshark  # noqa: PLC0415
    from harness.dissect.wireshark import Via  # noqa: PLC0415

    if file == STANDARD_INPUT:
        raise click.UsageError("Wireshark needs a file, not standard input")
    with progress_of(file) as progress:
        found = compare(
            file,
            tshark=Tshark(tshark_path),
            via=Via(via),
            context=options.context_of(file) or Context(),
            line=options.line,
            rpc_ports=options.rpc_ports,
            cql_ports=options.cql_ports,
            kept_max=None if form == "jsonl" else max(examples, 1),
            progress=progress,
        )
    screen = Screen()
    if form == "jsonl":
        screen.write(list(json_lines(found)))
    else:
        screen.write(render_difference(found, examples=examples).splitlines())


@harness.command(short_help="Whether claims about a capture hold.")
@click.argument("file", metavar="FILE", required=False)
@click.option(
    "--claim",
    "claim_texts",
    multiple=True,
    metavar="CLAIM",
    help="A claim, such as view_updates:ks.table,ks.view; may be given several times.  [monitors]",
)
@click.option("--list", "lists_claims", is_flag=True, help="List the claims that there are.")
@_reading_options
def check(file: str | None, claim_texts: tuple[str, ...], lists_claims: bool, options: Options) -> int:
    """Hold claims against a capture and say what proves or refutes them.

    Without a claim: that every request is answered, consistency levels are reached before the client's reply, Paxos
    keeps its order and every message is decoded. What failed is named by statement, key, nodes and packet.

    Exit status: 0 all claims PASS; 1 one FAILs; 2 wrong usage, or the capture cannot be read; 3 none FAILs, but
    one is INCONCLUSIVE: packets that could matter were lost, or not decoded; or there is no message at all.
    """
    # Only here: the words of claims are loaded for nothing else.
    from harness.expect.claim_language import check_claims, claims_text, exit_status, parse_claim  # noqa: PLC0415
    from harness.expect.explain import explain  # noqa: PLC0415

    if lists_claims:
        Screen().write(claims_text().splitlines())
        return 0
    if file is None:
        raise click.UsageError("check needs a capture")
    claims = [parse_claim(text) for text in claim_texts or ("monitors",)]
    trace = whole_trace(file, options, options.context_of(file) or Context())
    verdicts = check_claims(trace, claims)
    Screen().write([line for verdict in verdicts for line in explain(verdict, trace).splitlines()])
    # What holds of nothing proves nothing.
    return exit_status(verdicts) if trace.messages else EXIT_INCONCLUSIVE


@harness.command(short_help="A page to look at: the flow, with fields and bytes of every message.")
@click.argument("file", metavar="FILE")
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False),
    default="reports",
    show_default=True,
    help="Folder of all reports.",
)
@click.option("--scenario", metavar="NAME", help="What the report is called.  [the file's name]")
@_reading_options
def report(
    file: str,
    folder: str,
    scenario: str | None,
    options: Options,
) -> None:
    """Write the report of a capture: a page that opens from disk, the capture with names and comments, the trace.

    It goes to FOLDER/NAME/<time>; FOLDER/index.html lists all reports. The page's path is printed.
    """
    # Only here: templates and pictures are loaded for nothing else.
    from harness.report.index_page import write_index  # noqa: PLC0415
    from harness.report.run_folder import run_id_of, write_report  # noqa: PLC0415

    if file == STANDARD_INPUT:
        raise click.UsageError("a report needs a file, not standard input: the capture becomes part of it")
    context = options.context_of(file) or Context()
    trace = whole_trace(file, options, context)
    now = datetime.now(UTC)
    written = write_report(
        trace,
        capture_path=Path(file),
        folder=Path(folder),
        scenario=scenario or Path(file).stem,
        run_id=run_id_of(now, secrets.token_hex(2)),
        started=now,
        context=context,
        doc=context.doc,
    )
    write_index(Path(folder))
    Screen().write([str(written.page)])


@harness.command(short_help="Whether two runs say the same, statement by statement.")
@click.argument("first", metavar="RUN_A")
@click.argument("second", metavar="RUN_B")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False), help="Write a page as well, two lanes a statement."
)
@click.option("--vocabulary", is_flag=True, help="Compare the forms of all messages, of whatever cause.")
def conformance(first: str, second: str, page: str | None, *, vocabulary: bool) -> int:
    """Compare two runs of a scenario: who says what after what, and the structure of each message.

    A run is the folder of a report (FOLDER/<scenario>/<run id>) or a capture. Statements are paired by their text and
    level; nodes are called by their part, ids by what they mean. What Scylla leaves to chance, and what depends on
    the ring, is not compared.

    Exit status: 0 equal; 1 different; 2 a run cannot be read, or (but with --vocabulary) they have no statement in common.
    """
    # Only here: nobody else compares runs.
    from harness.dissect.reading import read_trace  # noqa: PLC0415
    from harness.golden.comparison import compare_traces  # noqa: PLC0415
    from harness.golden.comparison_text import comparison_lines  # noqa: PLC0415

    first_trace, second_trace = (read_trace(_capture_of_run(name)) for name in (first, second))
    found = compare_traces(first_trace, second_trace, with_vocabulary=vocabulary)
    Screen().write(list(comparison_lines(found, first, second)))
    if page is not None:
        from harness.report.conformance_page import write_comparison  # noqa: PLC0415

        write_comparison(Path(page), found, first, second)
        note(f"page: {page}")
    if found.is_empty and not vocabulary:
        return EXIT_UNREADABLE
    return 1 if found.differences else 0


def _capture_of_run(name: str) -> Path:
    """The capture in the folder of a run; the file itself where a file is named."""
    path = Path(name)
    if not path.is_dir():
        return path
    capture = path / "capture.pcapng"
    if capture.is_file():
        return capture
    raise CaptureError(f"{name} is no folder of a run: it holds no capture.pcapng")


@harness.command(short_help="What a verb carries, field by field.")
@click.argument("verb", required=False)
@click.option(
    "--line",
    "line_name",
    type=click.Choice([line.value for line in Line]),
    metavar="LINE",
    help=f"Version line whose payloads are wanted: {_LINES}.  [the newest]",
)
@click.option("--filter-fields", is_flag=True, help="List the fields that filters know instead.")
@click.option(
    "--width", type=click.IntRange(min=0), metavar="N", help="Wrap texts; 0: never.  [the terminal's]"
)
def describe(verb: str | None, line_name: str | None, filter_fields: bool, width: int | None) -> None:
    """Describe a verb, by name or number: request, reply and stream frames in wire order. Without one: list all.

    Layouts: S{...} is a frame with its size, F{...} a class without, [...] a vector with its count, ?... an
    optional with its flag, VP<...> and VW<...> are variants.
    """
    line = None if line_name is None else Line(line_name)
    screen = Screen(width)
    if filter_fields:
        name_width = max(len(name) for name in FIELDS)
        screen.write([f"{name:<{name_width}}  {field.meaning}" for name, field in FIELDS.items()])
        screen.write(
            [f"{'body.<field path>':<{name_width}}  field of the decoded payload, as describe names it"]
        )
        return
    if verb is None:
        screen.write([screen.fit(text) for text in all_verbs(line)])
        return
    found = find_verb(verb)
    if isinstance(found, str):
        raise click.UsageError(found)
    screen.write(list(verb_lines(found, line, screen.width)))


@harness.command(short_help="Start a simulated cluster and watch it.")
@click.option("--nodes", type=click.IntRange(1, 250), default=3, show_default=True, metavar="N")
@click.option(
    "--dc",
    "datacenters",
    type=click.IntRange(1, 9),
    default=1,
    show_default=True,
    metavar="N",
    help="Datacenters, over which the nodes are spread evenly.",
)
@click.option(
    "--compression", type=click.Choice(["all", "dc"]), help="internode_compression of the nodes.  [none]"
)
@click.option("--seconds", type=click.FloatRange(min=0), metavar="N", help="End by itself after so long.")
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False),
    default="reports",
    show_default=True,
    help="Folder of all reports.",
)
def up(nodes: int, datacenters: int, compression: str | None, seconds: float | None, folder: str) -> None:
    """Start a cluster of simulated nodes, record everything, and count who says what to whom, live.

    Nodes speak CQL (port 9042) to the stock drivers and cqlsh, and have Scylla's REST API on port 10000. Ctrl-C ends
    the cluster and leaves a report of all that was said.
    """
    # Only here: the driver is loaded for nothing else.
    from harness.backends.contract import Needs  # noqa: PLC0415
    from harness.clusters import start_simulated  # noqa: PLC0415
    from harness.run import Run, index_runs, new_run_id  # noqa: PLC0415

    note(f"starting {nodes} simulated nodes")
    running = start_simulated(Needs(nodes=nodes, datacenters=datacenters, compression=compression))
    run_of = Run(running.opened, "up", doc=f"harness up, {nodes} nodes in {datacenters} datacenters.")
    try:
        for node in running.opened.cluster.nodes:
            note(f"{node.name}  {node.address}  {node.datacenter} {node.rack}")
        for line in running.how_to_connect:
            note(f"connect: {line}")
        note(f"recorded to {running.opened.capture}; Ctrl-C ends the cluster and leaves the report")
        with suppress(KeyboardInterrupt):
            watch(running.recorder, seconds)
        note("writing the report")
        written = run_of.write_report(Path(folder), new_run_id(datetime.now(UTC), secrets.token_hex(2)))
        index_runs(Path(folder))
    finally:
        run_of.close()
    if written is not None:
        Screen().write([str(written.page)])


@harness.command("run", short_help="Run scenarios.", context_settings={"ignore_unknown_options": True})
@click.argument("scenario", metavar="SCENARIO")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST OPTION]...")
def run_scenario(scenario: str, options: tuple[str, ...]) -> int:
    """Run a scenario by the path of its file (FILE or FILE::TEST), or all whose names contain a word.

    What stands behind it goes to pytest: --cluster=replay --pcap FOLDER, -n 2, --nodes 5, -x. Exit status: 0 all
    verdicts are PASS; 1 one is not; 2 there is no such scenario, or pytest was told what it does not know.
    """
    # Only here: nobody else needs pytest.
    import pytest  # noqa: PLC0415

    folder = SCENARIOS if SCENARIOS.is_dir() else Path("scenarios")
    if Path(scenario.partition("::")[0]).exists():
        chosen = [scenario]
    elif folder.is_dir():
        chosen = [str(folder), "-k", scenario]
    else:
        raise click.UsageError(f"{scenario} is no file, and there is no folder scenarios here to look in")
    # The harness is imported already, and pytest says that it cannot rewrite its assertions any more.
    status = pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *chosen, *options])
    if status == pytest.ExitCode.INTERRUPTED:
        return EXIT_INTERRUPTED
    return int(status) if status in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} else EXIT_UNREADABLE


@harness.command(short_help="Remove what killed runs have left behind.")
@click.option("--kept", is_flag=True, help="Remove clusters that were to stay (pytest --keep), too.")
def clean(*, kept: bool) -> None:
    """Remove processes, interfaces, containers and files of clusters whose run was killed; what is in use stays.

    The next start of a cluster does the same.
    """
    # Only here: it takes what only clusters need.
    from harness.clusters import clean as clean_up  # noqa: PLC0415

    removed = clean_up(with_kept=kept)
    Screen().write([f"removed {name}" for name in removed] or ["nothing was left behind"])
