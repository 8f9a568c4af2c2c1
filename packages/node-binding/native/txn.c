/*
** txn.c -- the pages of one write transaction, private to its file until commit.
**
** Pages stay in memory up to HW_TXN_MEMORY; a larger transaction moves them to the tail of the
** active journal segment, where they mean nothing until a commit record follows.  Everything here
** runs on the SQLite thread of a file that holds RESERVED, so there is one such thread per mount.
**
** INVARIANTS
**
**    - Bytes of the segment before `end` belong to commits and are never touched.
**    - After hwTxnAppend the commit record is on disk, but nobody sees it until commit.c publishes
**      it; if the transaction is discarded instead, the segment is cut back to `end`, or else the
**      journal takes no more commits.
**    - Every page between the old and the new page count has a version in the commit, zeros if
**      SQLite wrote none, so that nothing older can show through after a shrink and a growth.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "segment.h"
#include "txn.h"

#define BATCH_PAGES 128              /* page records per writev */

static int ioResult(void){
  return errno==ENOSPC || errno==EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

void hwTxnBegin(HwFile *pFile, u32 pageSize){
  HwTxn *p = &pFile->txn;
  if( p->bOpen ) return;
  if( p->bufferSize!=pageSize ){
    hwTxnFreeBuffers(p);
    p->bufferSize = pageSize;
  }
  p->pageSize = pageSize;
  p->nFilePages = p->nKeptPages = pFile->pinned.pageCount;
  p->bOpen = 1;
}

/* Under the mount's mutex: no transaction has anything in the active segment any more. */
void hwTxnUnclaim(HwMount *pMount){
  pMount->bAppending = 0;
  hwSegmentSwitch(pMount);
}

/* Claims the tail of the active segment for this transaction.  An SQLite result code. */
static int claimTail(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  HwTxn *p = &pFile->txn;
  int rc = SQLITE_OK;
  if( p->tail.end ) return SQLITE_OK;
  pthread_mutex_lock(&pMount->mutex);
  if( pMount->pActive==NULL || pMount->bJournalBroken ){
    rc = SQLITE_IOERR_WRITE;
  }else{
    pMount->bAppending = 1;
  }
  pthread_mutex_unlock(&pMount->mutex);
  if( rc==SQLITE_OK ) rc = hwSegmentWriteHeader(pMount, pMount->pActive, p->pageSize);
  if( rc==SQLITE_OK ){
    p->tail.end = hwSegmentEnd(pMount->pActive);
    return SQLITE_OK;
  }
  hwWhy(pFile, "cannot write to the journal: %s", strerror(errno));
  pthread_mutex_lock(&pMount->mutex);
  hwTxnUnclaim(pMount);
  pthread_mutex_unlock(&pMount->mutex);
  return rc;
}

static int writeVectors(HwFile *pFile, struct iovec *aVec, int nVec){
  HwTxn *p = &pFile->txn;
  int fd = hwSegmentFd(pFile->pMount->pActive);
  while( nVec>0 ){
    ssize_t n = pwritev(fd, aVec, nVec, p->tail.end);
    if( n<=0 ){
      if( n<0 && errno==EINTR ) continue;
      hwWhy(pFile, "cannot write to the journal: %s", strerror(errno));
      return ioResult();
    }
    p->tail.end += n;
    while( nVec>0 && (size_t)n>=aVec->iov_len ){
      n -= aVec->iov_len;
      aVec++;
      nVec--;
    }
    if( nVec>0 ){
      aVec->iov_base = (u8*)aVec->iov_base + n;
      aVec->iov_len -= n;
    }
  }
  return SQLITE_OK;
}

static CommitRecord commitRecord(HwFile *pFile){
  HwTxn *p = &pFile->txn;
  CommitRecord commit = {0};
  commit.type = RECORD_COMMIT;
  commit.nRecord = p->tail.nRecord;
  commit.seq = pFile->pinned.seq+1;
  commit.pageCount = p->nFilePages;
  commit.timestampMs = p->timestampMs;
  commit.checksum = hwHash(p->tail.chain, &commit, COMMIT_RECORD_SIZE-8);
  return commit;
}

/* What one writev carries. */
typedef struct Batch {
  PageRecord aRecord[BATCH_PAGES];
  struct iovec aVec[BATCH_PAGES*2+1];
  int nRecord, nVec;
  i64 offset;                        /* where the next byte will lie */
  u8 *pDelta;                        /* free room for deltas */
} Batch;

static u32 deltaMax(HwTxn *p){ return p->pageSize/4; }

/* The page as a delta to its last committed version in this segment; its size, or 0. */
static u32 makeDelta(HwFile *pFile, struct HwTxnPage *pPage, u8 *pOut){
  HwMount *pMount = pFile->pMount;
  HwTxn *p = &pFile->txn;
  u32 serial = hwSegmentSerial(pMount->pActive);
  u32 depth;
  const u8 *pOld;
  if( pPage->offset!=OFFSET_NONE ) return 0;
  pOld = hwRecentFind(pMount, pPage->pgno, serial, p->pageSize, &depth);
  if( pOld==NULL || depth>=HW_DELTA_DEPTH ) return 0;
  pPage->depth = depth+1;
  return hwDeltaMake(pOld, pPage->pData, p->pageSize, pOut, deltaMax(p));
}

static int isZero(const u8 *p, u32 n){
  return p[0]==0 && memcmp(p, p+1, n-1)==0;
}

/* Adds the record of one page to the batch; as a delta if that is allowed and worth it. */
static void batchPage(HwFile *pFile, Batch *pBatch, struct HwTxnPage *pPage, int bDelta){
  HwTxn *p = &pFile->txn;
  PageRecord *pRecord = &pBatch->aRecord[pBatch->nRecord++];
  void *pData = pPage->pData;
  u32 n = p->pageSize;
  u32 nDelta = 0;
  pRecord->type = RECORD_PAGE;
  if( pData==NULL || isZero(pData, n) ){
    pRecord->type = RECORD_ZERO;
    pPage->offset = OFFSET_ZERO;
    n = 0;
  }else if( bDelta && (nDelta = makeDelta(pFile, pPage, pBatch->pDelta))>0 ){
    pRecord->type = RECORD_DELTA;
    pData = pBatch->pDelta;
    n = nDelta;
    pBatch->pDelta += nDelta;
  }
  if( nDelta==0 ) pPage->depth = 0;
  pRecord->pgno = pPage->pgno;
  pRecord->seq = pFile->pinned.seq+1;
  pRecord->checksum = n ? hwHash(pPage->pgno, pData, n) : 0;
  p->tail.chain = hwHash(p->tail.chain, pRecord, PAGE_RECORD_SIZE);
  p->tail.nRecord++;
  pBatch->aVec[pBatch->nVec++] = (struct iovec){ pRecord, PAGE_RECORD_SIZE };
  pBatch->offset += PAGE_RECORD_SIZE;
  pPage->nDelta = nDelta;
  if( n==0 ) return;
  pBatch->aVec[pBatch->nVec++] = (struct iovec){ pData, n };
  pPage->offset = pBatch->offset;
  pBatch->offset += n;
}

static int needDeltaRoom(HwTxn *p){
  u32 nNeed = (p->nPage<BATCH_PAGES ? p->nPage : BATCH_PAGES)*deltaMax(p);
  u8 *pNew;
  if( p->nDeltaAlloc>=nNeed ) return 1;
  pNew = realloc(p->pDelta, nNeed);
  if( pNew==NULL ) return 0;
  p->pDelta = pNew;
  p->nDeltaAlloc = nNeed;
  return 1;
}

/*
** Writes the pages that are in memory, and the commit record if there is one, at the tail.  Before
** the commit pages are written whole, since this transaction may have to read them back.  When that
** fails nothing was written: the next try begins at the same place.
*/
static int writePages(HwFile *pFile, int bCommit){
  HwTxn *p = &pFile->txn;
  HwTxnTail before = p->tail;
  Batch batch;
  CommitRecord commit;
  u32 i = 0;
  int rc;
  if( !needDeltaRoom(p) ) return SQLITE_IOERR_NOMEM;
  do{
    batch.nRecord = batch.nVec = 0;
    batch.offset = p->tail.end;
    batch.pDelta = p->pDelta;
    for(; i<p->nPage && batch.nRecord<BATCH_PAGES; i++){
      struct HwTxnPage *pPage = &p->aPage[i];
      if( pPage->pgno>p->nFilePages ) continue;
      if( pPage->pData!=NULL || pPage->offset==OFFSET_ZERO ) {
        batchPage(pFile, &batch, pPage, bCommit);
      }
    }
    if( i==p->nPage && bCommit ){
      commit = commitRecord(pFile);
      batch.aVec[batch.nVec++] = (struct iovec){ &commit, COMMIT_RECORD_SIZE };
    }
    rc = writeVectors(pFile, batch.aVec, batch.nVec);
  }while( rc==SQLITE_OK && i<p->nPage );
  if( rc!=SQLITE_OK ){
    p->tail = before;
    hwSegmentCut(pFile->pMount->pActive, before.end);
  }
  return rc;
}

/* Moves what is in memory to the tail of the journal. */
static int spill(HwFile *pFile){
  HwTxn *p = &pFile->txn;
  u32 i;
  int rc = claimTail(pFile);
  if( rc==SQLITE_OK ) rc = writePages(pFile, 0);
  if( rc!=SQLITE_OK ) return rc;
  for(i=0; i<p->nPage; i++) p->aPage[i].pData = NULL;
  p->nBufferUsed = 0;
  return SQLITE_OK;
}

/*
** One whole page.  An SQLite result code.
**
** A rollback ends in the same SYNC as phase one of a commit.  When the file stays locked after it
** (locking_mode=EXCLUSIVE), the next transaction goes on in this one: the commit record that was
** written for the rollback is taken back.
*/
int hwTxnWrite(HwFile *pFile, u32 pgno, const u8 *pData){
  HwTxn *p = &pFile->txn;
  struct HwTxnPage *pPage;
  int rc;
  if( p->bAppended ){
    p->bAppended = 0;
    p->tail.end -= COMMIT_RECORD_SIZE;
  }
  if( (size_t)p->nBufferUsed*p->pageSize>=HW_TXN_MEMORY ){
    rc = spill(pFile);
    if( rc!=SQLITE_OK ) return rc;
  }
  pPage = hwTxnNeedPage(p, pgno);
  if( pPage==NULL ) return SQLITE_IOERR_NOMEM;
  if( pPage->pData==NULL && !hwTxnTakeBuffer(p, pPage) ) return SQLITE_IOERR_NOMEM;
  memcpy(pPage->pData, pData, p->pageSize);
  if( pgno>p->nFilePages ) p->nFilePages = pgno;
  return SQLITE_OK;
}

/* Of a page that this transaction has moved to the journal.  1, or -1 on an I/O error. */
static int readSpilled(HwFile *pFile, struct HwTxnPage *pPage, u8 *pOut){
  HwTxn *p = &pFile->txn;
  int fd = hwSegmentFd(pFile->pMount->pActive);
  return pread(fd, pOut, p->pageSize, pPage->offset)==(ssize_t)p->pageSize ? 1 : -1;
}

/* 1 when pOut holds this transaction's own version, 0 when it has none, -1 on an I/O error. */
int hwTxnRead(HwFile *pFile, u32 pgno, u8 *pOut){
  HwTxn *p = &pFile->txn;
  struct HwTxnPage *pPage = hwTxnFindPage(p, pgno);
  if( pPage!=NULL && pPage->pData!=NULL ){
    memcpy(pOut, pPage->pData, p->pageSize);
  }else if( pPage!=NULL && pPage->offset>=0 ){
    return readSpilled(pFile, pPage, pOut);
  }else if( pPage!=NULL || pgno>p->nKeptPages ){
    memset(pOut, 0, p->pageSize);
  }else{
    return 0;
  }
  return 1;
}

/* A page that is in the journal could not be read from there.  An SQLite result code. */
int hwJournalUnread(HwFile *pFile){
  hwWhy(pFile, "cannot read a page from the journal: its disk fails, or its file was changed");
  return SQLITE_IOERR_READ;
}

/* Of a transaction whose commit record is written: the record says another size now. */
static int rewriteCommit(HwFile *pFile){
  CommitRecord commit = commitRecord(pFile);
  int fd = hwSegmentFd(pFile->pMount->pActive);
  i64 offset = pFile->txn.tail.end - COMMIT_RECORD_SIZE;
  if( pwrite(fd, &commit, sizeof(commit), offset)==sizeof(commit) ) return SQLITE_OK;
  hwWhy(pFile, "cannot write to the journal: %s", strerror(errno));
  return SQLITE_IOERR_TRUNCATE;
}

static void setFilePages(HwTxn *p, u32 nPages){
  u32 i;
  p->nFilePages = nPages;
  if( nPages<p->nKeptPages ) p->nKeptPages = nPages;
  for(i=0; i<p->nPage; i++){
    struct HwTxnPage *pPage = &p->aPage[i];
    if( pPage->pgno<=nPages ) continue;
    pPage->pData = NULL;
    pPage->offset = OFFSET_ZERO;
  }
}

/* An SQLite result code.  SQLite shrinks a file after phase one of the commit. */
int hwTxnTruncate(HwFile *pFile, u32 nPages){
  HwTxn *p = &pFile->txn;
  if( nPages==p->nFilePages ) return SQLITE_OK;
  setFilePages(p, nPages);
  return p->bAppended ? rewriteCommit(pFile) : SQLITE_OK;
}

/* The start of this transaction's own page 1.  1 found, 0 it has none, -1 an I/O error. */
int hwTxnHeader(HwFile *pFile, u8 *pOut, u32 n){
  struct HwTxnPage *pPage = hwTxnFindPage(&pFile->txn, 1);
  if( pPage==NULL ) return 0;
  if( pPage->pData!=NULL ){
    memcpy(pOut, pPage->pData, n);
  }else if( pPage->offset<0 ){
    memset(pOut, 0, n);
  }else if( pread(hwSegmentFd(pFile->pMount->pActive), pOut, n, pPage->offset)!=(ssize_t)n ){
    hwWhy(pFile, "cannot read the journal: %s", strerror(errno));
    return -1;
  }
  return 1;
}

/*
** The size that SQLite will give the file in phase two is in page 1 by now; a commit record that
** says so needs no rewriting, and a crash in between leaves no pages that nobody uses.  Also keeps
** the start of page 1.  An SQLite result code.
*/
static int takeHeader(HwFile *pFile){
  HwTxn *p = &pFile->txn;
  u8 aHeader[96];
  u32 nPages;
  int rc = hwTxnHeader(pFile, aHeader, sizeof(aHeader));
  p->bHeader = rc>0;
  if( rc<0 ) return SQLITE_IOERR_READ;
  if( rc==0 ) return SQLITE_OK;
  memcpy(p->aHeader, aHeader, HW_HEADER_SIZE);
  nPages = hwGet32(aHeader+28);
  if( memcmp(aHeader+24, aHeader+92, 4)!=0 ) return SQLITE_OK;
  if( nPages>0 && nPages<p->nFilePages ) setFilePages(p, nPages);
  return SQLITE_OK;
}

/* Zeros for the pages that the file gained and that SQLite did not write. */
static int fillHoles(HwFile *pFile){
  HwTxn *p = &pFile->txn;
  u32 pgno;
  for(pgno=p->nKeptPages+1; pgno<=p->nFilePages; pgno++){
    struct HwTxnPage *pPage = hwTxnNeedPage(p, pgno);
    if( pPage==NULL ) return SQLITE_IOERR_NOMEM;
    if( pPage->pData==NULL && pPage->offset==OFFSET_NONE ) pPage->offset = OFFSET_ZERO;
  }
  return SQLITE_OK;
}

/* Room on disk for all that is about to be written.  An SQLite result code.  Without it, and with
** nothing in the segment, its claim is let go of: the segment has to go to make room. */
static int holdRoom(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  HwTxn *p = &pFile->txn;
  HwSegment *pActive = pMount->pActive;
  i64 nBody = (i64)p->nBufferUsed*p->pageSize;
  i64 nHead = (i64)p->nPage*PAGE_RECORD_SIZE + COMMIT_RECORD_SIZE;
  if( hwSegmentHold(pActive, p->tail.end+nBody+nHead) ) return SQLITE_OK;
  hwWhy(pFile, "cannot write to the journal: %s", strerror(errno));
  hwSegmentCut(pActive, p->tail.end);
  if( p->beforeCommit.end==0 ){
    p->tail = p->beforeCommit;
    pthread_mutex_lock(&pMount->mutex);
    hwTxnUnclaim(pMount);
    pthread_mutex_unlock(&pMount->mutex);
  }
  return SQLITE_FULL;
}

static u64 nowMs(void){
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return (u64)ts.tv_sec*1000 + ts.tv_nsec/1000000;
}

/* All pages and the commit record, on their way to disk.  An SQLite result code. */
int hwTxnAppend(HwFile *pFile){
  HwTxn *p = &pFile->txn;
  int rc;
  p->beforeCommit = p->tail;
  rc = takeHeader(pFile);
  if( rc==SQLITE_OK ) rc = claimTail(pFile);
  if( rc==SQLITE_OK ) rc = fillHoles(pFile);
  if( rc==SQLITE_OK ) rc = holdRoom(pFile);
  if( rc!=SQLITE_OK ) return rc;
  if( !hwSegmentReserve(pFile->pMount->pActive, p->nPage) ) return SQLITE_IOERR_NOMEM;
  p->timestampMs = nowMs();
  rc = writePages(pFile, 1);
  if( rc==SQLITE_OK ) p->bAppended = 1;
  return rc;
}

/*
** Cuts off what hwTxnAppend has written: the transaction is again as it was before, and may go on.
** The cut is on disk when this returns, so that no loss of power brings back a commit that was
** reported as failed.  A journal that cannot be cut takes no more commits.
*/
void hwTxnTakeBack(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  HwTxn *p = &pFile->txn;
  HwSegment *pActive = pMount->pActive;
  i64 end = p->beforeCommit.end ? p->beforeCommit.end : hwSegmentEnd(pActive);
  int bCut = hwSegmentCut(pActive, end) && fdatasync(hwSegmentFd(pActive))==0;
  p->tail = p->beforeCommit;
  p->bAppended = 0;
  pthread_mutex_lock(&pMount->mutex);
  if( !bCut ) pMount->bJournalBroken = 1;
  if( p->tail.end==0 ) hwTxnUnclaim(pMount);
  pthread_mutex_unlock(&pMount->mutex);
}

/* Drops an unfinished transaction, and what it has left in the journal. */
void hwTxnDiscard(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  HwTxn *p = &pFile->txn;
  if( !p->bOpen ) return;
  if( p->tail.end ){
    int bCut = hwSegmentCut(pMount->pActive, hwSegmentEnd(pMount->pActive));
    pthread_mutex_lock(&pMount->mutex);
    if( p->bAppended && !bCut ) pMount->bJournalBroken = 1;
    hwTxnUnclaim(pMount);
    pthread_mutex_unlock(&pMount->mutex);
  }
  hwTxnReset(p);
}

void hwTxnFree(HwFile *pFile){
  HwTxn *p = &pFile->txn;
  hwTxnDiscard(pFile);
  hwTxnFreeBuffers(p);
  free(p->apBuffer);
  free(p->aPage);
  free(p->aSlot);
  free(p->pDelta);
  memset(p, 0, sizeof(*p));
}
