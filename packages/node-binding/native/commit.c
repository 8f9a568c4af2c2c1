/*
** commit.c -- the two phases of a commit: into the journal, into the bucket if the connection wants
** that, and into view.
**
** SQLite calls phase one (file control SYNC) once all pages are written.  What fails there makes
** COMMIT fail, and SQLite rolls back.  Phase two (COMMIT_PHASETWO) cannot fail.
**
**    eventual   phase one appends to the journal, phase two publishes
**    remote     phase one appends, stages, waits until the engine has the commit in the bucket, and
**               publishes; or takes all of that back
**
** INVARIANTS
**
**    - A staged commit is in the segment and in its index, so that the engine can read it, but the
**      state is the one before: no reader can pin it.
**    - The engine alone decides what becomes of a staged commit, unless it has ended.
*/
#include "segment.h"
#include "txn.h"

static int durabilityOf(HwFile *pFile){
  return pFile->eDurability==HW_DEFAULT ? pFile->pMount->eDurability : pFile->eDurability;
}

/*
** A rollback of a transaction that has already written to the file ends in a SYNC, too.  It is told
** from a commit by what came before: a SYNC that failed, or a page 1 whose change counter is the
** one that the transaction began with.  (Every commit after a newly taken lock counts.  While a
** lock is kept, in locking_mode=EXCLUSIVE, SQLite need not count, and a rollback passes for a
** commit, which is one of what was there before.)
*/
static int isRollback(HwFile *pFile){
  u8 aHeader[HW_HEADER_SIZE];
  int bFresh = pFile->bFresh, bFailed = pFile->bFailed;
  u32 counter = pFile->pinned.pageCount ? pFile->counter : 0;
  int rc;
  pFile->bFresh = pFile->bFailed = 0;
  if( bFailed ) return 1;
  if( !bFresh || (pFile->pinned.pageCount && pFile->counterSeq!=pFile->pinned.seq) ) return 0;
  rc = hwTxnHeader(pFile, aHeader, HW_HEADER_SIZE);
  return rc==0 || (rc>0 && hwGet32(aHeader+24)==counter);
}

/* Bytes that the commit will add to the journal, at the most. */
static i64 commitBytes(HwFile *pFile){
  HwTxn *p = &pFile->txn;
  i64 nSpilled = p->tail.end ? p->tail.end - hwSegmentEnd(pFile->pMount->pActive) : 0;
  return nSpilled + (i64)p->nBufferUsed*(p->pageSize+PAGE_RECORD_SIZE) + COMMIT_RECORD_SIZE;
}

/*
** Waits as long as the connection's busy handler wants to until the journal has room.  Into an
** empty journal any transaction may go.  An SQLite result code.
*/
static int waitForRoom(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  i64 nAdd = commitBytes(pFile);
  for(;;){
    i64 nHeld = hwSegmentBytes(pMount);
    struct timespec deadline;
    int bWritable;
    if( pMount->journalMax==0 || nHeld==0 || nHeld+nAdd<=pMount->journalMax ) return SQLITE_OK;
    hwNotify(pMount, HW_NOTICE_FULL);
    if( pFile->xBusy==NULL || !pFile->xBusy(pFile->pBusyArg) ){
      hwWhy(pFile, "the journal holds %lld bytes that the bucket has not taken yet, and may hold "
        "%lld; commit again when the store answers, or raise journalBytesMax",
        (long long)nHeld, (long long)pMount->journalMax);
      return SQLITE_FULL;
    }
    deadline = hwDeadlineIn(HW_ROOM_WAIT_MS);
    pthread_mutex_lock(&pMount->mutex);
    bWritable = pMount->bWritable;
    if( !bWritable ){
      hwWhy(pFile, "%s", pMount->zReason);
    }else{
      hwCondWait(&pMount->room, &pMount->mutex, &deadline);
    }
    pthread_mutex_unlock(&pMount->mutex);
    if( !bWritable ) return SQLITE_READONLY;
  }
}

/* What a segment said of itself before a commit was staged in it. */
typedef struct Before {
  u64 firstSeq, lastSeq;
  i64 end;
} Before;

/* Under the mount's mutex: the appended pages into the index, and the end of the segment after
** them. */
static void indexPages(HwFile *pFile, u64 seq){
  HwSegment *pActive = pFile->pMount->pActive;
  HwTxn *p = &pFile->txn;
  u32 i;
  for(i=0; i<p->nPage; i++){
    struct HwTxnPage *pPage = &p->aPage[i];
    if( pPage->pgno>p->nFilePages ) continue;
    hwSegmentInsert(pActive, pPage->pgno, seq, pPage->offset<0 ? -1 : pPage->offset, pPage->nDelta);
  }
  hwSegmentCommitted(pActive, seq, p->tail.end);
}

static Before stage(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  HwTxn *p = &pFile->txn;
  HwSegment *pActive = pMount->pActive;
  Before before;
  pthread_mutex_lock(&pMount->mutex);
  before.firstSeq = pActive->firstSeq;
  before.lastSeq = pActive->lastSeq;
  before.end = pActive->end;
  indexPages(pFile, pFile->pinned.seq+1);
  pMount->stagedSeq = pFile->pinned.seq+1;
  pMount->stagedPageCount = p->nFilePages;
  /* From here on the size of a page is fixed, since the engine may have told the bucket. */
  atomic_store(&pMount->pageSize, p->pageSize);
  pthread_mutex_unlock(&pMount->mutex);
  return before;
}

