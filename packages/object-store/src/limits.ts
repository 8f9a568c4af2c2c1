/**
 * Every limit of this package, each with its reason. Adapters and layers take them from here.
 */

/** S3, GCS and Azure all stop here; counted in UTF-8 bytes. */
export const KEY_BYTES_MAX = 1024;

/** S3's page size and its limit for one DeleteObjects request. */
export const LIST_PAGE_KEYS = 1000;
export const DELETE_BATCH_KEYS = 1000;

/** Ten million keys: far past any replica, near enough to end a listing that goes in circles. */
export const LIST_PAGES_MAX = 10_000;

/** What an unordered listing may collect before it is sorted; about 100 MB of memory. */
export const LIST_SORT_KEYS_MAX = 500_000;

/** One put of S3, GCS and Azure takes 5 GB; a body here is one array, which Node cuts at 4 GB. */
export const BODY_BYTES_MAX = 4 * 1024 * 1024 * 1024;

/**
 * Bytes of a part of an object that comes in parts. S3 wants 5 MiB at the least and GCS multiples
 * of 256 KiB; larger ones save requests and cost memory.
 */
export const PART_BYTES_MIN = 8 * 1024 * 1024;

/** S3 stops here, and Azure at five times as many: larger objects have larger parts. */
export const PARTS_MAX = 10_000;

/** S3 and GCS stop here. */
export const UPLOAD_BYTES_MAX = 5 * 1024 * 1024 * 1024 * 1024;

/** Parts of one object on their way: two keep a line busy, the others hide the way there. */
export const PARTS_PARALLEL = 4;

/** File system work between two looks at the abort signal. */
export const FILE_CHUNK_BYTES = 4 * 1024 * 1024;

/** stat calls in flight of one listing of a folder; Node has four threads for them anyway. */
export const FILE_STATS_PARALLEL = 32;

/**
 * How long a put waits for other writers of the same file. The lock is held for a few milliseconds,
 * so this only ends for a writer that is stopped while it holds it.
 */
export const FILE_LOCK_WAIT_MS = 5_000;

/** A lock of another machine or container, whose life cannot be seen, counts as left behind. */
export const FILE_LOCK_FOREIGN_MS = 60_000;

/** An unconditional put that loses this often belongs to a key that nobody should share. */
export const SWAP_ATTEMPTS_MAX = 1_000;

/** Places whose conditions were found good; a program that meets more asks some of them again. */
export const PROVEN_PLACES_MAX = 1_000;

/** With the pauses below, about ten seconds of trouble are ridden out. */
export const RETRY_ATTEMPTS_MAX = 8;
export const RETRY_DELAY_MS_MIN = 50;
export const RETRY_DELAY_MS_MAX = 5_000;

/** A store may ask for a longer pause, but not for more than this. */
export const RETRY_AFTER_MS_MAX = 30_000;

/** Ends what goes on failing slowly: a store that makes each attempt wait for its deadline. */
export const RETRY_DURATION_MS_MAX = 300_000;

/** A store in trouble may need seconds for an answer; after this, another try is worth more. */
export const DEADLINE_REQUEST_MS = 10_000;

/** Sixteen requests that share a line of 8 Mbit/s; a body that comes slower is as good as none. */
export const DEADLINE_BYTES_PER_SECOND_MIN = 64 * 1024;

/** A get without a range is meant for small objects; a large one is better read in parts. */
export const DEADLINE_WHOLE_BYTES = 8 * 1024 * 1024;

/**
 * The first key of a listing that has to be sorted here comes after up to 500 requests; at five a
 * second they take ten times as long as one request may.
 */
export const DEADLINE_COLLECT_FACTOR = 10;

/**
 * Where each key is a request, so many have the time of one: even with Azure's sixteen at a time,
 * each may take 1.6 of the 10 seconds.
 */
export const DEADLINE_DELETE_KEYS = 100;

/** S3 may take minutes to make one object out of thousands of parts. */
export const DEADLINE_COMPLETE_FACTOR = 10;

/** Sockets of one S3 store; more calls than this wait for a free one. */
export const S3_SOCKETS_MAX = 128;

/** Stores refuse what was signed five minutes off their clock or more; from here on it is told. */
export const S3_CLOCK_CORRECTION_MS_MIN = 240_000;

/** Computed keys are renewed so long before they expire: the longest call is over by then. */
export const S3_KEYS_RENEWED_MS = 300_000;

/** Sessions of S3 Express last five minutes. */
export const S3_SESSION_RENEWED_MS = 60_000;

/** A host that does not answer the first packet in this time is taken for unreachable. */
export const S3_CONNECT_MS_MAX = 5_000;

/** No byte in either direction for so long ends a request. For deadlines there is `deadlined`. */
export const S3_IDLE_MS_MAX = 30_000;

/** A get over a kept connection that has no byte of its answer by then is given up. */
export const KEPT_ANSWER_MS_MAX = 5_000;

/** What a connection is given of a body at a time: large enough for the fastest of them. */
export const BODY_PIECE_BYTES = 1024 * 1024;

/**
 * A connection over which nothing was heard for so long may be forgotten by what is in between:
 * some load balancers do so after four minutes, and say nothing.
 */
export const KEPT_MS_MAX = 60_000;
/** How often to look for these. */
export const KEPT_LOOK_MS = 1_000;
/** A request without an answer for less time says nothing of other connections. */
export const KEPT_SILENT_MS = 1_000;

/** Sockets of one Azure store; more calls than this wait for a free one. */
export const AZURE_SOCKETS_MAX = 128;

/** As for S3. */
export const AZURE_CONNECT_MS_MAX = 5_000;
export const AZURE_IDLE_MS_MAX = 30_000;

/** Azure's page size. Keys before `startAfter` are read too, so the fewer pages the better. */
export const AZURE_LIST_PAGE_KEYS = 5000;

/** Deletes in flight of one deleteMany: enough to hide the way there, too few to be throttled. */
export const AZURE_DELETES_PARALLEL = 16;

/** Sockets of one GCS store; more calls than this wait for a free one. */
export const GCS_SOCKETS_MAX = 128;

/** A host that has no connection ready in this time is taken for unreachable. */
export const GCS_CONNECT_MS_MAX = 5_000;

/** No byte in either direction for so long ends a request. For deadlines there is `deadlined`. */
export const GCS_IDLE_MS_MAX = 30_000;

/** Pieces of an upload are multiples of this, but for the last one. */
export const GCS_PIECE_BYTES = 256 * 1024;

/** GCS deletes one object per request; a quarter of the sockets, so that others get through. */
export const GCS_DELETES_PARALLEL = 32;

/** Answers of stores are five deep; what is deeper is none of theirs. */
export const XML_DEPTH_MAX = 16;

/** S3's limit; error messages of stores are cut to something one can read. */
export const ERROR_TEXT_LENGTH_MAX = 200;
