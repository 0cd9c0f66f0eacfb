"""Measure everything, print a table, write results.json."""

import asyncio

import uvloop

from bench import (
    by_kafka,
    centre,
    core,
    freed,
    growth,
    hanging,
    lives,
    overload,
    owed,
    peers,
    processes,
    standby,
    webhooks,
)
from bench.load import median, ms, percentile
from bench.report import Report
from bench.server import Server, serving
from ccc_router.kernel import log

_STEP_S = 4.0
_TURN_S = 2.0
_TURNS = 5
_PAIRS = 6
_STORM_S = 60.0


async def measure(report: Report) -> None:
    """One after the other on one server, each on a database of its own."""
    async with serving() as server:
        report.machine(server.version)
        commits = await server.commits()
        _core(report)
        waits = await _lives(report, server)
        await _freed(report, server)
        await _by_kafka(report, server)
        await _webhooks(report, server)
        await _processes(report, server)
        await _hanging(report, server)
        await owed.tell(report, server, _PAIRS, _STEP_S)
        await overload.measure(report, server, _STORM_S)
        await _peers(report, server)
        await _growth(report, server)
        await _standby(report, server)
        commit = median(commits + await server.commits())
        report.take("commit_median_ms", "single one-row commit on the idle server, median", ms(commit), "ms")
        report.take(
            "offer_p99_vs_commit", "arrive to offer at 600/s, p99 / that commit", waits / commit, "x", "<= 60 x"
        )
    report.write()


def _core(report: Report) -> None:
    speed = core.decide(3_000)
    report.take("core_decisions_per_s", "pure core, decisions a second", speed.decisions_per_s, "/s", ">= 50,000/s")
    report.line("pure core, inputs a second", f"{speed.inputs_per_s:,.0f} /s")


async def _lives(report: Report, server: Server) -> float:
    made = centre.catalogue(lives.AGENTS)
    async with centre.working(await server.database("lives"), server.folder, made) as spine:
        measured = lives.Lives(spine)
        await measured.run(200, 2)  # what is slow only once
        p50, p99 = await lives.offer_wait(measured, 600, _STEP_S, 3)
        report.take("offer_p50_ms", "arrive to offer at 600 lives a second, p50", ms(p50), "ms")
        report.take("offer_p99_ms", "arrive to offer at 600 lives a second, p99", ms(p99), "ms")
        best, tried = await lives.saturate(measured, 500, _STEP_S)
        for run in tried:
            told = f"over {run.tail * 1000:.0f} ms after the last arrival" + (
                "" if run.sustained else ": not sustained"
            )
            report.line(
                f"  at {run.rate:,.0f} lives a second, {1e6 * run.cpu / run.lives:.0f} us of our CPU each",
                f"{run.per_s:,.0f} /s",
                told,
            )
        report.take("lives_per_s", "whole lives, sustained", best.per_s, "/s", ">= 1,500/s")
        report.take("inputs_per_s", "durable inputs (three a life)", 3 * best.per_s, "/s")
        measured.close()
    return p99


async def _by_kafka(report: Report, server: Server) -> None:
    pair = await by_kafka.compare(server, 400, _TURN_S)
    if pair is None:
        report.line("whole lives through Kafka", "no broker", "needs Java; tests/support/kafka/fetch.sh brings it")
        return
    for name, runs in (("PostgreSQL", pair.postgres), ("Kafka", pair.kafka)):
        told = ", ".join(f"{1e6 * run.cpu / run.lives:.0f} us" for run in runs) + " of our CPU each"
        report.line(
            f"whole lives with facts through {name}, sustained", f"{median([run.per_s for run in runs]):,.0f} /s", told
        )
    report.take("lives_by_kafka_ratio", "through Kafka / through PostgreSQL", pair.ratio, "x", ">= 0.8 x")


async def _freed(report: Report, server: Server) -> None:
    made = centre.catalogue(freed.AGENTS, at_once=1)
    async with centre.working(await server.database("freed"), server.folder, made) as spine:
        waits = await freed.freed_to_offer(spine, 15.0)
    report.take("freed_to_offer_p50_ms", "agent freed to next offer, p50", ms(percentile(waits, 0.5)), "ms", "<= 10 ms")
    report.take(
        "freed_to_offer_p99_ms", "agent freed to next offer, p99", ms(percentile(waits, 0.99)), "ms", "<= 50 ms"
    )


