"""Reading on after an offset that is not in the log, and seeks, whatever the client refuses for a while."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from connector.kafka.log_changes import LogChangeKind
from connector.kafka.source_interface import LogChange
from tests.unit.kafka.recovery_bench import NEW, OLD, USERS, RecoveryBench

OUT_OF_RANGE = "fetch failed due to requested offset not available on the broker: Broker: Offset out of range"


def cut(offset: int, end: int, leader_epoch: int = 1) -> str:
    return (
        f"Partition log truncation detected at offset {offset} (leader epoch {leader_epoch}): broker end offset is "
        f"{end} (offset leader epoch {leader_epoch}). Reset to INVALID.: Local: Offset out of range"
    )


@pytest.fixture
def reader() -> RecoveryBench:
    return RecoveryBench()


# --- an offset that is not in the log --------------------------------------------------------------------------------


def test_a_truncated_log_is_read_on_from_its_end_under_another_epoch(reader: RecoveryBench) -> None:
    reader.assign(0)
    reader.read(200, leader_epoch=1)
    reader.client.ends[USERS] = (0, 150)
    with capture_logs() as logs:
        reader.recovery.recover(USERS, cut(200, 120))
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 120)]
    ((assigned,),) = reader.listener.of("on_assigned")
    assert assigned == (2, "users", 0, 120, None, 1, OLD, 120)
    assert reader.client.fetched[USERS] == (120, 1)
    assert [(entry["wanted"], entry["resumes_at"]) for entry in logs] == [(200, 120)]
    assert [name for name, _ in reader.listener.calls] == ["on_assigned", "on_log_changed"]


def test_out_of_range_without_a_reported_truncation_is_validated_first(reader: RecoveryBench) -> None:
    """The fetch failed before the position was validated: the client is told to, and reports where the log that was
    read ends. The offset to be read next stays known, though the client has forgotten it."""
    reader.assign(0)
    reader.read(200, leader_epoch=4)
    reader.client.ends[USERS] = (30, 150)
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert reader.client.sought == [(200, 4)]
    assert reader.listener.calls == []
    reader.recovery.recover(USERS, cut(200, 120, 4))
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 120)]
    assert reader.client.fetched[USERS] == (120, 4)


def test_out_of_range_that_the_client_has_no_word_for_is_read_from_the_lowest_offset(reader: RecoveryBench) -> None:
    reader.assign(0)
    reader.read(200, leader_epoch=4)
    reader.client.ends[USERS] = (30, 150)
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 30)]
    assert reader.client.fetched[USERS] == (30, -1)


def test_without_an_epoch_there_is_nothing_to_hold_against_the_log(reader: RecoveryBench) -> None:
    reader.assign(200, leader_epoch=-1, ends=(30, 150))
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 30)]


def test_while_the_position_waits_to_be_validated_nothing_that_comes_is_handed_over(reader: RecoveryBench) -> None:
    """The client reads from the end of the log meanwhile, at offsets that were read of the log before."""
    reader.assign(0)
    reader.read(200, leader_epoch=4)
    reader.client.ends[USERS] = (0, 150)
    reader.client.refusals["seek"] = 2
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert reader.client.fetched[USERS] == (150, -1)
    assert reader.read(3) == []
    assert reader.read(3) == []
    assert reader.client.sought == [(200, 4)]
    reader.recovery.recover(USERS, cut(200, 120, 4))
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 120)]


def test_a_move_that_fails_half_way_is_validated_all_the_same(reader: RecoveryBench) -> None:
    reader.assign(0)
    reader.read(200, leader_epoch=4)
    reader.client.ends[USERS] = (0, 150)
    reader.client.refusals["assign"] = 1
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert reader.poll_once() == []
    assert reader.client.sought == [(200, 4)]
    assert reader.listener.calls == []


def test_what_retention_deleted_is_reported_and_the_epoch_goes_on(reader: RecoveryBench) -> None:
    epoch = reader.assign(7, ends=(30, 150))
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert reader.listener.calls == [("on_lost_to_retention", (epoch, 30, 7))]
    assert reader.client.fetched[USERS] == (30, -1)
    assert reader.owned.epochs == {USERS: epoch}
    assert reader.recovery.next_offset(USERS) == 30


def test_an_offset_that_is_there_after_all_is_read_from_and_nothing_is_reported(reader: RecoveryBench) -> None:
    reader.assign(7, ends=(0, 150))
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert (reader.client.fetched[USERS], reader.listener.calls) == ((7, -1), [])


def test_a_partition_that_is_not_ours_is_left_alone(reader: RecoveryBench) -> None:
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert reader.client.calls.total() == 0


@pytest.mark.parametrize("said", [OUT_OF_RANGE, cut(200, 120)])
@pytest.mark.parametrize("by", ["client", "brokers"])
def test_a_topic_that_was_recreated_is_found_by_its_id_and_is_for_another_client_to_read(
    reader: RecoveryBench, said: str, by: str
) -> None:
    reader.assign(0, ends=(0, 50))
    reader.read(200, leader_epoch=1)
    if by == "client":
        reader.owned.client_reads_topic_id("users", NEW)
    else:
        reader.ids.known["users"] = NEW
    calls = reader.client.calls.copy()
    reader.recovery.recover(USERS, said)
    assert reader.recovery.recreation.detected
    assert reader.read(3) == []
    assert (reader.listener.calls, reader.client.calls, reader.recovery._retries) == ([], calls, {})


def test_brokers_that_do_not_report_an_id_do_not_make_a_truncation_anything_else(reader: RecoveryBench) -> None:
    reader.assign(0)
    reader.read(200, leader_epoch=1)
    reader.client.ends[USERS] = (0, 150)
    reader.ids.known.clear()
    reader.recovery.recover(USERS, cut(200, 120))
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 120)]
    ((assigned,),) = reader.listener.of("on_assigned")
    assert (assigned.position, assigned.topic_id, assigned.truncated_at) == (120, OLD, 120)
    assert not reader.recovery.recreation.detected


def test_where_neither_an_id_nor_the_end_of_a_truncation_is_reported_reading_begins_at_the_lowest_offset(
    reader: RecoveryBench,
) -> None:
    reader.assign(200, ends=(30, 150))
    reader.ids.known.clear()
    reader.recovery.recover(USERS, OUT_OF_RANGE)
    assert len(reader.ids.asked) == 1, "nothing is waited for"
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 30)]
    assert reader.client.fetched[USERS] == (30, -1)


@pytest.mark.parametrize("known", ["", NEW])
def test_an_epoch_whose_id_was_never_known_may_be_of_another_topic_and_is_bound_to_nothing_before(
    reader: RecoveryBench, known: str
) -> None:
    reader.assign(0, topic_id="")
    reader.read(200, leader_epoch=1)
    reader.client.ends[USERS] = (5, 150)
    if known:
        reader.ids.known["users"] = known
    reader.recovery.recover(USERS, cut(200, 120))
    assert reader.listener.changes == [LogChange(LogChangeKind.RECREATED, "users", 0, 200, 5)]
    ((assigned,),) = reader.listener.of("on_assigned")
    assert (assigned.position, assigned.topic_id, assigned.truncated_at) == (5, known, -1)


def test_the_id_of_a_topic_that_is_gone_is_no_answer(reader: RecoveryBench) -> None:
    """A broker that lags behind reports it: the client's own report counts, and the brokers are not asked."""
    reader.owned.client_reads_topic_id("users", OLD)
    reader.owned.client_reads_topic_id("users", NEW)
    reader.assign(0, topic_id=NEW, ends=(0, 150))
    reader.read(200, leader_epoch=1)
    reader.ids.known["users"] = OLD
    reader.recovery.recover(USERS, cut(200, 120))
    assert reader.ids.asked == []
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 120)]
    assert reader.owned.topic_id(USERS) == NEW
    assert not reader.recovery.recreation.detected


