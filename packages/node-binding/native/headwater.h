/*
** headwater.h -- what the files of the page device share.
**
** THREADS
**
**    A SQLite thread is any thread that runs SQL; it may block.  The engine thread is the one that
**    answers page requests; it never runs SQL and never blocks.  Each function says which of them
**    calls it.  Functions marked "any" take their own locks.
**
** LOCKS
**
**    gHw.mutex      the table of mounts, the libraries
**    the queue      requests to the engine (request.c)
**    HwMount.mutex  state, pins, the writer, the list of segments
**
**    No thread holds two of them at once, and none is held over disk or network.  (vfs.c has one of
**    its own around the registration with a library, which takes SQLite's inside it.)
*/
#ifndef HEADWATER_H
#define HEADWATER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "sqlite3/sqlite3ext.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

/* Limits, each with its reason. */
#define HW_NAME_MAX 512              /* bytes in the name of a mount, as long as SQLite's own */
#define HW_URI_MAX 4096              /* bytes in a file name with parameters, URLs among them */
#define HW_REASON_MAX 512            /* bytes in a message for the user: a sentence or two */
#define HW_TXN_MEMORY (8<<20)        /* uncommitted bytes in memory; more go to the journal */
#define HW_MEMFILE_MAX (8<<20)       /* rollback journal in memory; more go to a temp file */
#define HW_HEADER_SIZE 40            /* what SQLite reads of page 1 at the start of a transaction */
#define HW_ROOM_WAIT_MS 10           /* between two looks whether the journal has room again */
#define HW_COMMIT_END_MS 5000        /* of a COMMIT under way when the engine dies: a hung disk */
#define HW_MOMENT_MAX 256            /* bytes in the text of a moment: a date in words */
#define HW_TIME_MAX 40               /* bytes of a time as it is shown */
#define HW_LIBRARIES_MAX 8           /* that get SQL functions: each needs an entry point */
#define HW_DELTA_DEPTH 16            /* deltas in a row: a read costs one more for each */
#define HW_IMAGE_CHUNKS 4096         /* of HW_IMAGE_CHUNK_PAGES pages: every legal pgno */
#define HW_IMAGE_CHUNK_PAGES (1u<<20)

typedef struct HwCacheMemory HwCacheMemory;
typedef struct HwFile HwFile;
typedef struct HwImage HwImage;
typedef struct HwLibrary HwLibrary;
typedef struct HwMount HwMount;
typedef struct HwRecent HwRecent;
typedef struct HwSegment HwSegment;
typedef struct HwSegmentList HwSegmentList;
typedef struct HwState HwState;
typedef struct HwTxn HwTxn;

/* One SQLite library in this process: its routines and the VFSes registered with it. */
struct HwLibrary {
  const sqlite3_api_routines *pApi;
  sqlite3_vfs *pBase;                /* the VFS that was the default before ours */
  sqlite3_vfs *pOther;               /* "headwater" of another copy of this package, or NULL */
  sqlite3_vfs named;                 /* "headwater": every name is a mount */
  sqlite3_vfs asking;                /* "litestream": parameters say what is mounted */
  sqlite3_vfs shim;                  /* the default: mounts by URI, all else to pBase */
  HwLibrary *pNext;
};

/* What readers see, published as one record under the mount's mutex. */
struct HwState {
  u64 seq;
  u64 txid;
  i64 timeMs;                        /* when that was made; 0 when nobody has told */
  u32 pageCount;
  int bOwnCounter;                   /* of write mode: SQLite's own change counter is shown */
  u32 changeCounter;                 /* of read mode: what is shown in its place */
  u32 counterBump;                   /* of write mode: added to it */
  int bHeader;                       /* aHeader is the start of page 1 of this state */
  u8 aHeader[HW_HEADER_SIZE];
};

/* Page cache memory, written by the engine only.  Layout: the page-cache package. */
struct HwCacheMemory {
  u8 *p;
  size_t n;                          /* bytes of addresses; those in use are the engine's affair */
  atomic_int refs;                   /* the mount and each of the engine's views of it */
};

/* The local image: which pages of the file may be read. */
struct HwImage {
  int fd;
  atomic_uint epoch;                 /* grows when pages become absent */
  atomic_int permille;               /* of the pages that are in it; 1000: all, and proven */
  char *zKept;                       /* its path, if it stays; NULL when it goes with the mount */
  _Atomic(_Atomic u64*) aChunk[HW_IMAGE_CHUNKS];
};

