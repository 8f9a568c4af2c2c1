/** Every limit of this package, each with its reason. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Levels of a replica: 0 to 8 are compacted one into the next, 9 holds snapshots. */
export const LEVEL_MAX = 8;
export const SNAPSHOT_LEVEL = 9;

/** One request of most stores lists so many keys. A longer listing is split up from there on. */
export const LIST_SPLIT_KEYS = 1000;
/** Parts of one level that are listed at once: 11,000 files in two waves. */
export const LIST_PARTS = 10;

/** A file up to this size is fetched whole: one request instead of two, and its pages are here. */
export const WHOLE_FILE_BYTES = 256 * KIB;

/**
 * Bytes from the start of a larger one that come along with its index: page 1 and the schema, as a
 * rule, so that the first query does not have to go and get them.
 */
export const HEAD_BYTES = 64 * KIB;
/**
 * Share of a file's size that its index is guessed to take; a wrong guess costs one more wave. No
 * more than takes about as long to come as that.
 */
export const TAIL_SHARE = 64;
export const TAIL_BYTES_MIN = 32 * KIB;
export const TAIL_BYTES_MAX = 4 * MIB;

/** Requests of opening in flight at once: the sockets that a store has, with some to spare. */
export const OPEN_PARALLEL = 96;
/** Files, and bytes of them, that opening has asked for, or holds because an older one is late. */
export const OPEN_WINDOW_FILES = 2 * OPEN_PARALLEL;
export const OPEN_WINDOW_BYTES = 32 * MIB;

/** Bytes and files of the index cache of one replica: indexes of some six million pages. */
export const INDEX_PACK_BYTES_MAX = 64 * MIB;
export const INDEX_PACK_FILES_MAX = 100_000;
/** Bytes of the index caches of all replicas in one folder; the least recently used one goes. */
export const INDEX_CACHE_BYTES_MAX = 256 * MIB;

/** Requests in flight at once, all other kinds together. More would only queue up further on. */
export const REQUESTS_PARALLEL = 32;
/** Of these, the most that others than misses may use, so that a miss never waits for them. */
export const PREFETCH_PARALLEL = 12;
export const HYDRATE_PARALLEL = 8;
export const WARM_UP_PARALLEL = 8;
/** Requests that wait for their turn. Each belongs to a blocked reader or to a bounded window. */
export const REQUEST_QUEUE_MAX = 10_000;

/**
 * A request is sent again when it takes so many times as long as all but this share of the last
 * small ones, which tells it from those that only are the slowest of the usual.
 */
export const HEDGE_SLOWEST = 0.05;
export const HEDGE_FACTOR = 1.25;
/** Sooner, a pause of this thread would look like one of the store. */
export const HEDGE_MS_MIN = 20;
/**
 * When a request is sent a third time, at the earliest: both connections may be gone, and by then
 * the store's client has found out. The next time is after twice as long.
 */
export const HEDGE_AGAIN_MS = 2_000;
export const HEDGE_SAMPLES_MIN = 16;
export const HEDGE_SAMPLES_MAX = 128;
/** What a request of more bytes takes says little of the store, and to repeat it costs too much. */
export const HEDGE_BYTES_MAX = 512 * KIB;
/** Requests that are sent again, as a share of all, and how many at once after a calm time. */
export const HEDGE_SHARE = 0.05;
export const HEDGE_BURST = 4;

/** Bytes between two wanted frames that are cheaper to fetch than to leave out. */
export const COALESCE_GAP_BYTES = 64 * KIB;
/** The same for pages that nobody waits for yet, where the number of requests counts for more. */
export const READ_AHEAD_GAP_BYTES = 128 * KIB;
/** The most bytes of one request for pages: large enough for throughput, small enough to share. */
export const RANGE_BYTES_MAX = 4 * MIB;

/**
 * Of what is read ahead, the first bytes are used while others come: so it comes in about so many
 * requests at a time, unless those are smaller than they are worth.
 */
export const READ_AHEAD_RANGES = 4;
export const READ_AHEAD_RANGE_BYTES_MIN = 512 * KIB;

