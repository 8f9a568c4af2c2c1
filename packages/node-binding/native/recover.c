/*
** recover.c -- reads a segment that an earlier process left behind, up to its last whole commit.
**
** What follows the last whole commit never happened: a torn record, a transaction that was rolled
** back, or one that the process did not live to finish.
*/
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "segment.h"

/* Page records of the transaction being read, until its commit record shows up. */
typedef struct Pending {
  struct PendingPage { u32 pgno; u32 nDelta; i64 offset; } *a;
  u32 n, nAlloc;
  u64 chain;
} Pending;

static int pendingAdd(Pending *p, u32 pgno, i64 offset, u32 nDelta){
  if( p->n==p->nAlloc ){
    u32 nAlloc = p->nAlloc ? p->nAlloc*2 : 64;
    void *a = realloc(p->a, nAlloc*sizeof(p->a[0]));
    if( a==NULL ) return 0;
    p->a = a;
    p->nAlloc = nAlloc;
  }
  p->a[p->n].pgno = pgno;
  p->a[p->n].nDelta = nDelta;
  p->a[p->n].offset = offset;
  p->n++;
  return 1;
}

static int readAll(int fd, void *p, size_t n, i64 offset){
  return pread(fd, p, n, offset)==(ssize_t)n;
}

static int readHeader(int fd, SegmentHeader *p){
  return readAll(fd, p, sizeof(*p), 0)
    && memcmp(p->aMagic, SEGMENT_MAGIC, 8)==0
    && p->checksum==hwHash(0, p, SEGMENT_HEADER_SIZE-8);
}

/* Size of the data behind a page record, or -1 when there can be no such data. */
static i64 dataSize(HwSegment *p, const PageRecord *pRecord, i64 offset){
  u32 nBody;
  if( pRecord->type==RECORD_ZERO ) return 0;
  if( pRecord->type==RECORD_PAGE ) return p->pageSize;
  if( !readAll(p->fd, &nBody, sizeof(nBody), offset) || nBody>p->pageSize/4 ) return -1;
  return (i64)sizeof(nBody) + nBody;
}

/* One page record at *pOffset; 1 whole, 0 torn, -1 no memory. */
static int readPage(HwSegment *p, u8 *aData, i64 *pOffset, u64 seq, Pending *pPending){
  PageRecord record;
  i64 data = *pOffset + PAGE_RECORD_SIZE;
  i64 n;
  if( !readAll(p->fd, &record, sizeof(record), *pOffset) ) return 0;
  if( record.seq!=seq || record.pgno==0 ) return 0;
  n = dataSize(p, &record, data);
  if( n<0 || !readAll(p->fd, aData, n, data) ) return 0;
  if( n>0 && hwHash(record.pgno, aData, n)!=record.checksum ) return 0;
  *pOffset = data + n;
  pPending->chain = hwHash(pPending->chain, &record, sizeof(record));
  return pendingAdd(pPending, record.pgno, n ? data : -1,
    record.type==RECORD_DELTA ? (u32)n : 0) ? 1 : -1;
}

/* A commit record at offset: 1 when it closes exactly the records read since the last one. */
static int readCommit(HwSegment *p, i64 offset, u64 seq, Pending *pPending, CommitRecord *pOut){
  if( !readAll(p->fd, pOut, sizeof(*pOut), offset) ) return 0;
  return pOut->seq==seq
    && pOut->nRecord==pPending->n
    && pOut->checksum==hwHash(pPending->chain, pOut, COMMIT_RECORD_SIZE-8);
}

/* 1, 0 when there is no memory, -1 when the records contradict one another. */
static int applyCommit(HwSegment *p, Pending *pPending, u64 seq, i64 end){
  u32 i;
  if( !hwSegmentReserve(p, pPending->n) ) return 0;
  for(i=0; i<pPending->n; i++){
    struct PendingPage *pPage = &pPending->a[i];
    if( !hwSegmentInsert(p, pPage->pgno, seq, pPage->offset, pPage->nDelta) ) return -1;
  }
  hwSegmentCommitted(p, seq, end);
  pPending->n = 0;
  pPending->chain = 0;
  return 1;
}

