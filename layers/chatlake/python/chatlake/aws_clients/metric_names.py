"""The names of all metrics; docs/operations.md says what each one counts."""

from __future__ import annotations

from enum import StrEnum


class Metric(StrEnum):
    """A metric's name in CloudWatch, in the namespace and dimension of the stack."""

    # StartChat
    CHATS_STARTED = "ChatsStarted"
    TOKENS_REGISTERED = "TokensRegistered"
    TOKENS_LOST = "TokensLost"
    # Track
    EVENTS_TRACKED = "EventsTracked"
    EVENTS_IGNORED = "EventsIgnored"
    EVENTS_OF_ERASED = "EventsOfErased"
    EXPORTS_TRACKED = "ExportsTracked"
    # Capture
    CHATS_LIVE = "ChatsLive"
    GET_TRANSCRIPT_CALLS = "GetTranscriptCalls"
    CALLS_OF_RATE = "CallsOfRate"
    LONGEST_UNSEEN = "LongestUnseen"
    LONGEST_UNANSWERED = "LongestUnanswered"
    WAITING_EVENTS_SENT = "WaitingEventsSent"
    WAITING_EVENTS_HELD = "WaitingEventsHeld"
    WAITING_EVENTS_FAILED = "WaitingEventsFailed"
    TRANSCRIPTS_READ = "TranscriptsRead"
    EXPORTS_READ = "ExportsRead"
    CHATS_ANNOUNCED = "ChatsAnnounced"
    CHATS_ENDED = "ChatsEnded"
    CHATS_ENDED_READ = "ChatsEndedRead"
    CHATS_ENDED_WITH_RECEIPTS = "ChatsEndedWithReceipts"
    CHATS_WITHOUT_SOURCE = "ChatsWithoutSource"
    TOKENS_TRIED_AFTER_END = "TokensTriedAfterEnd"
    TOKENS_OPENED_AFTER_END = "TokensOpenedAfterEnd"
    PARTICIPANT_SOURCES_CLOSED = "ParticipantSourcesClosed"
    READS_THROTTLED = "ReadsThrottled"
    READS_FAILED = "ReadsFailed"
    READS_REJECTED = "ReadsRejected"
    EMPTY_TRANSCRIPTS = "EmptyTranscripts"
    EXPORTS_UNAVAILABLE = "ExportsUnavailable"
    EXPORTS_GONE = "ExportsGone"
    REJECTED_EXPORTS = "RejectedExports"
    UNREADABLE_DOCUMENTS = "UnreadableDocuments"
    CAPTURE_ATTEMPTS_FAILED = "CaptureAttemptsFailed"
    # LastRead
    LAST_READS_BY_FLOW = "LastReadsByFlow"
    LAST_READS_BY_PAGE = "LastReadsByPage"
    LAST_READS = "LastReads"
    LAST_READS_PARTLY = "LastReadsPartly"
    LAST_READS_WITHOUT_TOKEN = "LastReadsWithoutToken"
    LAST_READS_DENIED = "LastReadsDenied"
    LAST_READS_WITHOUT_TURN = "LastReadsWithoutTurn"
    LAST_READS_FAILED = "LastReadsFailed"
    CLOSINGS_REFUSED = "ClosingsRefused"
    # Publish
    CHATS_PUBLISHED = "ChatsPublished"
    CHATS_UNCHANGED = "ChatsUnchanged"
    CHATS_MOVED = "ChatsMoved"
    CHATS_FAILED = "ChatsFailed"
    TABLES_DIFFERING = "TablesDiffering"
    MESSAGES_PUBLISHED = "MessagesPublished"
    RECEIPTS_PUBLISHED = "ReceiptsPublished"
    READ_LATENCY = "ReadLatency"
    NEGATIVE_LATENCIES = "NegativeLatencies"
    END_TO_ROWS = "EndToRows"
    # Reconcile
    CHATS_OVERDUE = "ChatsOverdue"
    CONTACTS_FOUND = "ContactsFound"
    EXPORTS_FOUND = "ExportsFound"
    CHATS_REPUBLISHED = "ChatsRepublished"
    CHATS_UNPUBLISHED = "ChatsUnpublished"
    SEARCHES_FAILED = "SearchesFailed"
    RECONCILIATIONS_CUT_SHORT = "ReconciliationsCutShort"
    # Erase
    CHATS_ERASED = "ChatsErased"