async def _webhooks(report: Report, server: Server) -> None:
    async with webhooks.both(server) as pair:
        calls = await pair.compare(webhooks.call_events(), webhooks.bare_request(), _TURNS, _TURN_S)
        pages = await pair.compare(webhooks.page_messages(), webhooks.bare_request(), 3, _TURN_S)
    report.line("call events acknowledged", f"{calls.per_s:,.0f} /s", f"p50 {ms(calls.p50)} ms")
    report.line("one-row inserts by the bare endpoint", f"{calls.bare_per_s:,.0f} /s", f"p50 {ms(calls.bare_p50)} ms")
    report.take("ack_vs_bare", "call events / bare endpoint", calls.ratio, "x", ">= 0.7 x")
    report.take("page_ack_vs_bare", "page messages / bare endpoint", pages.ratio, "x")


async def _processes(report: Report, server: Server) -> None:
    one, two = [await processes.acknowledged(server, serves, _TURN_S) for serves in (1, 2)]
    for name, run in (("one serve", one), ("two serve", two)):
        told = f"p50 {ms(run.p50)} ms; {run.spent.cores(run.seconds)}"
        report.line(f"call events acknowledged by {name} beside an engine", f"{run.per_s:,.0f} /s", told)
    report.take(
        "two_serve_vs_one", "the second over the first", two.per_s / one.per_s, "x", ">= 1.5 x where cores allow"
    )


async def _hanging(report: Report, server: Server) -> None:
    async with hanging.delivering(server) as bench:
        for behaviour, told in (("hangs", "hangs"), ("slow", "reads a byte a second")):
            found = await hanging.compare(bench, behaviour, _PAIRS, _STEP_S)
            least, middle, most = found.spread
            report.line(
                f"webhooks to 33 departments, p99, while the 34th {told}", f"{ms(percentile(found.beside, 0.99))} ms"
            )
            report.take(f"hanging_{behaviour}_ratio", "the same / while all are well", found.ratio, "x", "<= 1.1 x")
            report.line("  pair by pair: least, median, most", f"{least:.2f} {middle:.2f} {most:.2f}")


async def _growth(report: Report, server: Server) -> None:
    grown = await growth.measure(server)
    large, small = growth.LARGE, growth.SMALL
    for size, cost in ((small, grown.small_us), (large, grown.large_us)):
        report.line(f"a decision at {size.waiting:,} waiting x {size.agents:,} agents", f"{cost:.1f} us")
    report.take("core_growth", "the second over the first", grown.growth, "x", "<= 2 x")
    report.take("core_memory_mb", "memory of the larger", grown.memory_mb, "MB", "<= 300 MB")
    report.take("rebuild_s", "the larger taken up from the tables, to its first offer", grown.rebuild_s, "s", "<= 3 s")


async def _standby(report: Report, server: Server) -> None:
    found = await standby.measure(server)
    told = f"{standby.CASES:,} cases and {standby.CALLS:,} ended calls in memory"
    report.take("take_over_loaded_s", f"take-over with {told}: loaded", found.loaded_s, "s")
    report.take("take_over_followed_ms", f"  followed, {standby.LACKING} entries behind", 1000 * found.followed_s, "ms")
    report.take("take_over_ratio", "  the first over the second", found.loaded_s / found.followed_s, "x", ">= 10 x")
    report.take("followed_entry_us", "  processor time of an entry that is followed", 1e6 * found.entry_s, "us")


async def _peers(report: Report, server: Server) -> None:
    for peer, goal in (("pgqueuer", ">= 0.5 x"), ("procrastinate", ">= 10 x")):
        jobs = await peers.jobs_per_s(server, peer)
        if jobs is None:
            report.line(f"{peer}: not measured", "")
            continue
        report.line(f"{peer}, jobs a second", f"{jobs:,.0f} /s")
        report.take(
            f"inputs_vs_{peer}", "our durable inputs / its jobs", report.figures["inputs_per_s"] / jobs, "x", goal
        )


if __name__ == "__main__":
    log.configure("error")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(Report()))
