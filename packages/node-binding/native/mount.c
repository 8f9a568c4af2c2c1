/*
** mount.c -- one replica opened in this process: its published state and who has it pinned.
**
** INVARIANTS
**
**    - state changes as one record, under the mount's mutex, and seq only grows.
**    - A file with SHARED or more is on the list of pins with a copy of the state and a reference
**      to the list of segments as they were; it sees nothing else until NONE.
**    - A mount is freed when the engine and every open file have let go of it.
*/
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "txn.h"

#define READ_ONLY "this database is mounted in read mode"

HwGlobal gHw = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* Engine thread.  The result belongs to the engine and is not yet to be found by name. */
HwMount *hwMountCreate(
  const char *zName,
  int bWrite,
  u32 pageSize,
  u32 timeoutMs,
  HwState state
){
  HwMount *p = calloc(1, sizeof(*p));
  if( p==NULL ) return NULL;
  p->pSegments = hwSegmentListNew();
  if( p->pSegments==NULL ){
    free(p);
    return NULL;
  }
  pthread_mutex_init(&p->mutex, NULL);
  hwCondInit(&p->room);
  p->refs = 1;
  p->bWrite = state.bOwnCounter = bWrite;
  p->timeoutMs = timeoutMs;
  p->state = state;
  snprintf(p->zName, sizeof(p->zName), "%s", zName);
  hwMountSetWritable(p, bWrite, READ_ONLY);
  atomic_init(&p->pageSize, pageSize);
  pthread_mutex_lock(&gHw.mutex);
  p->id = ++gHw.nextMountId;
  p->pNext = gHw.pMounts;
  gHw.pMounts = p;
  pthread_mutex_unlock(&gHw.mutex);
  return p;
}

/* Engine thread, before the mount is active. */
void hwMountSetCommits(HwMount *p, i64 journalMax, int eDurability){
  p->journalMax = journalMax;
  p->eDurability = eDurability;
}

/* Under gHw.mutex. */
static HwMount *findActive(const char *zName){
  HwMount *p;
  for(p=gHw.pMounts; p!=NULL; p=p->pNext){
    if( p->bActive && !atomic_load(&p->bClosed) && strcmp(p->zName, zName)==0 ) return p;
  }
  return NULL;
}

/* Engine thread.  0 when another mount has the name. */
int hwMountActivate(HwMount *p){
  int ok;
  pthread_mutex_lock(&gHw.mutex);
  ok = findActive(p->zName)==NULL;
  if( ok ) p->bActive = 1;
  pthread_mutex_unlock(&gHw.mutex);
  return ok;
}

/* Any thread.  The caller must release what it gets. */
HwMount *hwMountFind(const char *zName){
  HwMount *p;
  pthread_mutex_lock(&gHw.mutex);
  p = findActive(zName);
  if( p!=NULL ) p->refs++;
  pthread_mutex_unlock(&gHw.mutex);
  return p;
}

/* Engine thread, which holds the reference. */
HwMount *hwMountById(u32 id){
  HwMount *p;
  pthread_mutex_lock(&gHw.mutex);
  for(p=gHw.pMounts; p!=NULL && p->id!=id; p=p->pNext){}
  pthread_mutex_unlock(&gHw.mutex);
  return p;
}

/* Any thread.  0 when there is no such mount.  Files that have a pin count when they let go. */
int hwMountReads(u32 id, u64 *pnHit, u64 *pnMiss){
  HwMount *p;
  pthread_mutex_lock(&gHw.mutex);
  for(p=gHw.pMounts; p!=NULL && p->id!=id; p=p->pNext){}
  if( p!=NULL ){
    *pnHit = atomic_load(&p->nHit);
    *pnMiss = atomic_load(&p->nMiss);
  }
  pthread_mutex_unlock(&gHw.mutex);
  return p!=NULL;
}

/* Any thread. */
void hwMountRef(HwMount *p){
  pthread_mutex_lock(&gHw.mutex);
  p->refs++;
  pthread_mutex_unlock(&gHw.mutex);
}

static void mountFree(HwMount *p){
  hwNotifyForget(p);
  hwSegmentListUnref(p->pSegments);
  if( p->pNextSegment!=NULL ) hwSegmentDrop(p->pNextSegment);
  hwCacheMemoryUnref(p->pCacheMemory);
  hwRecentFree(p->pRecent);
  hwImageFree(p->pImages);
  pthread_cond_destroy(&p->room);
  pthread_mutex_destroy(&p->mutex);
  free(p);
}

