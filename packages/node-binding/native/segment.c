/*
** segment.c -- the journal's segments: index, look-up, rotation, collection, retirement.
**
** INVARIANTS
**
**    - Entries are added by the one writer when a commit becomes visible, under the mount's mutex;
**      look-ups take no lock.  A reader finds every entry up to its pin because it took its pin
**      under that same mutex.
**    - A segment's bytes before `end` never change.
**    - A segment lives as long as a list that names it: the mount's, or a pinned reader's.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "segment.h"

#define TABLE_MIN 256

static atomic_uint nextSerial = 1;

static Table *tableNew(u32 nSlot, Table *pOlder){
  Table *p = calloc(1, sizeof(*p) + nSlot*sizeof(u32));
  if( p!=NULL ){
    p->nSlot = nSlot;
    p->pOlder = pOlder;
  }
  return p;
}

static inline Entry *entryAt(HwSegment *p, u32 i){
  return atomic_load_explicit(&p->aChunk[i/ENTRY_CHUNK], memory_order_acquire) + i%ENTRY_CHUNK;
}

/* The slot of pgno, or the empty one where it would go. */
static u32 slotOf(HwSegment *p, Table *pTable, u32 pgno, u32 *piEntry){
  u32 mask = pTable->nSlot-1;
  u32 i = (pgno*0x9E3779B1u) & mask;
  for(;;){
    u32 iEntry = atomic_load_explicit(&pTable->aSlot[i], memory_order_acquire);
    if( iEntry==0 || entryAt(p, iEntry-1)->pgno==pgno ){
      *piEntry = iEntry;
      return i;
    }
    i = (i+1) & mask;
  }
}

/* Any thread that may open one.  Takes over fd. */
HwSegment *hwSegmentNew(int fd, const char *zPath){
  HwSegment *p = calloc(1, sizeof(*p));
  Table *pTable = tableNew(TABLE_MIN, NULL);
  char *z = strdup(zPath);
  if( p==NULL || pTable==NULL || z==NULL ){
    free(p);
    free(pTable);
    free(z);
    close(fd);
    return NULL;
  }
  p->serial = atomic_fetch_add(&nextSerial, 1);
  p->fd = fd;
  p->zPath = z;
  atomic_init(&p->pTable, pTable);
  return p;
}

/* Of a segment that no list names. */
void hwSegmentDrop(HwSegment *p){
  Table *pTable = atomic_load(&p->pTable);
  int i;
  while( pTable!=NULL ){
    Table *pOlder = pTable->pOlder;
    free(pTable);
    pTable = pOlder;
  }
  for(i=0; i<ENTRY_CHUNKS_MAX && atomic_load(&p->aChunk[i])!=NULL; i++){
    free(atomic_load(&p->aChunk[i]));
  }
  close(p->fd);
  free(p->zPath);
  free(p);
}

HwSegmentList *hwSegmentListNew(void){
  HwSegmentList *p = calloc(1, sizeof(*p));
  if( p!=NULL ) p->refs = 1;
  return p;
}

HwSegmentList *hwSegmentListRef(HwSegmentList *p){
  p->refs++;
  return p;
}

void hwSegmentListUnref(HwSegmentList *p){
  int i;
  if( --p->refs>0 ) return;
  for(i=0; i<p->n; i++){
    if( --p->a[i]->refs==0 ) hwSegmentDrop(p->a[i]);
  }
  free(p);
}

/* A copy of a list with one more segment at its end.  NULL when there is no memory. */
HwSegmentList *hwSegmentListWith(HwSegmentList *pOld, HwSegment *pSegment){
  HwSegmentList *p = malloc(sizeof(*p) + (pOld->n+1)*sizeof(HwSegment*));
  int i;
  if( p==NULL ) return NULL;
  p->refs = 1;
  p->n = pOld->n+1;
  for(i=0; i<pOld->n; i++) p->a[i] = pOld->a[i];
  p->a[i] = pSegment;
  for(i=0; i<p->n; i++) p->a[i]->refs++;
  return p;
}

/* Under the mount's mutex. */
void hwSegmentListReplace(HwMount *pMount, HwSegmentList *pNew){
  HwSegmentList *pOld = pMount->pSegments;
  pMount->pSegments = pNew;
  hwSegmentListUnref(pOld);
}