struct HwMount {
  pthread_mutex_t mutex;
  int refs;                          /* the engine and each open file; under gHw.mutex */
  int bActive;                       /* may be found by name; under gHw.mutex */
  int bPast;                         /* one moment for good; set before it is active */
  atomic_int bAsked;                 /* made for whoever opens it: ends with its last file */
  u32 id;
  int eDurability;                   /* of connections that have not chosen */
  u32 timeoutMs;
  i64 journalMax;                    /* bytes of commits that the bucket has not; 0: no limit */
  char zName[HW_NAME_MAX];
  atomic_uint pageSize;              /* 0 until known */
  atomic_int bClosed;                /* the engine is gone or has unmounted this */
  atomic_int bEnding;                /* no COMMIT begins any more */
  atomic_int bCommitting;            /* pWriter's COMMIT has begun and is not over */
  _Atomic(i64) currentMs;            /* when the state was the newest, monotonic; 0: it is */

  /* Under mutex */
  HwState state;
  u32 nFile;                         /* that are open, or show it */
  HwFile *pWriter;                   /* holds RESERVED or more */
  HwFile *pPins;                     /* files with SHARED or more */
  HwSegmentList *pSegments;
  HwSegment *pActive;
  HwSegment *pNextSegment;           /* becomes pActive when bAppending ends */
  int bWrite;                        /* in write mode: there is a journal to commit to */
  int bAppending;                    /* pActive has bytes of an unfinished transaction */
  u64 stagedSeq;                     /* the commit that waits for the bucket, or 0 */
  u32 stagedPageCount;
  u64 syncedSeq;                     /* the bucket has every commit up to this one */
  pthread_cond_t room;               /* the bucket has taken something from the journal */
  int bNotice;                       /* the engine wants to hear of the next commit */
  int bWritable;
  int bJournalBroken;                /* a failed append could not be undone */
  char zReason[HW_REASON_MAX];       /* why not writable, or why closed */

  HwRecent *pRecent;                 /* the writer's; see delta.c */
  HwCacheMemory *pCacheMemory;       /* engine thread only, until published */
  _Atomic(HwCacheMemory*) pCache;
  _Atomic(HwImage*) pImage;
  HwImage *pImages;                  /* the one image that this mount ever had, freed with it */
  atomic_ullong nHit;                /* resident reads, added when a file lets go of its pin */
  atomic_ullong nMiss;
  HwMount *pNext;

  /* Under the queue's lock */
  u32 notices;                       /* a bit for each kind that the engine has not taken yet */
  HwMount *pNoticeNext;
};

/* How far the records of a transaction in the journal go. */
typedef struct HwTxnTail {
  i64 end;                           /* 0: none was written yet */
  u32 nRecord;                       /* page records since the last commit record */
  u64 chain;                         /* running checksum over their headers */
} HwTxnTail;

/* Pages of one write transaction, private until commit. */
struct HwTxn {
  u32 pageSize;
  u32 nFilePages;                    /* size of the file as this transaction sees it */
  u32 nKeptPages;                    /* lowest the size has been: older pages above are gone */
  int bOpen;                         /* something was written or truncated */
  int bAppended;                     /* the commit record is in the journal */
  u32 nPage;                         /* distinct pages */
  u32 nSlot;                         /* size of aSlot, a power of two */
  u32 *aSlot;                        /* open addressing by pgno: place in aPage plus one */
  struct HwTxnPage {
    u32 pgno;
    u8 *pData;                       /* in memory, or NULL when in the journal */
    u32 iBuffer;                     /* of pData in apBuffer */
    i64 offset;                      /* of the data in the journal; -1: not there, -2: all zero */
    u32 nDelta;                      /* the data is a delta of this size; 0: the whole page */
    u32 depth;                       /* deltas since the last whole version */
  } *aPage;
  u32 nPageAlloc;
  u8 **apBuffer;                     /* page buffers, reused; one that was given away is NULL */
  u32 nBuffer, nBufferUsed, nBufferAlloc;
  u32 bufferSize;                    /* page size that the buffers were made for */
  u8 *pDelta;                        /* room for the deltas of one batch */
  u32 nDeltaAlloc;
  HwTxnTail tail;                    /* what this transaction has written to the journal */
  HwTxnTail beforeCommit;            /* the same before hwTxnAppend */
  u64 timestampMs;                   /* of the commit */
  int bHeader;                       /* page 1 is part of the commit and begins with aHeader */
  u8 aHeader[HW_HEADER_SIZE];
};