@pytest.mark.parametrize("step", ["watermarks", "assign"])
def test_what_the_brokers_refuse_is_tried_once_a_poll_until_it_is_done(reader: RecoveryBench, step: str) -> None:
    reader.assign(0)
    reader.read(200, leader_epoch=1)
    reader.client.ends[USERS] = (0, 150)
    reader.client.refusals[step] = 3
    reader.recovery.recover(USERS, cut(200, 120))
    before = reader.client.calls[step]
    for turn in range(1, 4):
        assert reader.listener.calls == []
        reader.poll_once()
        assert reader.client.calls[step] == before + turn
    assert reader.listener.changes == [LogChange(LogChangeKind.TRUNCATED, "users", 0, 200, 120)]
    assert reader.client.fetched[USERS] == (120, 1)
    said, over = reader.problems
    assert said.startswith("users/0 cannot be reset: ")
    assert over == "", "on a quiet topic no record would end it"
    reader.poll_once()
    assert reader.client.calls[step] == before + 3


@pytest.mark.parametrize("what", ["reset", "seek", "validation"])
@pytest.mark.parametrize("back", [True, False])
def test_nothing_is_done_to_a_partition_that_was_revoked(reader: RecoveryBench, what: str, *, back: bool) -> None:
    """Where it has come back, it is read from what is committed: an offset of before could lie behind that."""
    if what == "validation":
        reader.client.refusals["seek"] = 1
    reader.assign(200, leader_epoch=4, ends=(0, 150))
    reader.client.refusals |= {"watermarks": 1, "assign": 1}
    if what == "reset":
        reader.recovery.recover(USERS, OUT_OF_RANGE)
    elif what == "seek":
        reader.recovery.seek(USERS, 201)
    reader.recovery.partitions_removed([USERS])
    reader.owned.disown([USERS])
    reader.client.fetched.clear()
    reader.client.refusals.clear()
    reader.client.sought.clear()
    if back:
        reader.assign(40, ends=(0, 150))
    calls = reader.client.calls.copy()
    reader.poll_once()
    assert reader.client.calls == calls
    assert reader.client.fetched == ({USERS: (40, -1)} if back else {})
    assert (reader.listener.calls, reader.client.sought) == ([], [])