/** Scans that are followed at once; the least recently moved one makes room. */
export const SCANS_MAX = 8;
/** Misses elsewhere after which a scan counts as over: a join misses for every row of its pages. */
export const SCAN_MISSES_MAX = 256;
/**
 * The first window of a scan, as long as its misses were next to each other, and the largest. Some
 * hundred kilobytes in vain cost less than another round trip.
 */
export const READ_AHEAD_BYTES_MIN = 256 * KIB;
export const READ_AHEAD_BYTES_MAX = RANGE_BYTES_MAX;
/** How much larger each window is, and how much for a reader that waits for it. */
export const READ_AHEAD_GROWTH = 4;
export const READ_AHEAD_LEAP = 8;
/**
 * Windows of a scan whose reader waits that are under way or in memory at once: the one that is
 * read, and those that keep the line busy meanwhile.
 */
export const READ_AHEAD_WINDOWS = 4;
/** A scan may use this share of the cache for pages that nobody has read yet. */
export const READ_AHEAD_CACHE_SHARE = 4;
/**
 * Of what was fetched for a scan, it must use one page of so many, since tables lie mixed; and one
 * of so many for a larger window, since misses at random use some too.
 */
export const SCAN_USE_SHARE = 32;
export const SCAN_GROW_SHARE = 4;
/** Scans this near each other may read each other's pages next. */
export const SCAN_NEAR_PAGES = 4096;
/** Pages of a window that are looked at, whether one was used. */
export const SCAN_LOOK_PAGES = 64;
/** How often a scan is looked at that reads from memory, and when it counts as over. */
export const SCAN_LOOK_MS = 3;
export const SCAN_IDLE_MS = 100;

/**
 * What warm-up may bring into the cache: interior pages take some four thousandths of a database,
 * so this is enough for one of eight gigabytes.
 */
export const WARM_UP_BYTES_MAX = 32 * MIB;
export const WARM_UP_CACHE_SHARE = 4;
/**
 * Requests of a warm-up, since interior pages lie far apart: as many as those of 200 MB take. Each
 * costs this thread half a millisecond, and what is left out a round trip when it is needed.
 */
export const WARM_UP_REQUESTS_MAX = 128;
/** Before each of its later waves, for the misses that come when the wave before has landed. */
export const WARM_UP_PAUSE_MS = 2;
/** SQLite's own. */
export const BTREE_DEPTH_MAX = 20;

/** How often a page may move to another file while it is being fetched. */
export const REPLAN_TRIES = 4;
/** How often opening starts again because files went away or the listing had a gap. */
export const OPEN_TRIES = 5;
export const OPEN_RETRY_MS = 200;

/**
 * How long one request to the store may go without an answer, bodies apart: as long as a read may
 * wait, within these. Less would give up on stores that are only slow; more leaves a long-waiting
 * read no time for a second request.
 */
export const REQUEST_MS_MIN = 2_000;
export const REQUEST_MS_MAX = 10_000;
/**
 * A call of the store begins its last attempt within this many times what a read may wait. With
 * two, there is always time for a second one.
 */
export const CALL_TIMEOUTS = 2;

/** How exactly the deadline of a request of the page device is kept. */
export const DEADLINE_STEP_MS = 100;
/**
 * How much earlier than the page device the engine gives up: the device may ask again at once, and
 * must not be made to wait for what it has just given up.
 */
export const DEADLINE_LEAD_MS = 200;

/** Level-0 files taken by name in one poll before a listing is the better way to catch up. */
export const FOLLOW_FILES_MAX = 32;
/** While nothing is written, polls may be so much rarer than the time for which it was not. */
export const QUIET_POLLS = 10;
/** The pause between polls while somebody waits for a transaction, if it is longer otherwise. */
export const WAIT_POLL_MS = 1_000;
/**
 * Bytes of changed pages, and pages looked at, that a poll fetches before it shows them, for those
 * who use these pages; and how long that may take.
 */
export const FOLLOW_PAGES_BYTES = 8 * MIB;
export const FOLLOW_PAGES_LOOK = 65_536;
export const FOLLOW_PAGES_MS = 1_000;

/** Versions of the page map that wait for a reader to end. A reader this old is an error. */
export const VERSIONS_MAX = 100_000;

/** Files that may be forgotten before the table of files is cleaned up. */
export const FILE_TABLE_SLACK = 1024;

