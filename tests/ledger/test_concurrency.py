"""Many processes write at once, and some are killed while they do."""

import signal
import threading

from orthoui.ledger import Ledger, Progress, RunFilter
from tests.ledger import writers
from tests.ledger.made import RESULT, SERVER, new, queued, started

PROCESSES = 8


def test_eight_processes_open_and_write_at_once(address: str) -> None:
    together, faults = writers.SPAWN.Barrier(PROCESSES), writers.SPAWN.Queue()
    processes = [
        writers.SPAWN.Process(target=writers.open_and_write, args=(address, number, together, faults))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    found = [faults.get() for process in processes if process.exitcode]
    assert found == []
    book = Ledger(address)
    assert book.count(RunFilter(state=("done",))) == PROCESSES * writers.WRITES * 2
    assert book.count(RunFilter(tag="recorded")) == PROCESSES * writers.WRITES
    assert all(run.metrics for run in book.find())
    book.close()


def test_a_killed_writer_leaves_no_half_run(book: Ledger, address: str) -> None:
    book.record(new(title="whole", tags=("a",)), RESULT)
    assert writers.ended_with(writers.die_before_commit, address) == -signal.SIGKILL
    assert [run.title for run in book.find()] == ["whole"]
    assert book.tags() == {"a": 1}
    book.record(new(title="after"), RESULT)
    assert book.count() == 2


def test_a_writer_killed_while_it_finishes_leaves_the_run_running(book: Ledger, address: str) -> None:
    run = queued(book)
    ticket = book.queue.hand_out(run.id, SERVER) or 0
    assert writers.ended_with(writers.die_while_finishing, address, run.id, ticket) == -signal.SIGKILL
    left = book.get(run.id)
    assert (left.state, left.metrics, left.finished) == ("running", {}, None)


def test_only_one_of_many_claims_counts(book: Ledger) -> None:
    attempt = started(book)
    counted = []

    def beat(number: int) -> None:
        for step in range(10):
            attempt.beat(Progress(step=step, steps=number))
        counted.append(number)

    threads = [threading.Thread(target=beat, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == list(range(8))


def test_readers_do_not_wait_for_a_writer(book: Ledger) -> None:
    run = book.record(new(), RESULT)
    with book._database.writing() as session:
        session.connection().exec_driver_sql("UPDATE orthoui_runs SET title = 'meanwhile'")
        assert book.get(run.id).title == "Forget sneaker"
    assert book.get(run.id).title == "meanwhile"