/* Any thread. */
void hwMountRelease(HwMount *p){
  HwMount **pp;
  int bLast;
  pthread_mutex_lock(&gHw.mutex);
  bLast = --p->refs==0;
  if( bLast ){
    for(pp=&gHw.pMounts; *pp!=p; pp=&(*pp)->pNext){}
    *pp = p->pNext;
  }
  pthread_mutex_unlock(&gHw.mutex);
  if( bLast ) mountFree(p);
}

/* Any thread.  Files that are open stay open and fail; their close works. */
void hwMountClose(HwMount *p, const char *zReason){
  pthread_mutex_lock(&p->mutex);
  snprintf(p->zReason, sizeof(p->zReason), "%s", zReason);
  p->bWritable = 0;
  atomic_store(&p->bEnding, 1);
  atomic_store(&p->bClosed, 1);
  pthread_cond_broadcast(&p->room);
  pthread_mutex_unlock(&p->mutex);
  hwRequestsFail(p->id);
}

/* Any thread, of a mount that is closed: a COMMIT that had begun before ends, or takes too long. */
static void awaitCommit(HwMount *p){
  struct timespec pause = { 0, 1000000 };
  int ms;
  for(ms=0; ms<HW_COMMIT_END_MS && atomic_load(&p->bCommitting); ms++) nanosleep(&pause, NULL);
}

/*
** Any thread: the engine has died, so its references go too.  When this returns nobody writes to a
** journal any more, so that another engine, or another process, may have it.
*/
void hwMountCloseAll(const char *zReason){
  for(;;){
    HwMount *p;
    pthread_mutex_lock(&gHw.mutex);
    for(p=gHw.pMounts; p!=NULL && atomic_load(&p->bClosed); p=p->pNext){}
    if( p!=NULL ) p->refs++;
    pthread_mutex_unlock(&gHw.mutex);
    if( p==NULL ) break;
    hwMountClose(p, zReason);
    awaitCommit(p);
    hwMountRelease(p);
    hwMountRelease(p);
  }
}

static i64 nowMs(void){
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (i64)ts.tv_sec*1000 + ts.tv_nsec/1000000;
}

/* Engine thread.  The state was the newest so long ago; below 0: it is, until told otherwise. */
void hwMountSetCurrent(HwMount *p, double agoMs){
  atomic_store(&p->currentMs, agoMs<0 ? 0 : nowMs() - (i64)agoMs);
}

/* Any thread.  Whole seconds. */
u64 hwMountLagSeconds(HwMount *p){
  i64 currentMs = atomic_load(&p->currentMs);
  i64 lagMs = currentMs==0 ? 0 : nowMs()-currentMs;
  return lagMs>0 ? (u64)lagMs/1000 : 0;
}

/* Engine thread. */
void hwMountSetWritable(HwMount *p, int bWritable, const char *zReason){
  pthread_mutex_lock(&p->mutex);
  p->bWritable = bWritable;
  snprintf(p->zReason, sizeof(p->zReason), "%s", zReason);
  pthread_cond_broadcast(&p->room);
  pthread_mutex_unlock(&p->mutex);
}

/*
** Engine thread.  No COMMIT begins from now on, not even that of a transaction that is open.  0
** while one is under way that began before.  (Each side says what it does before it looks at the
** other: see beginCommit in file.c.)
*/
int hwMountEndCommits(HwMount *p, const char *zReason){
  hwMountSetWritable(p, 0, zReason);
  atomic_store(&p->bEnding, 1);
  return !atomic_load(&p->bCommitting);
}

/* Engine thread.  Whether a connection holds RESERVED or more. */
int hwMountWriting(HwMount *p){
  int bWriting;
  pthread_mutex_lock(&p->mutex);
  bWriting = p->pWriter!=NULL;
  pthread_mutex_unlock(&p->mutex);
  return bWriting;
}

/* The change counter that readers of a state are shown, if it is known. */
static u32 shownCounter(const HwState *p, u32 own){
  return p->bOwnCounter ? own + p->counterBump : p->changeCounter;
}