/* 1 when the segment was read as far as it is whole, 0 when there is no memory. */
static int scan(HwSegment *p, u64 seq, u32 *pPageCount){
  Pending pending = {0};
  u8 *aData = malloc(p->pageSize);
  i64 offset = SEGMENT_HEADER_SIZE;
  int ok = aData!=NULL;
  while( ok ){
    u32 type;
    int rc;
    if( !readAll(p->fd, &type, sizeof(type), offset) ) break;
    if( type==RECORD_COMMIT ){
      CommitRecord commit;
      if( !readCommit(p, offset, seq, &pending, &commit) ) break;
      offset += COMMIT_RECORD_SIZE;
      rc = applyCommit(p, &pending, seq, offset);
      if( rc<0 ) break;
      ok = rc;
      *pPageCount = commit.pageCount;
      seq++;
    }else if( type==RECORD_PAGE || type==RECORD_ZERO || type==RECORD_DELTA ){
      rc = readPage(p, aData, &offset, seq, &pending);
      if( rc==0 ) break;
      ok = rc>0;
    }else{
      break;
    }
  }
  free(aData);
  free(pending.a);
  return ok;
}

/* Whether commits are missing between what is known and what this segment begins with. */
static int hasGap(HwMount *pMount, HwSegment *p){
  int bGap;
  pthread_mutex_lock(&pMount->mutex);
  bGap = p->firstSeq>pMount->state.seq+1;
  pthread_mutex_unlock(&pMount->mutex);
  return bGap;
}

/* Makes a scanned segment the newest of the mount. */
static int adopt(HwMount *pMount, HwSegment *p, u32 pageCount){
  HwSegmentList *pList;
  pthread_mutex_lock(&pMount->mutex);
  pList = hwSegmentListWith(pMount->pSegments, p);
  if( pList!=NULL ){
    hwSegmentListReplace(pMount, pList);
    if( p->lastSeq>pMount->state.seq ){
      pMount->state.seq = p->lastSeq;
      pMount->state.pageCount = pageCount;
    }
  }
  pthread_mutex_unlock(&pMount->mutex);
  return pList!=NULL;
}

/* Engine thread; with bAdopt, before the mount is active.  Without, the segment is only looked at
** and the mount stays as it is.  1, or 0 with a sentence in zErr. */
int hwSegmentRecover(
  HwMount *pMount,
  const char *zPath,
  int bAdopt,
  HwRecovered *pOut,
  char *zErr,
  size_t nErr
){
  SegmentHeader header;
  HwSegment *p;
  struct stat st;
  int fd = open(zPath, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);
  memset(pOut, 0, sizeof(*pOut));
  if( fd<0 || fstat(fd, &st)!=0 ){
    snprintf(zErr, nErr, "cannot open journal segment %s: %s", zPath, strerror(errno));
    if( fd>=0 ) close(fd);
    return 0;
  }
  p = hwSegmentNew(fd, zPath);
  if( p==NULL ){
    snprintf(zErr, nErr, "out of memory reading journal segment %s", zPath);
    return 0;
  }
  if( readHeader(fd, &header) ){
    u32 known = atomic_load(&pMount->pageSize);
    if( header.version!=SEGMENT_VERSION || (known!=0 && known!=header.pageSize) ){
      snprintf(zErr, nErr, "journal segment %s is of version %u and page size %u; "
        "expected %u and %u", zPath, header.version, header.pageSize, SEGMENT_VERSION, known);
      goto fail;
    }
    p->pageSize = header.pageSize;
    p->baseTxid = header.baseTxid;
    p->end = SEGMENT_HEADER_SIZE;
    if( !scan(p, header.firstSeq, &pOut->pageCount) ){
      snprintf(zErr, nErr, "out of memory reading journal segment %s", zPath);
      goto fail;
    }
    if( p->lastSeq && bAdopt ) atomic_store(&pMount->pageSize, header.pageSize);
  }
  if( bAdopt && hasGap(pMount, p) ){
    snprintf(zErr, nErr, "journal segment %s begins with commit %llu, "
      "but the one before it is lost", zPath, (unsigned long long)p->firstSeq);
    goto fail;
  }
  if( bAdopt && !adopt(pMount, p, pOut->pageCount) ){
    snprintf(zErr, nErr, "out of memory reading journal segment %s", zPath);
    goto fail;
  }
  pOut->baseTxid = p->baseTxid;
  pOut->pageSize = p->pageSize;
  pOut->firstSeq = p->firstSeq;
  pOut->lastSeq = p->lastSeq;
  if( !bAdopt ) hwSegmentDrop(p);
  return 1;

fail:
  hwSegmentDrop(p);
  return 0;
}