struct HwFile {
  const sqlite3_io_methods *pMethods;
  HwLibrary *pLibrary;
  sqlite3 **ppDb;                    /* where SQLite keeps the connection; NULL: not told */
  HwMount *pMount;                   /* what is shown; NULL: the name was not mounted */
  HwMount *pHome;                    /* what the name means */
  HwMount *pNext;                    /* shown from the next transaction on; NULL: as now */
  i64 askedMs, nextAskedMs;          /* the moment that was asked for; 0: none, or a transaction */
  int bMoved;                        /* SQLite may still have cached what was shown before */
  int eLock;
  int bExclusive;                    /* PRAGMA locking_mode is EXCLUSIVE */
  int bQuietClose;                   /* PRAGMA headwater_sync_on_close = off */
  int synchronous;                   /* PRAGMA synchronous: 0 off, 1 normal, 2 full */
  int eDurability;                   /* PRAGMA headwater_durability; HW_DEFAULT: the mount's */
  int bFresh;                        /* RESERVED was taken and no SYNC came since */
  int bFailed;                       /* the last SYNC failed, so a rollback follows */
  u32 counter;                       /* change counter as SQLite last read it */
  u64 counterSeq;                    /* the pin at which it did */
  int (*xBusy)(void*);               /* the connection's busy handler, and its argument */
  void *pBusyArg;
  HwState pinned;                    /* valid while eLock is not NONE */
  HwSegmentList *pSegments;          /* the same */
  HwFile *pPinNext, *pPinPrev;
  u64 nHit, nMiss;
  HwTxn txn;
  char zWhy[HW_REASON_MAX];          /* why the last call failed, for the user */
};

/* The process. */
typedef struct HwGlobal {
  pthread_mutex_t mutex;
  HwMount *pMounts;
  HwLibrary *pLibraries;
  u32 nextMountId;
} HwGlobal;
extern HwGlobal gHw;

/* When COMMIT returns: the transaction is in the local journal, or in the bucket. */
enum { HW_EVENTUAL = 0, HW_REMOTE = 1, HW_DEFAULT = 2 };

#define HW_FCNTL_SELF 0x48570001     /* gives the HwFile of a database, for extension.c */

/* mount.c */
HwMount *hwMountCreate(const char *zName, int bWrite, u32 pageSize, u32 timeoutMs, HwState state);
void hwMountSetCommits(HwMount*, i64 journalMax, int eDurability);   /* engine, before activation */
int hwMountActivate(HwMount*);                       /* 0 when the name is taken */
HwMount *hwMountFind(const char *zName);             /* any; adds a reference */
HwMount *hwMountById(u32 id);                        /* engine; no reference */
int hwMountReads(u32 id, u64 *pnHit, u64 *pnMiss);   /* any */
void hwMountRef(HwMount*);                           /* any, of one that is held by somebody */
void hwMountRelease(HwMount*);                       /* any */
void hwMountClose(HwMount*, const char *zReason);    /* any */
void hwMountCloseAll(const char *zReason);           /* any: the engine has died */
void hwMountSetCurrent(HwMount*, double agoMs);      /* engine; below 0: it is the newest */
u64 hwMountLagSeconds(HwMount*);                     /* any */
void hwMountSetWritable(HwMount*, int bWritable, const char *zReason); /* engine */
int hwPin(HwFile*);                                  /* SQLite thread */
void hwUnpin(HwFile*);                               /* SQLite thread */
int hwMountWriting(HwMount*);                        /* engine: a write transaction is open */
int hwMountEndCommits(HwMount*, const char *zReason); /* engine; 0: one is under way */
int hwMountSwitch(HwMount*, int bWrite, const u8 *aHeader); /* engine; 0: one is open */
u64 hwOldestPin(HwMount*);                           /* engine */
u64 hwPublish(HwMount*, u32 pageCount, u32 changeCounter, u64 txid, i64 timeMs); /* engine */
void hwMountSetTxid(HwMount*, u64 txid, i64 timeMs); /* engine */

/* txn.c: SQLite thread, on a file that holds RESERVED */
int hwTxnWrite(HwFile*, u32 pgno, const u8 *pData);
int hwTxnRead(HwFile*, u32 pgno, u8 *pOut);          /* 1 found, 0 not, -1 I/O error */
int hwJournalUnread(HwFile*);                        /* the result code of such a -1 */
int hwTxnTruncate(HwFile*, u32 nPages);
void hwTxnBegin(HwFile*, u32 pageSize);
int hwTxnHeader(HwFile*, u8 *pOut, u32 n);           /* start of its page 1: 1 found, 0 not, -1 */
int hwTxnAppend(HwFile*);                            /* the commit record; a SQLite result code */
void hwTxnTakeBack(HwFile*);                         /* undoes that */
void hwTxnDiscard(HwFile*);
void hwTxnFree(HwFile*);