/*
** Engine thread.  The same state in the other mode; the bucket has all of it.  aHeader is the start
** of its page 1, NULL when it has no page.  1, or 0 when a write transaction is open.
**
** The number that SQLite is shown as change counter goes on from where it was: it grows with
** each change in either mode, so that no page that a connection has cached in one mode can
** pass for valid in the other unless it is.  Whoever has pinned a state keeps what it was shown.
*/
int hwMountSwitch(HwMount *p, int bWrite, const u8 *aHeader){
  HwState *pState = &p->state;
  u32 own, shown;
  pthread_mutex_lock(&p->mutex);
  if( p->pWriter!=NULL ){
    pthread_mutex_unlock(&p->mutex);
    return 0;
  }
  own = aHeader!=NULL ? hwGet32(aHeader+24) : 0;
  shown = shownCounter(pState, own);
  pState->bOwnCounter = bWrite;
  pState->changeCounter = shown;
  pState->counterBump = shown - own;
  pState->bHeader = bWrite && aHeader!=NULL;
  if( pState->bHeader ) memcpy(pState->aHeader, aHeader, HW_HEADER_SIZE);
  p->syncedSeq = pState->seq;
  p->bWrite = p->bWritable = bWrite;
  p->bJournalBroken = 0;
  snprintf(p->zReason, sizeof(p->zReason), "%s", bWrite ? "" : READ_ONLY);
  pthread_mutex_unlock(&p->mutex);
  return 1;
}

/* SQLite thread.  Pins the newest state; SQLITE_OK, or why not. */
int hwPin(HwFile *pFile){
  HwMount *p = pFile->pMount;
  if( atomic_load_explicit(&p->bClosed, memory_order_acquire) ){
    hwWhy(pFile, "%s", p->zReason);
    return SQLITE_IOERR;
  }
  pthread_mutex_lock(&p->mutex);
  pFile->pinned = p->state;
  pFile->pSegments = hwSegmentListRef(p->pSegments);
  pFile->pPinPrev = NULL;
  pFile->pPinNext = p->pPins;
  if( p->pPins!=NULL ) p->pPins->pPinPrev = pFile;
  p->pPins = pFile;
  pthread_mutex_unlock(&p->mutex);
  return SQLITE_OK;
}

/* SQLite thread. */
void hwUnpin(HwFile *pFile){
  HwMount *p = pFile->pMount;
  pthread_mutex_lock(&p->mutex);
  if( pFile->pPinPrev!=NULL ){
    pFile->pPinPrev->pPinNext = pFile->pPinNext;
  }else{
    p->pPins = pFile->pPinNext;
  }
  if( pFile->pPinNext!=NULL ) pFile->pPinNext->pPinPrev = pFile->pPinPrev;
  hwSegmentListUnref(pFile->pSegments);
  pFile->pSegments = NULL;
  pthread_mutex_unlock(&p->mutex);
  if( pFile->nHit ) atomic_fetch_add(&p->nHit, pFile->nHit);
  if( pFile->nMiss ) atomic_fetch_add(&p->nMiss, pFile->nMiss);
  pFile->nHit = pFile->nMiss = 0;
}

/* Engine thread. */
u64 hwOldestPin(HwMount *p){
  HwFile *pFile;
  u64 seq;
  pthread_mutex_lock(&p->mutex);
  seq = p->state.seq;
  for(pFile=p->pPins; pFile!=NULL; pFile=pFile->pPinNext){
    if( pFile->pinned.seq<seq ) seq = pFile->pinned.seq;
  }
  pthread_mutex_unlock(&p->mutex);
  return seq;
}

/* Engine thread.  The transaction that the bucket stands at; what is visible does not change. */
void hwMountSetTxid(HwMount *p, u64 txid, i64 timeMs){
  pthread_mutex_lock(&p->mutex);
  p->state.txid = txid;
  p->state.timeMs = timeMs;
  pthread_mutex_unlock(&p->mutex);
}

/* Engine thread, read mode.  The new seq. */
u64 hwPublish(HwMount *p, u32 pageCount, u32 changeCounter, u64 txid, i64 timeMs){
  u64 seq;
  pthread_mutex_lock(&p->mutex);
  seq = ++p->state.seq;
  p->state.pageCount = pageCount;
  p->state.changeCounter = changeCounter;
  p->state.txid = txid;
  p->state.timeMs = timeMs;
  p->state.bHeader = 0;
  pthread_mutex_unlock(&p->mutex);
  return seq;
}