static void unstage(HwFile *pFile, Before before){
  HwMount *pMount = pFile->pMount;
  HwTxn *p = &pFile->txn;
  HwSegment *pActive = pMount->pActive;
  u64 seq = pFile->pinned.seq+1;
  u32 i;
  pthread_mutex_lock(&pMount->mutex);
  pMount->stagedSeq = 0;
  for(i=p->nPage; i>0; i--) hwSegmentWithdraw(pActive, p->aPage[i-1].pgno, seq);
  pActive->firstSeq = before.firstSeq;
  pActive->lastSeq = before.lastSeq;
  pActive->end = before.end;
  pthread_mutex_unlock(&pMount->mutex);
  hwTxnTakeBack(pFile);
}

/*
** The next transaction of any connection begins by looking at the start of page 1, and keeps what
** it has cached if the change counter is the same.  Under an exclusive lock SQLite does not count,
** since nobody else could read; here others can, so what they are shown goes on counting, and never
** comes back to a number that it had before.
*/
static void publishHeader(HwState *pState, HwTxn *p){
  int bKnown = pState->bHeader;
  u32 next = bKnown ? hwGet32(pState->aHeader+24) + pState->counterBump + 1 : 0;
  if( p->bHeader ){
    pState->bHeader = 1;
    memcpy(pState->aHeader, p->aHeader, HW_HEADER_SIZE);
  }
  if( bKnown ){
    u32 ahead = next - hwGet32(pState->aHeader+24);
    pState->counterBump = ahead<0x80000000u ? ahead : 0;
  }else if( !p->bHeader || pState->counterBump ){
    pState->counterBump++;
  }
}

/* Readers that start from now on see it.  Cannot fail. */
static void publish(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  HwTxn *p = &pFile->txn;
  u64 seq = pFile->pinned.seq+1;
  int bNotice;
  u32 i, serial;
  pthread_mutex_lock(&pMount->mutex);
  if( pMount->stagedSeq!=seq ) indexPages(pFile, seq);
  else pMount->syncedSeq = seq;
  pMount->stagedSeq = 0;
  serial = hwSegmentSerial(pMount->pActive);
  atomic_store(&pMount->pageSize, p->pageSize);
  publishHeader(&pMount->state, p);
  pMount->state.seq = seq;
  pMount->state.pageCount = p->nFilePages;
  hwTxnUnclaim(pMount);
  bNotice = pMount->bNotice;
  pMount->bNotice = 0;
  pFile->pinned = pMount->state;
  hwSegmentListRef(pMount->pSegments);
  hwSegmentListUnref(pFile->pSegments);
  pFile->pSegments = pMount->pSegments;
  pthread_mutex_unlock(&pMount->mutex);
  for(i=0; i<p->nPage; i++){
    struct HwTxnPage *pPage = &p->aPage[i];
    if( pPage->pData!=NULL && pPage->pgno<=p->nFilePages ){
      u8 **ppData = &p->apBuffer[pPage->iBuffer];
      hwRecentKeep(pMount, pPage->pgno, serial, p->pageSize, pPage->depth, ppData);
    }else{
      hwRecentForget(pMount, pPage->pgno);
    }
  }
  hwTxnReset(p);
  if( bNotice ) hwNotify(pMount, HW_NOTICE_COMMIT);
}

static int commitRemotely(HwFile *pFile){
  u64 seq = pFile->pinned.seq+1;
  Before before = stage(pFile);
  if( hwRequest(pFile, HW_REQUEST_COMMIT, 0, seq, NULL, 0)==SQLITE_OK ){
    publish(pFile);
    return SQLITE_OK;
  }
  unstage(pFile, before);
  return SQLITE_IOERR_FSYNC;
}

int hwCommitPhaseOne(HwFile *pFile){
  int bRemote = durabilityOf(pFile)==HW_REMOTE;
  int rc = SQLITE_OK;
  if( !pFile->txn.bOpen || pFile->txn.bAppended || isRollback(pFile) ) return SQLITE_OK;
  /* A remote commit leaves the journal as empty as can be, or as it was. */
  if( !bRemote ) rc = waitForRoom(pFile);
  if( rc==SQLITE_OK ) rc = hwTxnAppend(pFile);
  if( rc==SQLITE_OK && bRemote ) rc = commitRemotely(pFile);
  pFile->bFailed = rc!=SQLITE_OK;
  return rc;
}

/* After a remote commit there is nothing left to do, unless SQLite gave the file another size. */
int hwCommitPhaseTwo(HwFile *pFile){
  int rc = SQLITE_OK;
  if( pFile->txn.bOpen && !pFile->txn.bAppended ) rc = hwTxnAppend(pFile);
  if( rc==SQLITE_OK && pFile->txn.bAppended ) publish(pFile);
  return rc;
}
