/*
** segment.h -- the inside of journal segments, for segment.c and recover.c.
**
** FORMAT (little-endian; docs/format/journal.md has the same as a table)
**
**    segment   = header, then records
**    header    = magic "HWJRNL01", pageSize u32, version u32, baseTxid u64, firstSeq u64,
**                checksum u64 of the 32 bytes before                               (40 bytes)
**    page      = type u32, pgno u32, seq u64,
**                checksum u64 of the data seeded with pgno                         (24 bytes)
**                then the data: type 1 the whole page, type 2 none (the page is all zero),
**                type 4 a delta (delta.c) to the version before it in this segment
**    commit    = type u32 (3), records u32, seq u64, pageCount u32, zero u32, timestampMs u64,
**                checksum u64 of the 32 bytes before seeded with the chain          (40 bytes)
**
**    The chain is the running checksum over the 24-byte heads of the page records since the last
**    commit.  A transaction happened if, and only if, its commit record is whole and every page
**    record before it is.
*/
#ifndef HEADWATER_SEGMENT_H
#define HEADWATER_SEGMENT_H
#include "headwater.h"

#define SEGMENT_MAGIC "HWJRNL01"
#define SEGMENT_VERSION 1
#define SEGMENT_HEADER_SIZE 40
#define PAGE_RECORD_SIZE 24
#define COMMIT_RECORD_SIZE 40
enum { RECORD_PAGE = 1, RECORD_ZERO = 2, RECORD_COMMIT = 3, RECORD_DELTA = 4 };

typedef struct PageRecord {
  u32 type;
  u32 pgno;
  u64 seq;
  u64 checksum;
} PageRecord;

typedef struct CommitRecord {
  u32 type;
  u32 nRecord;
  u64 seq;
  u32 pageCount;
  u32 zero;
  u64 timestampMs;
  u64 checksum;
} CommitRecord;

typedef struct SegmentHeader {
  char aMagic[8];
  u32 pageSize;
  u32 version;
  u64 baseTxid;
  u64 firstSeq;
  u64 checksum;
} SegmentHeader;

_Static_assert(sizeof(PageRecord)==PAGE_RECORD_SIZE, "page record");
_Static_assert(sizeof(CommitRecord)==COMMIT_RECORD_SIZE, "commit record");
_Static_assert(sizeof(SegmentHeader)==SEGMENT_HEADER_SIZE, "segment header");

/* One version of one page.  Entries never move, so readers need no lock. */
typedef struct Entry {
  u32 pgno;
  u32 iPrev;                         /* an older version of the same page: place plus one */
  u64 seq;
  i64 offset;                        /* of the data; -1: all zero */
  u32 nDelta;                        /* the data is a delta of this size; 0: the whole page */
  u32 depth;                         /* deltas since the last whole version */
} Entry;

#define ENTRY_CHUNK 1024
#define ENTRY_CHUNKS_MAX 65536

/* Newest entry of each distinct page, open addressing.  Replaced by a larger one, never changed
** in size; old ones live as long as the segment since readers may be in them. */
typedef struct Table {
  struct Table *pOlder;
  u32 nSlot;
  _Atomic u32 aSlot[];
} Table;

struct HwSegment {
  int refs;                          /* lists that name it; under the mount's mutex */
  u32 serial;                        /* never used twice in a process */
  int fd;
  char *zPath;
  u64 baseTxid;
  u64 firstSeq, lastSeq;             /* commits inside; 0 when none; under the mount's mutex */
  u64 flushedSeq;                    /* of those, the last that is on disk; the same */
  u32 pageSize;                      /* 0: the header is not written yet */
  i64 end;                           /* after the last commit record; writer and engine */
  i64 held;                          /* allocated on disk up to there, at least; writer only */
  int bCannotHold;                   /* the file system allocates nothing in advance; the same */
  u32 nEntry;                        /* writer only */
  u32 nDistinct;                     /* writer only */
  _Atomic(Table*) pTable;
  _Atomic(Entry*) aChunk[ENTRY_CHUNKS_MAX];
};

/* Immutable, newest last. */
struct HwSegmentList {
  int refs;
  int n;
  HwSegment *a[];
};

HwSegment *hwSegmentNew(int fd, const char *zPath);
HwSegmentList *hwSegmentListWith(HwSegmentList*, HwSegment*);
void hwSegmentListReplace(HwMount*, HwSegmentList*);  /* under the mount's mutex */

#endif
