"""The fault table: what may go wrong, what the client sees, what is guaranteed, and which tests prove it.

`docs/reliability.md` shows it; `test_table.py` holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MISBEHAVING = "tests/lifecycle/test_misbehaving_cli.py::test_"
GONE = "tests/lifecycle/test_clients_that_go_away.py::test_"
RESULTS = "tests/lifecycle/test_waiting_for_results.py::test_"
UPSTREAM = "tests/live/test_faults.py::test_"
ENTRY = "tests/test_entry_point.py::test_"
PROCESS = "tests/backends/claude_cli/test_process.py::test_"
CLI = "tests/faults/test_cli.py::test_"
CLIENTS = "tests/faults/test_clients.py::test_"
SERVER = "tests/api/test_ollama_upstream.py::test_"
OLLAMA = "tests/backends/ollama/test_backend.py::test_"
ROSTER = "tests/backends/ollama/test_roster.py::test_"
MACHINE = "tests/faults/test_machine.py::test_"
CHAT = "tests/api/test_chat_service.py::test_"


@dataclass(frozen=True, slots=True)
class Row:
    """A fault; what the client `sees`, what is `guaranteed`, and the `tests` by file and name."""

    fault: str
    sees: str
    guaranteed: str
    tests: tuple[str, ...]


_IN_STREAM = "500, or the dialect's error in the stream; it says how the CLI ended and quotes its stderr"
_ALONE = "the process is ended, other answers go on"
_AGAIN = "the request is asked once more on another process; the answer, or 500 when that one dies as well"

_CLI = (
    Row(
        "missing, or not executable",
        "nothing: the daemon does not start, exit codes 4 and 5",
        "one line says which program, and why",
        (ENTRY + "a_cli_that_is_not_there_is_named", ENTRY + "a_cli_that_cannot_be_run_is_named"),
    ),
    Row(
        "of a version that works otherwise",
        "an answer by another way; 500 with `doctor` as the remedy where a chat could do harm",
        "found out before it matters, without tokens; noticed when the program is replaced",
        (
            "tests/lifecycle/test_found_out.py::test_a_cli_on_which_a_chat_could_do_harm_serves_nobody",
            "tests/lifecycle/test_found_out.py::test_a_cli_that_is_replaced_is_noticed_and_used_from_then_on",
        ),
    ),
    Row(
        "crashes or hangs at its start",
        "500 at once, with its stderr; `boot_timeout`",
        "spares are tried again after 0.5 s to 30 s, not in a loop",
        (
            MISBEHAVING + "a_cli_that_does_not_boot_is_an_error_at_once",
            MISBEHAVING + "a_cli_that_boots_and_goes_is_not_booted_again_and_again",
            MISBEHAVING + "a_cli_that_never_takes_its_setup_is_given_up",
        ),
    ),
    Row(
        "crashes while idle",
        "nothing",
        "it is replaced; a conversation that it held is replayed",
        (
            MISBEHAVING + "a_spare_that_dies_while_idle_is_replaced",
            RESULTS + "a_process_that_died_while_it_waited_is_replaced",
        ),
    ),
    Row(
        "crashes before the API has accepted, or is given results",
        _AGAIN,
        "asked twice at most, and only while nothing of an answer has come",
        (
            CLI + "a_process_that_dies_before_anything_came_of_it_costs_the_request_nothing",
            CLI + "a_request_that_ends_processes_ends_two_of_them_and_no_more",
            RESULTS + "a_process_that_dies_while_it_is_given_results_is_replaced",
        ),
    ),
    Row(
        "crashes in mid-answer, is killed by the kernel",
        _IN_STREAM,
        _ALONE,
        (CLI + "within_the_answer_a_fault_is_told_in_the_stream", CLI + "before_the_answer_a_fault_is_a_500"),
    ),
    Row(
        "floods stderr",
        "nothing",
        "drained into 20 lines of 400 bytes",
        (CLI + "what_can_be_borne_is_borne", PROCESS + "stderr_is_drained_into_a_bounded_ring"),
    ),
    Row(
        "writes garbage, or half a line",
        "the error, with the beginning of the line",
        _ALONE,
        (CLI + "within_the_answer_a_fault_is_told_in_the_stream",),
    ),
    Row(
        "writes a line of 50 MB, or one without an end",
        "nothing up to `max_line`; beyond it the error",
        "not more than `max_line` is kept of a line",
        (CLI + "a_line_of_50_megabytes_is_read", MISBEHAVING + "an_endless_line_is_an_error_and_takes_no_memory"),
    ),
    Row(
        "writes invalid UTF-8, or cuts characters and lines anywhere",
        "U+FFFD for what is none; else nothing",
        "what is streamed is valid, whatever arrives",
        (CLI + "what_can_be_borne_is_borne", PROCESS + "lines_arrive_however_they_are_cut"),
    ),
    Row(
        "sends events that nobody knows",
        "nothing",
        "they are passed over",
        (CLI + "what_can_be_borne_is_borne",),
    ),
    Row(
        "sends events out of order, or that make no sense",
        "500 or 502, or the error in the stream",
        "no text is repeated, none is made up",
        (CLI + "before_the_answer_a_fault_is_a_500", CLI + "within_the_answer_a_fault_is_told_in_the_stream"),
    ),
    Row(
        "tells the end of its turn twice, or speaks after it",
        "nothing",
        "the process is not used again; the next request does not hear it",
        (
            CLI + "what_can_be_borne_is_borne",
            CLI + "what_a_process_says_after_its_turn_is_not_the_next_requests_fault",
        ),
    ),
    Row(
        "never tells the end of its turn",
        "nothing: the answer ends with the API's message",
        "the process is ended after `interrupt_timeout` and a second",
        (CLI + "what_can_be_borne_is_borne",),
    ),
    Row(
        "goes on by itself after the answer",
        "one answer",
        "the process is killed; a request that it has sent by then is cut",
        (
            MISBEHAVING + "a_cli_that_goes_on_by_itself_is_ended_and_the_client_sees_one_answer",
            UPSTREAM + "the_length_limit_ends_the_answer_and_the_cli",
        ),
    ),
    Row(
        "leaves a child of its own that holds its pipes",
        _IN_STREAM,
        "the whole group is killed; one that made a session of its own holds nobody up, but lives on",
        (
            CLI + "within_the_answer_a_fault_is_told_in_the_stream",
            MISBEHAVING + "a_grandchild_in_a_session_of_its_own_keeps_no_client_waiting",
            PROCESS + "no_grandchild_outlives_the_end_of_a_child",
        ),
    ),
    Row(
        "ignores SIGTERM, is slow to exit",
        "nothing",
        "SIGKILL after `stop_eof_timeout` and `stop_term_timeout`",
        (
            PROCESS + "a_child_that_ignores_everything_is_killed",
            PROCESS + "a_child_that_ignores_its_stdins_end_is_told_to_end",
        ),
    ),
    Row(
        "hangs",
        "504, or the error in the stream: the deadline by its name",
        "`first_event_timeout`, `idle_timeout`, `total_timeout`",
        (
            MISBEHAVING + "each_deadline_ends_a_turn_that_hangs",
            MISBEHAVING + "a_deadline_is_told_in_every_dialect",
        ),
    ),
)

_UPSTREAM = (
    Row(
        "400, 404, 413",
        "the same status, with the API's words",
        "asked once",
        (UPSTREAM + "an_error_before_the_first_byte_is_a_status",),
    ),
    Row(
        "401, 403",
        "401, with the remedy for the operator",
        "asked once; `x-should-retry: false`",
        (UPSTREAM + "an_error_before_the_first_byte_is_a_status", UPSTREAM + "an_error_says_when_to_come_back"),
    ),
    Row(
        "429 without a reset time",
        "429",
        "repeated `cli_retries` times before; the process is used again",
        (UPSTREAM + "an_error_before_the_first_byte_is_a_status", UPSTREAM + "an_error_of_the_api_costs_no_process"),
    ),
    Row(
        "429 with a reset time",
        "429 with `Retry-After` and the time",
        "asked once",
        (UPSTREAM + "a_usage_limit_says_when_it_ends",),
    ),
    Row(
        "500, 503, 529",
        "502, 503, 529; an answer when a repetition succeeds",
        "repeated unseen, `cli_retries` times, within `first_event_timeout`",
        (
            UPSTREAM + "an_error_before_the_first_byte_is_a_status",
            UPSTREAM + "what_fails_before_any_text_is_tried_again_unseen",
            UPSTREAM + "retries_are_bounded_by_the_deadline",
        ),
    ),
    Row(
        "an error in mid-stream, a stream that is cut",
        "the dialect's error in the stream; a status where nothing was streamed",
        "text that a client has is never repeated",
        (
            UPSTREAM + "a_stream_that_breaks_is_told_in_every_dialect",
            UPSTREAM + "a_stream_that_breaks_after_text_ends_with_an_error_and_repeats_nothing",
            UPSTREAM + "a_broken_answer_is_a_status_when_nothing_was_streamed",
        ),
    ),
    Row(
        "a hang before, or after, the first token",
        "504, or the error in the stream: the deadline by its name",
        "the API's connection is let go as well",
        (UPSTREAM + "each_deadline_ends_in_an_error_that_names_it",),
    ),
    Row(
        "connection refused",
        "502",
        "repeated `cli_retries` times before",
        (UPSTREAM + "an_unreachable_api_is_a_502",),
    ),
)

_BEHIND = (
    Row(
        "is not there, from the start or since",
        "503; 404 for a model that was never heard of",
        "Claude's models go on; looked for from 1 s to 60 s apart, found when it comes",
        (
            SERVER + "claude_goes_on_while_the_server_is_gone_and_the_server_may_come_back",
            SERVER + "a_server_that_is_not_there_at_the_start_is_found_when_a_model_of_its_is_asked_for",
            ROSTER + "a_server_that_comes_later_is_found_in_the_background",
        ),
    ),
    Row(
        "refuses",
        "its status and words; 502 where it refuses the daemon's key",
        "in the shape of every dialect",
        (
            SERVER + "before_the_answer_a_fault_is_a_status_in_every_dialect",
            OLLAMA + "a_fault_is_an_error_with_a_status_and_words",
        ),
    ),
    Row(
        "dies or fails in the middle of an answer",
        "what came before, then the dialect's error in the stream; 500 or 502 when not streamed",
        "never a whole answer",
        (
            SERVER + "in_the_middle_of_the_answer_it_is_the_dialect_s_own_error",
            OLLAMA + "what_came_before_a_fault_is_the_clients",
        ),
    ),
    Row(
        "says nothing any more",
        "504, which names the deadline",
        "the connection is closed, at which it stops",
        (OLLAMA + "a_deadline_ends_the_turn_and_is_named", OLLAMA + "to_be_cancelled_closes_the_connection"),
    ),
    Row(
        "says what no Ollama server says, or a line without end",
        "502, or the dialect's error in the stream",
        "lines, lists and documents have bounds",
        (
            "tests/backends/ollama/test_answer.py::test_what_no_server_says_is_an_error",
            "tests/backends/ollama/test_listings.py::test_a_document_is_kept_without_its_vocabulary_and_within_bounds",
        ),
    ),
    Row(
        "does not say which models it has",
        "404 for a name that nobody has, after 3 s at most",
        "however many ask, it is asked once in 2 s; what it last had stays listed",
        (
            ROSTER + "nobody_waits_for_a_server_that_does_not_answer",
            ROSTER + "however_many_unknown_names_are_asked_for_the_server_is_asked_once",
            ROSTER + "what_the_server_last_had_stays_known",
        ),
    ),
)

_MACHINE = (
    Row(
        "the disk is full",
        "500 where something would be kept, in words; chats go on",
        "what was kept stays whole; lines of the log are lost, not the log",
        (
            MACHINE + "on_a_full_disk_chats_go_on_and_what_cannot_be_kept_is_said",
            MACHINE + "a_log_on_a_full_disk_stops_nothing_and_goes_on_when_there_is_room",
            "tests/catalog/test_persona_store.py::test_a_write_that_fails_leaves_what_was_there",
        ),
    ),
    Row(
        "the state folder cannot be used, or is corrupt",
        "500 where something would be kept; chats go on",
        "a corrupt file is set aside, the others are read",
        (
            MACHINE + "a_state_folder_that_cannot_be_used_costs_only_what_would_be_kept_there",
            "tests/catalog/test_persona_store.py::test_a_corrupt_file_is_set_aside_with_a_warning_and_the_others_are_read",
            "tests/lifecycle/test_persona_writes.py::test_files_that_were_cut_short_are_set_aside_and_the_others_work",
        ),
    ),
    Row(
        "the runtime folder is removed, or cannot be made",
        "nothing; 500 in words while no process can be started",
        "made again as soon as it can be",
        (
            MISBEHAVING + "a_runtime_folder_that_was_removed_costs_nothing",
            MISBEHAVING + "a_runtime_folder_that_cannot_be_made_is_an_error_and_not_the_end",
        ),
    ),
    Row(
        "no descriptors for connections",
        "the connection waits until there are some",
        "`max_connections` keeps enough for the processes; one try and one line of the log a second",
        (
            MACHINE + "without_descriptors_for_connections_they_wait_and_nothing_is_busy",
            CLIENTS + "beyond_the_most_connections_a_client_is_told_so",
        ),
    ),
    Row(
        "no descriptors, or no memory, for a process",
        "500: the CLI cannot be started, and why",
        "the next request is served as soon as there are",
        (
            MACHINE + "without_descriptors_for_a_process_its_request_has_an_error",
            MACHINE + "a_process_that_the_kernel_does_not_start_is_an_error",
        ),
    ),
    Row(
        "the clock jumps",
        "nothing",
        "deadlines and durations are of the monotonic clock",
        (MACHINE + "only_what_is_told_as_a_date_is_read_from_the_clock_that_may_jump",),
    ),
    Row(
        "the daemon is killed",
        "the connection ends",
        "no process is left, however it dies (Linux; elsewhere the next start ends them)",
        (
            "tests/lifecycle/test_daemon_process.py::test_a_killed_daemon_leaves_no_process_of_the_real_cli",
            PROCESS + "a_child_dies_with_its_daemon_however_that_dies",
        ),
    ),
)

_CLIENTS = (
    Row(
        "goes away: in the queue, while its history is told, before or in its answer",
        "",
        "the turn is interrupted, the process freed, the API's connection let go",
        (
            GONE + "while_waiting_for_a_process",
            GONE + "while_the_history_is_told",
            GONE + "before_the_api_answers",
            GONE + "in_the_middle_of_the_answer",
            GONE + "in_the_middle_of_an_answer_that_is_not_streamed",
            GONE + "behind_a_second_request_on_the_same_connection",
        ),
    ),
    Row(
        "goes away while its tools run, or never gives their results",
        "",
        "the process waits for `result_timeout` at most, and holds no slot",
        (
            RESULTS + "a_client_that_goes_away_within_a_call_holds_no_slot",
            RESULTS + "a_wait_that_is_too_long_ends_and_the_conversation_goes_on",
        ),
    ),
    Row(
        "is half open",
        "",
        "one that closes its own side has gone; one that vanishes is asked for by the kernel after 15 s",
        (
            CLIENTS + "a_client_that_closes_its_own_side_alone_has_gone",
            CLIENTS + "connections_whose_other_side_vanishes_are_asked_for_by_the_kernel",
        ),
    ),
    Row(
        "sends nothing, half a head, half a body, or a byte at a time",
        "408, for a body in its dialect; nothing where nothing was sent",
        "`request_timeout` for all of a request",
        (
            CLIENTS + "a_head_that_never_ends_is_given_up",
            CLIENTS + "a_body_that_never_ends_is_a_408_in_its_dialect",
            CLIENTS + "who_sends_a_byte_at_a_time_is_given_up_all_the_same",
            CLIENTS + "the_time_of_a_request_is_not_that_of_its_answer",
        ),
    ),
    Row(
        "reads slowly",
        "the whole answer",
        "no deadline counts against it; what it does not take waits in the CLI",
        (GONE + "a_client_that_reads_slowly_gets_everything_and_no_deadline_counts_against_it",),
    ),
    Row(
        "never reads",
        "a connection that ends after `write_timeout`",
        "at most some megabytes wait in the daemon for a client",
        (
            GONE + "a_client_that_never_reads_is_given_up",
            CLIENTS + "a_client_that_asks_and_asks_and_never_reads_is_given_up",
            CLIENTS + "what_is_made_for_clients_that_never_read_waits_in_the_cli",
        ),
    ),
    Row(
        "sends further requests before the answer",
        "the answers, in their order",
        "a megabyte of them is read ahead",
        (CLIENTS + "requests_that_come_before_the_answer_are_answered_in_their_order",),
    ),
    Row(
        "sends too much: bytes, values, tools, pictures, stop strings",
        "413 for bytes and values, 400 for the others, with the limit",
        "what is too much is thrown away as it comes, up to eight times `max_body`; large bodies are parsed beside the "
        "streams",
        (
            CLIENTS + "a_body_of_very_many_values_is_refused",
            CLIENTS + "too_many_of_a_kind_are_refused_with_the_limit",
            "tests/api/test_routes.py::test_a_body_over_the_limit_is_refused",
            "tests/wire/test_images.py::test_only_pictures_are_counted",
        ),
    ),
    Row(
        "are too many",
        "503 in Ollama's words, at once; 504 after `queue_timeout`",
        "`max_processes`, `max_queue`, `max_connections`",
        (
            MISBEHAVING + "a_full_queue_answers_503_at_once_and_a_long_wait_504",
            CLIENTS + "beyond_the_most_connections_a_client_is_told_so",
        ),
    ),
    Row(
        "send messages to one chat at once, or go away with one",
        "the answers, one after the other; 503 behind 16 of them, 504 after `queue_timeout`",
        "a message is kept with its whole answer, or the chat is as it was before",
        (
            CHAT + "messages_to_one_chat_at_once_are_taken_in_turn",
            CHAT + "a_client_that_goes_away_leaves_no_process_no_turn_and_no_history",
            CHAT + "a_client_that_goes_away_while_it_waits_leaves_nothing",
            CHAT + "an_answer_that_fails_leaves_the_history_as_it_was",
            CHAT + "an_answer_that_a_drain_cuts_is_not_kept",
            "tests/chats/test_keeper.py::test_one_behind_too_many_is_told_so_and_those_that_go_away_leave_nothing",
        ),
    ),
    Row(
        "speak no HTTP",
        "400, 431 or 501, in one line",
        "the connection is closed",
        (
            CLIENTS + "what_is_no_http_is_told_so_in_one_line",
            CLIENTS + "a_body_that_becomes_no_http_ends_its_connection",
        ),
    ),
)

TABLE: dict[str, Sequence[Row]] = {
    "The CLI": _CLI,
    "The API": _UPSTREAM,
    "An Ollama server behind": _BEHIND,
    "The machine": _MACHINE,
    "Clients": _CLIENTS,
}
"""The rows by their source, as the document has its sections."""