/* commit.c: SQLite thread, on a file that holds RESERVED */
int hwCommitPhaseOne(HwFile*);                       /* a SQLite result code */
int hwCommitPhaseTwo(HwFile*);                       /* the same */

/* segment.c */
int hwSegmentRotate(HwMount*, const char *zPath, u64 baseTxid);   /* engine: 1, 0 busy, -1 errno */
typedef struct HwRecovered {
  u64 baseTxid, firstSeq, lastSeq;
  u32 pageSize, pageCount;
} HwRecovered;
int hwSegmentRecover(HwMount*, const char *zPath, int bAdopt, HwRecovered*,
  char *zErr, size_t nErr);
u32 *hwSegmentCollect(HwMount*, u64 afterSeq, u64 stagedSeq, HwState*, u32 *pnPgno);
int hwSegmentRead(HwSegmentList*, u32 pgno, u64 seq, u32 pageSize, u8 *pOut);
int hwSegmentRetire(HwMount*, u64 seq, char ***pazPath);
i64 hwSegmentBytes(HwMount*);
void hwSegmentSwitch(HwMount*);                      /* under the mount's mutex */
char *hwSegmentEndJournal(HwMount*);                 /* engine */
void hwSegmentDrop(HwSegment*);                      /* of one that no list names */
int hwSegmentSync(HwMount*);
HwSegmentList *hwSegmentListNew(void);
HwSegmentList *hwSegmentListRef(HwSegmentList*);     /* under the mount's mutex */
void hwSegmentListUnref(HwSegmentList*);             /* under the mount's mutex */
int hwSegmentReserve(HwSegment*, u32 nEntry);
int hwSegmentInsert(HwSegment*, u32 pgno, u64 seq, i64 offset, u32 nDelta);
void hwSegmentWithdraw(HwSegment*, u32 pgno, u64 seq);
u32 hwSegmentSerial(HwSegment*);
int hwSegmentWriteHeader(HwMount*, HwSegment*, u32 pageSize);
i64 hwSegmentEnd(HwSegment*);
void hwSegmentCommitted(HwSegment*, u64 seq, i64 end);
int hwSegmentFd(HwSegment*);

/* room.c */
int hwSegmentHold(HwSegment*, i64 end);
int hwSegmentCut(HwSegment*, i64 end);

/* delta.c */
u32 hwDeltaMake(const u8 *pOld, const u8 *pNew, u32 n, u8 *pOut, u32 nMax);
int hwDeltaApply(u8 *pPage, u32 n, const u8 *pDelta, u32 nDelta);
const u8 *hwRecentFind(HwMount*, u32 pgno, u32 segment, u32 pageSize, u32 *pDepth);
void hwRecentKeep(HwMount*, u32 pgno, u32 segment, u32 pageSize, u32 depth, u8 **ppData);
void hwRecentForget(HwMount*, u32 pgno);
void hwRecentFree(HwRecent*);

/* frame.c */
int hwFrameRead(HwCacheMemory*, u32 pgno, u64 seq, u32 pageSize, u8 *pOut);
HwCacheMemory *hwCacheMemoryNew(size_t nMin, size_t nMax);
int hwCacheMemoryExtend(HwCacheMemory*, size_t iFrom, size_t iEnd);
void hwCacheMemoryRelease(HwCacheMemory*, size_t iFrom, size_t iEnd);
void hwCacheMemoryUnref(HwCacheMemory*);

/* image.c */
int hwImageRead(HwImage*, u32 pgno, u32 pageSize, u8 *pOut);
int hwImageOpen(HwMount*, const char *zPath, int bKept);
void hwImageTell(HwMount*, int permille);
int hwImageMark(HwMount*, const u32 *aPgno, size_t n, int bPresent);
void hwImageClose(HwMount*);
void hwImageFree(HwImage*);