/** Bytes of pages that opening puts into the cache before anything else may happen: 3 ms. */
export const KEEP_BATCH_BYTES = MIB;

/** Bytes of pages that are encoded before page requests are looked at again. */
export const ENCODE_BATCH_BYTES = MIB;
/** The same where somebody waits for one of the pages that are being decoded. */
export const HAND_OVER_BYTES = 128 * KIB;

/** Commits that make one upload start before the interval is over. */
export const JOURNAL_EAGER_BYTES = 32 * MIB;

/** How often a pending upload looks whether it should start before the interval is over. */
export const SYNC_LOOK_MS = 100;

/** How long a failed upload waits before the next try: doubles from the interval up to this. */
export const SYNC_RETRY_MS_MAX = 30_000;
/** The same while the journal is near its limit, and commits have to wait or fail. */
export const FULL_RETRY_MS_MAX = 1000;
/** The same while a COMMIT waits for the bucket: doubles from the first up to the second. */
export const COMMIT_RETRY_MS_MIN = 50;
export const COMMIT_RETRY_MS_MAX = 1000;
/** What became of a COMMIT that was given up is found out within this many request timeouts. */
export const COMMIT_TIMEOUTS = 2;
/** A last look begins so long before that is over; of a short timeout, an eighth of it before. */
export const COMMIT_LOOK_MS = 250;
/** Part of the journal's limit from which on commits are uploaded without waiting. */
export const JOURNAL_EAGER_SHARE = 2;
/**
 * Pages that hydration has asked for at once, as bytes of memory; two such windows are under way,
 * or one of bytes of files that it reads whole.
 */
export const HYDRATE_WINDOW_BYTES = 16 * MIB;
/**
 * One request of hydration for a file that it reads whole: large enough for throughput, and so many
 * of them are held at once as a window has room for.
 */
export const HYDRATE_RANGE_BYTES = 2 * MIB;
/** Files that hydration reads at once, so that many middling ones go as fast as a large one. */
export const HYDRATE_FILES_PARALLEL = 4;
/**
 * How often it is written down which pages a kept image has. After a crash, pages that were fetched
 * since the last time are fetched again.
 */
export const HYDRATE_KEEP_MS = 10_000;
/** Groups of 64 pages that are looked through for the record before anything else may happen. */
export const HYDRATE_LOOK_GROUPS = 64;
/**
 * Files whose indexes are read to find out which pages of a kept image have not changed: some days
 * of them. With more it is cheaper to fetch the pages.
 */
export const HYDRATE_MOVED_FILES_MAX = 2000;
/** How often a full disk under the local image is tried again. */
export const HYDRATE_ROOM_RETRY_MS = 1000;
/** Pages that hydration looks up before page requests are looked at again. */
export const HYDRATE_LOOK_PAGES = 16_384;
/** Pages of the local image that are written, then marked present, together. */
export const HYDRATE_BATCH_BYTES = MIB;
/** How often pages that wait for readers to move on are tried again. */
export const HYDRATE_RETRY_MS = 250;
/** The same when all of it has failed: doubles from the first up to this. */
export const HYDRATE_RETRY_MS_MAX = 16_000;

/** After a listing that showed a problem, the next one is this far away, then twice as far. */
export const LIST_PAUSE_MS_MIN = 1000;

/** Of a file of level 0 that stays because its holder began there: larger ones cost too much. */
export const BEGINNING_BYTES_MAX = MIB;

/**
 * A follower that has not succeeded for so long lists before it asks for a file by its name: a
 * fifth of the time that files of level 0 stay, unless their writer was told otherwise.
 */
export const NAME_TRUST_MS = 60_000;

/** Interval of listings that heal what following by name cannot see. */
export const LIST_INTERVAL_MS = 30_000;

/** A part of the cache's size: what is opened or polled may hold this much beside it. */
export const KEEP_SHARE = 2;

/** Others may leave a journal folder, and take it away, while it is being locked. */
export const FOLDER_TRIES = 8;

/** A lease remembers 64 of its puts; as many again are those of processes that died before. */
export const TRAIL_NONCES_MAX = 128;