/* Under the mount's mutex.  1, or 0 when there is no memory. */
static int makeActive(HwMount *pMount, HwSegment *pSegment){
  HwSegmentList *pList = hwSegmentListWith(pMount->pSegments, pSegment);
  if( pList==NULL ) return 0;
  pMount->pActive = pSegment;
  hwSegmentListReplace(pMount, pList);
  return 1;
}

/* Under the mount's mutex, when no transaction has anything in the active segment.  Without memory
** commits go on in the present one, and the next transaction's end tries again. */
void hwSegmentSwitch(HwMount *pMount){
  if( pMount->pNextSegment!=NULL && makeActive(pMount, pMount->pNextSegment) ){
    pMount->pNextSegment = NULL;
  }
}

/*
** Engine thread.  From the next transaction on, commits go to a new segment: at once, or as soon as
** the one that writes to the present segment is over.  1 done, 0 another one waits for that
** already, -1 see errno.
*/
int hwSegmentRotate(HwMount *pMount, const char *zPath, u64 baseTxid){
  HwSegment *pSegment;
  int fd, bWaits, rc = 1;
  pthread_mutex_lock(&pMount->mutex);
  bWaits = pMount->pNextSegment!=NULL;
  pthread_mutex_unlock(&pMount->mutex);
  if( bWaits ) return 0;
  fd = open(zPath, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW, 0600);
  if( fd<0 ) return -1;
  pSegment = hwSegmentNew(fd, zPath);
  if( pSegment==NULL ){
    unlink(zPath);
    errno = ENOMEM;
    return -1;
  }
  pSegment->baseTxid = baseTxid;
  pthread_mutex_lock(&pMount->mutex);
  if( pMount->bAppending ){
    pMount->pNextSegment = pSegment;
  }else if( !makeActive(pMount, pSegment) ){
    rc = -1;
  }
  pthread_mutex_unlock(&pMount->mutex);
  if( rc!=1 ){
    hwSegmentDrop(pSegment);
    unlink(zPath);
    errno = ENOMEM;
  }
  return rc;
}

/*
** Engine thread, when no write transaction is open and no other can begin: there is no active
** segment any more, so that hwSegmentRetire forgets them all.  Gives the path of the one that
** waited to become active, if there was one; the caller frees it.
*/
char *hwSegmentEndJournal(HwMount *pMount){
  HwSegment *pNext;
  char *zPath = NULL;
  pthread_mutex_lock(&pMount->mutex);
  pMount->pActive = NULL;
  pNext = pMount->pNextSegment;
  pMount->pNextSegment = NULL;
  pthread_mutex_unlock(&pMount->mutex);
  if( pNext!=NULL ){
    zPath = strdup(pNext->zPath);
    hwSegmentDrop(pNext);
  }
  return zPath;
}