# --- seeks ---------------------------------------------------------------------------------------------------------


def test_a_position_is_validated_by_a_seek_where_its_epoch_is_known(reader: RecoveryBench) -> None:
    reader.assign(200, leader_epoch=4)
    reader.assign(200, leader_epoch=-1, partition=1)
    reader.assign(0, leader_epoch=4, partition=2)
    assert reader.client.sought == [(200, 4)]


def test_a_seek_that_fails_is_tried_again_and_nothing_is_handed_over_before_nor_twice(reader: RecoveryBench) -> None:
    reader.client.refusals["seek"] = 2
    reader.assign(200, leader_epoch=4)
    assert reader.read(3) == []
    assert reader.recovery.next_offset(USERS) == 200
    assert reader.read(3) == []
    assert reader.client.sought == [(200, 4)]
    assert reader.read(3) == [200, 201, 202]
    assert reader.read(3) == [203, 204, 205]


def test_a_client_that_is_not_ready_for_a_seek_is_no_problem_of_kafkas(reader: RecoveryBench) -> None:
    """It refuses one seek in four that follows an assignment at once."""
    reader.client.refusal = KafkaException(KafkaError(KafkaError._STATE))
    reader.client.refusals["seek"] = 2
    reader.assign(200, leader_epoch=4)
    assert reader.read(3) == reader.read(3) == []
    assert (reader.client.sought, reader.problems) == ([(200, 4)], [])


def test_a_problem_of_others_is_not_ended_here(reader: RecoveryBench) -> None:
    reader.client.refusals["seek"] = 1
    reader.assign(200, leader_epoch=4)
    reader.problem.report("all brokers are down")
    reader.poll_once()
    assert reader.problems[-1] == "all brokers are down"


def test_other_partitions_are_read_while_one_waits(reader: RecoveryBench) -> None:
    reader.client.refusals["seek"] = 1
    reader.assign(200, leader_epoch=4)
    reader.assign(50, partition=1)
    messages = [*reader.client.bring(USERS, 2), *reader.client.bring(("users", 1), 2)]
    assert reader.poll_once(*messages) == [50, 51]


def test_a_partition_is_read_from_the_offset_that_was_asked_for(reader: RecoveryBench) -> None:
    epoch = reader.assign(0, leader_epoch=3)
    reader.read(3)
    reader.recovery.seek(USERS, 4)
    assert (reader.client.fetched[USERS], reader.owned.epochs[USERS]) == ((4, -1), epoch)
    assert reader.recovery.next_offset(USERS) == 4
    assert reader.read(2) == [4, 5]
    assert reader.recovery.next_offset(USERS) == 6


@pytest.mark.parametrize("step", ["unassign", "assign"])
def test_a_seek_on_demand_that_fails_is_tried_again(reader: RecoveryBench, step: str) -> None:
    """Where the partition was not taken away, librdkafka refuses to assign it twice."""
    reader.assign(0)
    reader.read(3)
    reader.client.refusals |= {"assign": 2, "unassign": 2 if step == "unassign" else 0}
    reader.recovery.seek(USERS, 9)
    assert reader.poll_once(*(reader.client.bring() if step == "unassign" else ())) == []
    assert reader.recovery.next_offset(USERS) == 3
    reader.poll_once()
    assert reader.client.fetched[USERS] == (9, -1)
    assert reader.read(1) == [9]


def test_a_seek_replaces_what_was_put_off_for_another_offset(reader: RecoveryBench) -> None:
    """Done later, it would move the position back behind the newer seek."""
    reader.client.refusals["seek"] = 1
    reader.assign(200, leader_epoch=4)
    reader.recovery.seek(USERS, 300)
    assert reader.read(2) == [300, 301]
    reader.poll_once()
    assert (reader.client.sought, reader.client.fetched[USERS][0]) == ([], 302)