/** Each time that somebody else was faster, there was one upload less on its way. */
export const FENCE_TRIES = 5;
/** Listings until one shows nothing new. Under the lease, the second one does. */
export const CATCH_UP_TRIES = 16;
/** How often a demotion looks whether the write transaction under way is over. */
export const WRITER_LOOK_MS = 10;
/** How long a close waits for a COMMIT that writes to the journal: a write and a flush. */
export const COMMITS_END_MS = 5_000;

/** Files that one compaction reads, all at once. */
export const COMPACT_FILES_MAX = 512;
/**
 * Bytes that one compaction reads, and of its output, where the store takes bodies whole: so much
 * is held at once.
 */
export const COMPACT_BYTES_MAX = 256 * MIB;
/** The same where the output goes out in parts: half of what S3 takes for one object. */
export const COMPACT_STREAM_BYTES_MAX = 2560 * 1024 * MIB;
/** Outputs that are expected to be no larger go out whole: one request, which may be repeated. */
export const COMPACT_WHOLE_BYTES = 8 * MIB;
/** Bytes of the inputs of a compaction held at once, shared out: as long as each gets enough. */
export const COMPACT_CHUNK_BYTES_TOTAL = 16 * MIB;
export const COMPACT_CHUNK_BYTES_MIN = 64 * KIB;
/** Requests in flight for compaction: enough to keep a line busy, few enough to share it. */
export const COMPACT_PARALLEL = 4;
/** While readers wait for the store, a compaction pauses, but not for ever. */
export const COMPACT_PAUSE_MS = 50;
export const COMPACT_PAUSE_MS_MAX = 1_000;
/** Files deleted between two looks at the lease: one request of S3. */
export const DELETE_FILES_MAX = 1000;
/** Indexes held at once of the files that take the place of deleted ones. */
export const RETENTION_HEIRS_MAX = 64;
/** A reader of a writer's own process may keep files of level 0 for so long beyond their time. */
export const READER_HOLD_MS = 3_600_000;
/** How often everything is listed to see what others have done to the replica's files. */
export const CATALOG_INTERVAL_MS = 3_600_000;
/** Pause after a failed compaction: doubles from the first up to the second. */
export const COMPACT_RETRY_MS_MIN = 5_000;
export const COMPACT_RETRY_MS_MAX = 300_000;
/** How long after the end of a window its compaction begins, so that its last upload has come. */
export const COMPACT_GRACE_MS = 2_000;
/** How long the schedule sleeps at the most, so that a clock that was set is noticed. */
export const COMPACT_SLEEP_MS_MAX = 60_000;
/** Outputs of one run: a backlog is worked off bit by bit, with other jobs in between. */
export const COMPACT_OUTPUTS_MAX = 256;

/**
 * Without native code, how many times its first size a page cache can become: its records are laid
 * out for that from the start.
 */
export const LOCAL_CACHE_GROWTH = 8;

/** Bytes of pages that a shrinking cache moves or forgets before page requests are looked at. */
export const CACHE_SHRINK_BATCH_BYTES = MIB;

/**
 * One piece of a large file that is restored: bytes of it, and bytes of its pages, which may be far
 * more. So much of so many pieces is held at once.
 */
export const RESTORE_PIECE_BYTES = 2 * MIB;
export const RESTORE_CONTENT_BYTES = 8 * MIB;
export const RESTORE_PARALLEL = 8;
/** How often it is written down what a restore has; what came after is fetched again. */
export const RESTORE_KEEP_MS = 5_000;
/** Pasts of one mount that are open at once: each has a page map and a cache of its own. */
export const PASTS_MAX = 64;
/** The page cache of a past, if that of its mount is larger. */
export const PAST_CACHE_BYTES_MAX = 16 * MIB;
/** Files that are asked for their exact times at once, as many as Litestream does. */
export const TIMES_PARALLEL = 50;
/** Files that are verified at once; of large ones, COMPACT_PARALLEL are read at a time. */
export const VERIFY_PARALLEL = 16;
/** Pages that differ and are named; of more, the number is enough to know. */
export const COMPARE_PAGES_TOLD = 20;
/** Bytes of two database files that are compared at once; a multiple of every page size. */
export const RENEW_CHUNK_BYTES = MIB;
/** Bytes of a change that are held before others are locked out of the database file. */
export const CHANGE_BYTES_HELD = 16 * MIB;