/* Writer: the first bytes of a segment, once the page size is known.  An SQLite result code.  A
** transaction of a new database that came to nothing may have left another page size in them. */
int hwSegmentWriteHeader(HwMount *pMount, HwSegment *p, u32 pageSize){
  SegmentHeader header;
  if( p->pageSize==pageSize ) return SQLITE_OK;
  memset(&header, 0, sizeof(header));
  memcpy(header.aMagic, SEGMENT_MAGIC, 8);
  header.pageSize = pageSize;
  header.version = SEGMENT_VERSION;
  header.baseTxid = p->baseTxid;
  header.firstSeq = pMount->state.seq+1;
  header.checksum = hwHash(0, &header, SEGMENT_HEADER_SIZE-8);
  if( pwrite(p->fd, &header, sizeof(header), 0)!=sizeof(header) ){
    return errno==ENOSPC || errno==EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  p->pageSize = pageSize;
  p->end = SEGMENT_HEADER_SIZE;
  return SQLITE_OK;
}

i64 hwSegmentEnd(HwSegment *p){ return p->end; }
int hwSegmentFd(HwSegment *p){ return p->fd; }
u32 hwSegmentSerial(HwSegment *p){ return p->serial; }

/* Writer, under the mount's mutex. */
void hwSegmentCommitted(HwSegment *p, u64 seq, i64 end){
  if( p->firstSeq==0 ) p->firstSeq = seq;
  p->lastSeq = seq;
  p->end = end;
}

/* Writer: room for nEntry more, so that hwSegmentInsert cannot fail.  1, or 0: no memory. */
int hwSegmentReserve(HwSegment *p, u32 nEntry){
  u32 nAll = p->nEntry + nEntry;
  Table *pOld = atomic_load(&p->pTable);
  u32 nSlot = pOld->nSlot;
  u32 i;
  if( nAll/ENTRY_CHUNK>=ENTRY_CHUNKS_MAX ) return 0;
  for(i=p->nEntry/ENTRY_CHUNK; i<=nAll/ENTRY_CHUNK; i++){
    if( atomic_load(&p->aChunk[i])==NULL ){
      Entry *a = calloc(ENTRY_CHUNK, sizeof(Entry));
      if( a==NULL ) return 0;
      atomic_store_explicit(&p->aChunk[i], a, memory_order_release);
    }
  }
  while( (p->nDistinct+nEntry)*2>nSlot ) nSlot *= 2;
  if( nSlot!=pOld->nSlot ){
    Table *pNew = tableNew(nSlot, pOld);
    if( pNew==NULL ) return 0;
    for(i=0; i<pOld->nSlot; i++){
      u32 iEntry = atomic_load_explicit(&pOld->aSlot[i], memory_order_relaxed);
      u32 iFound;
      if( iEntry==0 ) continue;
      atomic_store(&pNew->aSlot[slotOf(p, pNew, entryAt(p, iEntry-1)->pgno, &iFound)], iEntry);
    }
    atomic_store_explicit(&p->pTable, pNew, memory_order_release);
  }
  return 1;
}

/* Writer, after hwSegmentReserve.  0: a delta to nothing, which only a damaged file can hold. */
int hwSegmentInsert(HwSegment *p, u32 pgno, u64 seq, i64 offset, u32 nDelta){
  Table *pTable = atomic_load_explicit(&p->pTable, memory_order_relaxed);
  Entry *pEntry = entryAt(p, p->nEntry);
  u32 iPrev;
  u32 iSlot = slotOf(p, pTable, pgno, &iPrev);
  if( nDelta && (iPrev==0 || entryAt(p, iPrev-1)->depth>=HW_DELTA_DEPTH) ) return 0;
  pEntry->pgno = pgno;
  pEntry->iPrev = iPrev;
  pEntry->seq = seq;
  pEntry->offset = offset;
  pEntry->nDelta = nDelta;
  pEntry->depth = nDelta ? entryAt(p, iPrev-1)->depth+1 : 0;
  if( iPrev==0 ) p->nDistinct++;
  p->nEntry++;
  atomic_store_explicit(&pTable->aSlot[iSlot], p->nEntry, memory_order_release);
  return 1;
}

/*
** Writer, under the mount's mutex: takes back the newest insert, which must be this one.  Its entry
** stays where it is and is never used again, because a reader may be looking at it; from there it
** goes on to the version before.
*/
void hwSegmentWithdraw(HwSegment *p, u32 pgno, u64 seq){
  Table *pTable = atomic_load_explicit(&p->pTable, memory_order_relaxed);
  u32 iEntry, iPrev;
  u32 iSlot = slotOf(p, pTable, pgno, &iEntry);
  if( iEntry==0 || entryAt(p, iEntry-1)->seq!=seq ) return;
  iPrev = entryAt(p, iEntry-1)->iPrev;
  if( iPrev==0 ) p->nDistinct--;
  atomic_store_explicit(&pTable->aSlot[iSlot], iPrev, memory_order_release);
}

/* Of the versions of a page, from the newest on: the first that is not after seq, or NULL. */
static Entry *versionAt(HwSegment *p, u32 iEntry, u64 seq){
  while( iEntry!=0 && entryAt(p, iEntry-1)->seq>seq ) iEntry = entryAt(p, iEntry-1)->iPrev;
  return iEntry ? entryAt(p, iEntry-1) : NULL;
}

static Entry *findEntry(HwSegment *p, u32 pgno, u64 seq){
  Table *pTable = atomic_load_explicit(&p->pTable, memory_order_acquire);
  u32 iEntry;
  slotOf(p, pTable, pgno, &iEntry);
  return versionAt(p, iEntry, seq);
}

/* 1, or 0: see errno.  What a commit has written is not there any more when less comes. */
static int readWhole(HwSegment *p, u8 *pOut, u32 n, i64 offset){
  errno = EIO;
  return pread(p->fd, pOut, n, offset)==(ssize_t)n;
}

/* The page at an entry: its last whole version, then the deltas since.  1, or -1: see errno. */
static int readEntry(HwSegment *p, Entry *pEntry, u32 pageSize, u8 *pOut){
  Entry *aDelta[HW_DELTA_DEPTH];
  u8 aBuf[65536/4];
  int n = 0;
  while( pEntry->nDelta ){
    aDelta[n++] = pEntry;
    pEntry = entryAt(p, pEntry->iPrev-1);
  }
  if( pEntry->offset<0 ){
    memset(pOut, 0, pageSize);
  }else if( !readWhole(p, pOut, pageSize, pEntry->offset) ){
    return -1;
  }
  while( n-->0 ){
    u32 nDelta = aDelta[n]->nDelta;
    if( !readWhole(p, aBuf, nDelta, aDelta[n]->offset) ) return -1;
    errno = EIO;
    if( !hwDeltaApply(pOut, pageSize, aBuf, nDelta) ) return -1;
  }
  return 1;
}

/* SQLite thread or engine.  1 found, 0 not in the journal, -1 I/O error. */
int hwSegmentRead(HwSegmentList *pList, u32 pgno, u64 seq, u32 pageSize, u8 *pOut){
  int i;
  for(i=pList->n-1; i>=0; i--){
    HwSegment *p = pList->a[i];
    Entry *pEntry = findEntry(p, pgno, seq);
    if( pEntry!=NULL ) return readEntry(p, pEntry, pageSize, pOut);
  }
  return 0;
}

static int comparePgno(const void *a, const void *b){
  u32 x = *(const u32*)a, y = *(const u32*)b;
  return x<y ? -1 : x>y;
}

/*
** The pages of one segment that were changed after afterSeq, up to the state.  How many.  Takes no
** lock: what the writer adds meanwhile is after the state, and is passed over.
*/
static u32 collectSegment(HwSegment *p, u64 afterSeq, const HwState *pState, u32 lockPgno, u32 *a){
  Table *pTable = atomic_load_explicit(&p->pTable, memory_order_acquire);
  u32 n = 0, i;
  for(i=0; i<pTable->nSlot; i++){
    u32 iEntry = atomic_load_explicit(&pTable->aSlot[i], memory_order_acquire);
    Entry *pEntry = versionAt(p, iEntry, pState->seq);
    if( pEntry==NULL || pEntry->seq<=afterSeq || pEntry->pgno>pState->pageCount ) continue;
    if( pEntry->pgno!=lockPgno ) a[n++] = pEntry->pgno;
  }
  return n;
}

/*
** Engine thread.  The pages changed after afterSeq and not after the newest state, which goes to
** *pState: ascending, each once, none above the page count, never the lock page.  With stagedSeq,
** up to that commit, if it still waits for the bucket.  The caller frees the result; NULL with
** *pnPgno zero when there is nothing, with one when there is no memory.
*/
u32 *hwSegmentCollect(
  HwMount *pMount,
  u64 afterSeq,
  u64 stagedSeq,
  HwState *pState,
  u32 *pnPgno
){
  HwSegmentList *pList;
  u32 *a = NULL;
  u32 n = 0, nAlloc = 0, i, nOut = 0;
  int iSegment;
  u32 pageSize = atomic_load(&pMount->pageSize);
  u32 lockPgno = pageSize ? 0x40000000/pageSize+1 : 0;   /* never holds data */
  *pnPgno = 0;
  pthread_mutex_lock(&pMount->mutex);
  pList = hwSegmentListRef(pMount->pSegments);
  *pState = pMount->state;
  if( stagedSeq!=0 && stagedSeq==pMount->stagedSeq ){
    pState->seq = stagedSeq;
    pState->pageCount = pMount->stagedPageCount;
  }
  for(iSegment=0; iSegment<pList->n; iSegment++) nAlloc += pList->a[iSegment]->nDistinct;
  pthread_mutex_unlock(&pMount->mutex);
  a = nAlloc>0 && pState->seq>afterSeq ? malloc(nAlloc*sizeof(u32)) : NULL;
  for(iSegment=0; a!=NULL && iSegment<pList->n; iSegment++){
    n += collectSegment(pList->a[iSegment], afterSeq, pState, lockPgno, a+n);
  }
  pthread_mutex_lock(&pMount->mutex);
  hwSegmentListUnref(pList);
  pthread_mutex_unlock(&pMount->mutex);
  if( a==NULL ){
    *pnPgno = nAlloc>0 && pState->seq>afterSeq;
    return NULL;
  }
  qsort(a, n, sizeof(u32), comparePgno);
  for(i=0; i<n; i++){
    if( i==0 || a[i]!=a[i-1] ) a[nOut++] = a[i];
  }
  *pnPgno = nOut;
  return a;
}

/*
** Engine thread: the bucket has everything up to seq.  Drops the segments that hold nothing after
** it, the active one excepted, and gives their paths (the caller frees them and the array).  -1
** when there is no memory.
*/
int hwSegmentRetire(HwMount *pMount, u64 seq, char ***pazPath){
  HwSegmentList *pOld, *pNew;
  char **az;
  int i, n = 0;
  pthread_mutex_lock(&pMount->mutex);
  pOld = pMount->pSegments;
  pNew = malloc(sizeof(*pNew) + (pOld->n+1)*sizeof(HwSegment*));
  az = calloc(pOld->n+1, sizeof(char*));
  if( pNew==NULL || az==NULL ){
    free(pNew);
    free(az);
    pthread_mutex_unlock(&pMount->mutex);
    return -1;
  }
  pNew->refs = 1;
  pNew->n = 0;
  for(i=0; i<pOld->n; i++){
    HwSegment *p = pOld->a[i];
    if( p!=pMount->pActive && p->lastSeq<=seq ){
      az[n++] = strdup(p->zPath);
    }else{
      p->refs++;
      pNew->a[pNew->n++] = p;
    }
  }
  hwSegmentListReplace(pMount, pNew);
  if( seq>pMount->syncedSeq ) pMount->syncedSeq = seq;
  pthread_cond_broadcast(&pMount->room);
  pthread_mutex_unlock(&pMount->mutex);
  *pazPath = az;
  return n;
}

/* Any thread.  Of the segments that hold commits which the bucket has not. */
i64 hwSegmentBytes(HwMount *pMount){
  i64 n = 0;
  int i;
  pthread_mutex_lock(&pMount->mutex);
  for(i=0; i<pMount->pSegments->n; i++){
    HwSegment *p = pMount->pSegments->a[i];
    if( p->lastSeq>pMount->syncedSeq ) n += p->end;
  }
  pthread_mutex_unlock(&pMount->mutex);
  return n;
}

/* One segment, if it may hold what is not on disk.  0, or errno. */
static int flushSegment(HwMount *pMount, HwSegment *p){
  u64 lastSeq;
  int bClean;
  pthread_mutex_lock(&pMount->mutex);
  lastSeq = p->lastSeq;
  bClean = p!=pMount->pActive && p->flushedSeq==lastSeq;
  pthread_mutex_unlock(&pMount->mutex);
  if( bClean ) return 0;
  if( fdatasync(p->fd)!=0 ) return errno;
  pthread_mutex_lock(&pMount->mutex);
  p->flushedSeq = lastSeq;
  pthread_mutex_unlock(&pMount->mutex);
  return 0;
}

/*
** Flushes what commits have written, the oldest segment first, so that after a loss of power there
** is no commit without the ones before it.  0, or errno.
*/
int hwSegmentSync(HwMount *pMount){
  HwSegmentList *pList;
  int i, rc = 0;
  pthread_mutex_lock(&pMount->mutex);
  pList = hwSegmentListRef(pMount->pSegments);
  pthread_mutex_unlock(&pMount->mutex);
  for(i=0; i<pList->n && rc==0; i++) rc = flushSegment(pMount, pList->a[i]);
  pthread_mutex_lock(&pMount->mutex);
  hwSegmentListUnref(pList);
  pthread_mutex_unlock(&pMount->mutex);
  return rc;
}