/* request.c */
enum {
  HW_REQUEST_READ = 1,
  HW_REQUEST_SYNC = 2,
  HW_NOTICE_COMMIT = 3,
  HW_REQUEST_COMMIT = 4,             /* bring the staged commit `seq` into the bucket */
  HW_NOTICE_FULL = 5,                /* a commit waits for room in the journal */
  HW_REQUEST_TRAVEL = 6,             /* open the moment of the ticket `seq` */
  HW_NOTICE_UNUSED = 7,              /* no file is open on the mount any more */
  HW_REQUEST_OPEN = 8,               /* mount what the ticket `seq` asks for */
  HW_REQUEST_LEAVE = 9,              /* the same as UNUSED, of the mount `seq`, and wait */
  HW_REQUEST_ROLE = 10               /* make a writer of the mount, or a reader when seq is 0 */
};
typedef struct HwTaken {
  u64 id;
  u64 seq;
  u32 eKind, mountId, pgno;
} HwTaken;
void hwEngineStart(void (*xWake)(void));             /* engine; xWake runs under the queue's lock */
void hwEngineStop(void);                             /* engine thread, when it ends */
int hwEngineAlive(void);                             /* any */
u32 hwEngineNumber(void);                            /* any; 0: none is alive */
int hwEngineAwaited(void);                           /* any */
u32 hwRequestsTake(HwTaken *a, u32 nMax);            /* engine */
void hwRequestAnswer(u64 id, int rc, const u8 *p, size_t n, const char *zErr); /* engine */
int hwRequest(HwFile*, int eKind, u32 pgno, u64 seq, u8 *pOut, u32 nOut);  /* SQLite thread */
int hwRequestSync(HwFile*, u32 timeoutMs);                                 /* SQLite thread */
int hwRequestEngine(int eKind, u64 seq, u32 timeoutMs, char *zErr);        /* SQLite thread */
void hwNotify(HwMount*, int eKind);                  /* SQLite thread */
void hwNotifyForget(HwMount*);                       /* any, when nobody holds the mount */
void hwRequestsFail(u32 mountId);                    /* any; 0: of every mount */

/* travel.c */
int hwTravelMoment(u64 id, char *zOut, size_t nOut); /* engine */
int hwTravelArrive(u64 id, HwMount *pPast, i64 timeMs); /* engine */
int hwTravel(HwFile*, const char *zMoment);          /* SQLite thread */
void hwTravelDepart(HwFile*);                        /* SQLite thread, with no lock */
void hwTravelEnd(HwFile*);                           /* SQLite thread, with no lock */
int hwTravelLook(HwFile*, u8 *pOut, int n, i64 offset); /* SQLite thread */
int hwRequestHome(HwFile*, int eKind, u64 seq);      /* SQLite thread */
HwState hwShownState(HwFile*);                       /* SQLite thread */
void hwShownTime(HwFile*, char zOut[HW_TIME_MAX]);   /* SQLite thread */

/* ask.c */
void hwAskAllow(void);                               /* any */
int hwAskAllowed(void);                              /* any */
HwMount *hwAskMount(const char *z, u32 n, char *zWhy); /* SQLite thread */
void hwAskLeave(u32 mountId, u32 timeoutMs);         /* SQLite thread */
char *hwAskText(u64 id, u32 *pn);                    /* engine */
int hwAskArrive(u64 id, HwMount*);                   /* engine */

/* functions.c */
int hwFunctionsRegister(sqlite3*, const sqlite3_api_routines*);
HwFile *hwFileOf(sqlite3*, const sqlite3_api_routines*);

/* wait.c */
void hwCondInit(pthread_cond_t*);
struct timespec hwDeadlineIn(u32 ms);
int hwCondWait(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);  /* 0: it has passed */

/* vfs.c */
int hwLibraryRegister(const sqlite3_api_routines*, HwLibrary**);

/* file.c */
extern const sqlite3_io_methods hwFileMethods;
int hwFileOpen(HwLibrary*, const char *zName, sqlite3_file*, int flags, int *pOutFlags);
int hwFileAsk(HwLibrary*, const char *zName, sqlite3_file*, int flags, int *pOutFlags);
void hwWhy(HwFile*, const char *zFormat, ...);

/* pragma.c */
int hwPragma(HwFile*, char **azArg);

/* mem_file.c */
int hwMemFileOpen(HwLibrary*, sqlite3_file*, int flags, int *pOutFlags);
int hwSuperJournalOpen(HwLibrary*, sqlite3_file*, int flags, int *pOutFlags);
int hwMemFileSize(void);

/* file_lock.c */
int hwFileLock(const char *zPath, const char *zText);
void hwFileUnlock(int fd);
void hwFileUnlockAll(void);

/* crc64.c */
u64 hwCrc64(u64 crc, const void *p, size_t n);        /* any */

/* xxh64.c */
u64 hwHash(u64 seed, const void *p, size_t n);

#endif
