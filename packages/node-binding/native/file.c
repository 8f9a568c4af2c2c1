/*
** file.c -- an open database file of a mount: the methods that SQLite calls.
**
** A connection sees the newest state when it takes SHARED and nothing else until NONE.  One file of
** a mount may hold RESERVED; readers never stand in its way, so PENDING and EXCLUSIVE are granted
** at once.  Which mount a file shows may change while it has no lock: see travel.c.  SQLite thread.
*/
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "name.h"
#include "txn.h"

/* The close of the last connection waits no longer for a store that does not answer. */
#define CLOSE_SYNC_MS_MAX 5000

/* Why the last call on this file failed, in words; the first reason of a call is kept. */
void hwWhy(HwFile *pFile, const char *zFormat, ...){
  va_list ap;
  va_start(ap, zFormat);
  vsnprintf(pFile->zWhy, sizeof(pFile->zWhy), zFormat, ap);
  va_end(ap);
}

/* Of page 1, which z holds n bytes of from `offset` on; nothing when the number is not whole. */
static void addToCounter(u8 *z, int n, i64 offset, int at, u32 add){
  u32 v;
  int i;
  if( at<offset || at+4>offset+n ) return;
  z += at-offset;
  v = ((u32)z[0]<<24 | (u32)z[1]<<16 | (u32)z[2]<<8 | z[3]) + add;
  for(i=0; i<4; i++) z[i] = (u8)(v>>(24-8*i));
}

/* Added to the number of the schema: nothing for the first history, for others (change-counter.ts)
** what is far from anything that a database counts to. */
static u32 schemaBump(const HwState *p){
  return ((p->changeCounter - (u32)p->txid + 0x800000u)>>24)*0x9e3779b1u;
}

/*
** The one place where bytes of page 1 are altered on their way to SQLite.  z holds n bytes of it
** from `offset` on.
**
**   18, 19   1: rollback journal.  A replica of a WAL database says 2, which would demand shared
**            memory that a mount has not.
**   24, 92   read mode: the published change counter, the same in both, so that SQLite keeps its
**            cache exactly as long as nothing changed, and trusts
**   28       the page count, which is the published one.
**   40       read mode: the number of the schema, which may be the same in another history.
**
** In write mode SQLite's own counter is served, plus what publishHeader (commit.c) wants added.
*/
static void patchPageOne(HwFile *pFile, u8 *z, int n, i64 offset){
  struct { int at; u8 byte; } aPatch[14];
  int nPatch = 0, i;
  aPatch[nPatch].at = 18; aPatch[nPatch++].byte = 1;
  aPatch[nPatch].at = 19; aPatch[nPatch++].byte = 1;
  if( pFile->pinned.bOwnCounter ){
    addToCounter(z, n, offset, 24, pFile->pinned.counterBump);
    addToCounter(z, n, offset, 92, pFile->pinned.counterBump);
  }else{
    addToCounter(z, n, offset, 40, schemaBump(&pFile->pinned));
    for(i=0; i<4; i++){
      u8 counter = (u8)(pFile->pinned.changeCounter>>(24-8*i));
      aPatch[nPatch].at = 24+i; aPatch[nPatch++].byte = counter;
      aPatch[nPatch].at = 92+i; aPatch[nPatch++].byte = counter;
      aPatch[nPatch].at = 28+i; aPatch[nPatch++].byte = (u8)(pFile->pinned.pageCount>>(24-8*i));
    }
  }
  for(i=0; i<nPatch; i++){
    if( aPatch[i].at>=offset && aPatch[i].at<offset+n ) z[aPatch[i].at-offset] = aPatch[i].byte;
  }
}

/* A whole page as this file may see it now: its own, the journal's, the cache's, the image's, or
** the engine's.  The file is pinned. */
static int readPage(HwFile *pFile, u32 pgno, u32 pageSize, u8 *pOut){
  HwMount *pMount = pFile->pMount;
  u64 seq = pFile->pinned.seq;
  HwCacheMemory *pCache;
  HwImage *pImage;
  int rc;
  if( pFile->txn.bOpen ){
    rc = hwTxnRead(pFile, pgno, pOut);
    if( rc ) return rc>0 ? SQLITE_OK : hwJournalUnread(pFile);
  }
  rc = hwSegmentRead(pFile->pSegments, pgno, seq, pageSize, pOut);
  if( rc ) return rc>0 ? SQLITE_OK : hwJournalUnread(pFile);
  pCache = atomic_load_explicit(&pMount->pCache, memory_order_acquire);
  if( pCache!=NULL && hwFrameRead(pCache, pgno, seq, pageSize, pOut) ){
    pFile->nHit++;
    return SQLITE_OK;
  }
  pImage = atomic_load_explicit(&pMount->pImage, memory_order_acquire);
  if( pImage!=NULL && hwImageRead(pImage, pgno, pageSize, pOut) ){
    pFile->nHit++;
    return SQLITE_OK;
  }
  pFile->nMiss++;
  rc = hwRequest(pFile, HW_REQUEST_READ, pgno, seq, pOut, pageSize);
  return rc==SQLITE_OK || rc==SQLITE_BUSY || rc==SQLITE_CORRUPT ? rc : SQLITE_IOERR_READ;
}

/* Number of pages of the file as this connection sees it. */
static u32 filePages(HwFile *pFile){
  return pFile->txn.bOpen ? pFile->txn.nFilePages : pFile->pinned.pageCount;
}

static int shortRead(void *pOut, int n){
  memset(pOut, 0, n);
  return SQLITE_IOERR_SHORT_READ;
}

/* Part of one page, or several pages: whatever SQLite asks for.  The file is pinned. */
static int readRange(HwFile *pFile, u8 *pOut, int n, i64 offset){
  u32 pageSize = pFile->txn.bOpen ? pFile->txn.pageSize : atomic_load(&pFile->pMount->pageSize);
  u8 *pPage = NULL;
  int rc = SQLITE_OK;
  if( pageSize==0 ) return shortRead(pOut, n);
  if( offset+n<=HW_HEADER_SIZE && pFile->pinned.bHeader && !pFile->txn.bOpen ){
    memcpy(pOut, pFile->pinned.aHeader+offset, n);
    patchPageOne(pFile, pOut, n, offset);
    return SQLITE_OK;
  }
  while( n>0 && rc==SQLITE_OK ){
    u32 pgno = (u32)(offset/pageSize)+1;
    int iAt = (int)(offset%pageSize);
    int nCopy = (int)pageSize-iAt<n ? (int)pageSize-iAt : n;
    if( pgno>filePages(pFile) ){
      rc = shortRead(pOut, n);
      break;
    }
    if( nCopy==(int)pageSize ){
      rc = readPage(pFile, pgno, pageSize, pOut);
    }else{
      if( pPage==NULL && (pPage = malloc(pageSize))==NULL ) return SQLITE_IOERR_NOMEM;
      rc = readPage(pFile, pgno, pageSize, pPage);
      if( rc==SQLITE_OK ) memcpy(pOut, pPage+iAt, nCopy);
    }
    if( rc==SQLITE_OK && pgno==1 ) patchPageOne(pFile, pOut, nCopy, iAt);
    pOut += nCopy;
    n -= nCopy;
    offset += nCopy;
  }
  free(pPage);
  return rc;
}

/* Keeps the change counter that SQLite was shown, so that commit.c can tell whether it counted. */
static void noteCounter(HwFile *pFile, const u8 *pData, int n, i64 offset){
  if( pFile->txn.bOpen || offset>24 || offset+n<28 ) return;
  pFile->counter = hwGet32(pData+24-offset);
  pFile->counterSeq = pFile->pinned.seq;
}

static int hwRead(sqlite3_file *p, void *pOut, int n, sqlite3_int64 offset){
  HwFile *pFile = (HwFile*)p;
  int rc;
  if( pFile->pMount==NULL ) return shortRead(pOut, n);
  if( pFile->eLock!=SQLITE_LOCK_NONE ){
    if( hwTravelLook(pFile, pOut, n, offset) ) return SQLITE_OK;
    rc = readRange(pFile, pOut, n, offset);
    if( rc==SQLITE_OK ) noteCounter(pFile, pOut, n, offset);
    return rc;
  }
  if( hwPin(pFile)!=SQLITE_OK ) return SQLITE_IOERR_READ;
  rc = readRange(pFile, pOut, n, offset);
  hwUnpin(pFile);
  return rc;
}

static int hwWrite(sqlite3_file *p, const void *pIn, int n, sqlite3_int64 offset){
  HwFile *pFile = (HwFile*)p;
  u32 pageSize;
  if( pFile->pMount==NULL || pFile->pMount->pWriter!=pFile ) return SQLITE_READONLY;
  pageSize = pFile->txn.bOpen ? pFile->txn.pageSize : atomic_load(&pFile->pMount->pageSize);
  if( pageSize==0 ) pageSize = (u32)n;
  if( (u32)n!=pageSize || offset%pageSize!=0 || pageSize<512 || (pageSize & (pageSize-1)) ){
    hwWhy(pFile, "the page size of a replica cannot change: it is %u", pageSize);
    return SQLITE_IOERR_WRITE;
  }
  hwTxnBegin(pFile, pageSize);
  return hwTxnWrite(pFile, (u32)(offset/pageSize)+1, pIn);
}

static int hwTruncate(sqlite3_file *p, sqlite3_int64 size){
  HwFile *pFile = (HwFile*)p;
  u32 pageSize, nPages;
  if( pFile->pMount==NULL || pFile->pMount->pWriter!=pFile ) return SQLITE_READONLY;
  pageSize = pFile->txn.bOpen ? pFile->txn.pageSize : atomic_load(&pFile->pMount->pageSize);
  if( pageSize==0 ) return SQLITE_OK;
  nPages = (u32)((size+pageSize-1)/pageSize);
  if( nPages==filePages(pFile) ) return SQLITE_OK;
  hwTxnBegin(pFile, pageSize);
  return hwTxnTruncate(pFile, nPages);
}

/* The commit record is in the file already (HW: SQLITE_FCNTL_SYNC); FULL also wants it on disk. */
static int hwSync(sqlite3_file *p, int flags){
  HwFile *pFile = (HwFile*)p;
  int err;
  (void)flags;
  if( pFile->pMount==NULL || !pFile->txn.bAppended || pFile->synchronous<2 ) return SQLITE_OK;
  err = hwSegmentSync(pFile->pMount);
  if( err==0 ) return SQLITE_OK;
  hwWhy(pFile, "cannot flush the journal: %s", strerror(err));
  return SQLITE_IOERR_FSYNC;
}

static int hwFileSize(sqlite3_file *p, sqlite3_int64 *pSize){
  HwFile *pFile = (HwFile*)p;
  u32 pageSize;
  *pSize = 0;
  if( pFile->pMount==NULL ) return SQLITE_OK;
  if( pFile->eLock==SQLITE_LOCK_NONE ){
    if( hwPin(pFile)!=SQLITE_OK ) return SQLITE_IOERR_FSTAT;
    hwUnpin(pFile);
  }
  pageSize = pFile->txn.bOpen ? pFile->txn.pageSize : atomic_load(&pFile->pMount->pageSize);
  *pSize = (i64)filePages(pFile)*pageSize;
  return SQLITE_OK;
}

/* RESERVED: one per mount, and only from the newest state. */
static int takeWriter(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  int rc = SQLITE_OK;
  pthread_mutex_lock(&pMount->mutex);
  if( !pMount->bWritable ){
    rc = SQLITE_READONLY;
    hwWhy(pFile, "%s", pMount->zReason);
  }else if( pMount->pWriter!=NULL && pMount->pWriter!=pFile ){
    rc = SQLITE_BUSY;
    hwWhy(pFile, "another connection has begun to write, and has not ended its transaction yet");
  }else if( pFile->pinned.seq!=pMount->state.seq ){
    rc = SQLITE_BUSY_SNAPSHOT;
    hwWhy(pFile, "there were commits since this transaction began by reading; begin it again");
  }else{
    pMount->pWriter = pFile;
    pFile->bFresh = 1;
  }
  pthread_mutex_unlock(&pMount->mutex);
  return rc;
}

static void dropWriter(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  hwTxnDiscard(pFile);
  pFile->bFresh = pFile->bFailed = 0;
  pthread_mutex_lock(&pMount->mutex);
  if( pMount->pWriter==pFile ){
    atomic_store(&pMount->bCommitting, 0);
    pMount->pWriter = NULL;
  }
  pthread_mutex_unlock(&pMount->mutex);
}

static int hwLock(sqlite3_file *p, int eLock){
  HwFile *pFile = (HwFile*)p;
  int rc = SQLITE_OK;
  if( pFile->pMount==NULL ) return SQLITE_CANTOPEN;
  if( pFile->eLock>=eLock ) return SQLITE_OK;
  if( pFile->eLock==SQLITE_LOCK_NONE ) hwTravelDepart(pFile);
  if( atomic_load_explicit(&pFile->pMount->bClosed, memory_order_acquire) ){
    hwWhy(pFile, "%s", pFile->pMount->zReason);
    return SQLITE_IOERR_LOCK;
  }
  if( pFile->eLock==SQLITE_LOCK_NONE ){
    rc = hwPin(pFile);
    if( rc!=SQLITE_OK ) return SQLITE_IOERR_LOCK;
    pFile->eLock = SQLITE_LOCK_SHARED;
  }
  if( eLock>=SQLITE_LOCK_RESERVED && pFile->eLock<SQLITE_LOCK_RESERVED ) rc = takeWriter(pFile);
  if( rc==SQLITE_OK ) pFile->eLock = eLock;
  return rc;
}

static int hwUnlock(sqlite3_file *p, int eLock){
  HwFile *pFile = (HwFile*)p;
  if( pFile->pMount==NULL || pFile->eLock<=eLock ) return SQLITE_OK;
  if( pFile->eLock>=SQLITE_LOCK_RESERVED ) dropWriter(pFile);
  if( eLock==SQLITE_LOCK_NONE ) hwUnpin(pFile);
  pFile->eLock = eLock;
  return SQLITE_OK;
}

/*
** The last connection takes its commits to the bucket before it goes, as SQLite's own last one
** takes the WAL to the database.  What cannot be uploaded stays in the journal.  The last one of a
** past says that it goes; with that of a mount that was made for those who open it, the mount ends.
*/
static void syncLast(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  int bSync, bLast, bAsked;
  pthread_mutex_lock(&pMount->mutex);
  bLast = --pMount->nFile==0;
  bAsked = bLast && atomic_load(&pMount->bAsked);
  bSync = bLast && !bAsked && !pFile->bQuietClose && pMount->bWrite && pMount->bWritable
       && pMount->state.seq>pMount->syncedSeq;
  pthread_mutex_unlock(&pMount->mutex);
  if( bSync ) hwRequestSync(pFile, CLOSE_SYNC_MS_MAX);
  if( bAsked && !pFile->bQuietClose ){
    hwAskLeave(pMount->id, CLOSE_SYNC_MS_MAX);
  }else if( bAsked || (bLast && pMount->bPast) ){
    hwNotify(pMount, HW_NOTICE_UNUSED);
  }
}

static int hwClose(sqlite3_file *p){
  HwFile *pFile = (HwFile*)p;
  if( pFile->pMount==NULL ) return SQLITE_OK;
  hwUnlock(p, SQLITE_LOCK_NONE);
  hwTxnFree(pFile);
  hwTravelEnd(pFile);
  syncLast(pFile);
  hwMountRelease(pFile->pHome);
  pFile->pMount = pFile->pHome = NULL;
  return SQLITE_OK;
}

static int hwCheckReservedLock(sqlite3_file *p, int *pOut){
  HwFile *pFile = (HwFile*)p;
  *pOut = 0;
  if( pFile->pMount!=NULL ){
    pthread_mutex_lock(&pFile->pMount->mutex);
    *pOut = pFile->pMount->pWriter!=NULL;
    pthread_mutex_unlock(&pFile->pMount->mutex);
  }
  return SQLITE_OK;
}

/*
** Phase one, unless the mount is being closed: then COMMIT fails, since nobody would bring it into
** the bucket, and the journal may be another process's by now.
*/
static int beginCommit(HwFile *pFile){
  HwMount *pMount = pFile->pMount;
  int rc = SQLITE_READONLY;
  if( !pFile->txn.bOpen ) return SQLITE_OK;
  atomic_store(&pMount->bCommitting, 1);
  if( !atomic_load(&pMount->bEnding) ){
    rc = hwCommitPhaseOne(pFile);
  }else{
    pthread_mutex_lock(&pMount->mutex);
    hwWhy(pFile, "%s", pMount->zReason);
    pthread_mutex_unlock(&pMount->mutex);
  }
  if( rc!=SQLITE_OK ) atomic_store(&pMount->bCommitting, 0);
  return rc;
}

static int endCommit(HwFile *pFile){
  int rc = hwCommitPhaseTwo(pFile);
  atomic_store(&pFile->pMount->bCommitting, 0);
  return rc;
}

static int hwFileControl(sqlite3_file *p, int op, void *pArg){
  HwFile *pFile = (HwFile*)p;
  if( op==HW_FCNTL_SELF ){
    *(HwFile**)pArg = pFile;
    return SQLITE_OK;
  }
  if( pFile->pMount==NULL ) return SQLITE_NOTFOUND;
  switch( op ){
    case SQLITE_FCNTL_SYNC:
      return beginCommit(pFile);
    case SQLITE_FCNTL_COMMIT_PHASETWO:
      return endCommit(pFile);
    case SQLITE_FCNTL_BUSYHANDLER:
      memcpy(&pFile->xBusy, &((void**)pArg)[0], sizeof(void*));
      pFile->pBusyArg = ((void**)pArg)[1];
      return SQLITE_OK;
    case SQLITE_FCNTL_PRAGMA:
      return hwPragma(pFile, (char**)pArg);
    case SQLITE_FCNTL_PDB:
      pFile->ppDb = pArg;
      return SQLITE_OK;
    case SQLITE_FCNTL_VFSNAME:
      *(char**)pArg = pFile->pLibrary->pApi->mprintf("headwater");
      return SQLITE_OK;
    default:
      return SQLITE_NOTFOUND;
  }
}

static int hwSectorSize(sqlite3_file *p){
  (void)p;
  return 512;
}

static int hwDeviceCharacteristics(sqlite3_file *p){
  (void)p;
  return SQLITE_IOCAP_SAFE_APPEND|SQLITE_IOCAP_SEQUENTIAL|SQLITE_IOCAP_POWERSAFE_OVERWRITE
       | SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN;
}

const sqlite3_io_methods hwFileMethods = {
  1,                                 /* iVersion: no shared memory, so no WAL */
  hwClose,
  hwRead,
  hwWrite,
  hwTruncate,
  hwSync,
  hwFileSize,
  hwLock,
  hwUnlock,
  hwCheckReservedLock,
  hwFileControl,
  hwSectorSize,
  hwDeviceCharacteristics,
  0, 0, 0, 0,                        /* xShmMap, xShmLock, xShmBarrier, xShmUnmap */
  0, 0                               /* xFetch, xUnfetch */
};

/* A file that shows nothing yet. */
static HwFile *newFile(HwLibrary *pLibrary, sqlite3_file *p, int flags, int *pOutFlags){
  HwFile *pFile = (HwFile*)p;
  memset(pFile, 0, sizeof(*pFile));
  pFile->pMethods = &hwFileMethods;
  pFile->pLibrary = pLibrary;
  pFile->synchronous = 2;
  pFile->eDurability = HW_DEFAULT;
  if( pOutFlags!=NULL ){
    *pOutFlags = SQLITE_OPEN_MAIN_DB
      | (flags & SQLITE_OPEN_READONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
  }
  return pFile;
}

/*
** A mount by its name.  An unknown name opens too, as a file that refuses every lock: so that
** extension.c can tell the user what to do, which xOpen has no way to.
*/
static int openMount(
  HwLibrary *pLibrary,
  const char *zName,
  sqlite3_file *p,
  int flags,
  int *pOutFlags
){
  HwFile *pFile;
  char zMount[HW_NAME_MAX];
  p->pMethods = NULL;
  if( zName==NULL || !hwNameToMount(zName, zMount, sizeof(zMount)) ) return SQLITE_CANTOPEN;
  pFile = newFile(pLibrary, p, flags, pOutFlags);
  pFile->pMount = pFile->pHome = hwMountFind(zMount);
  if( pFile->pMount!=NULL ){
    pthread_mutex_lock(&pFile->pMount->mutex);
    pFile->pMount->nFile++;
    pthread_mutex_unlock(&pFile->pMount->mutex);
  }else{
    hwWhy(pFile, "headwater: \"%s\" is not mounted in this process; "
      "call mount({ name: \"%s\", url }) or openDatabase() first", zMount, zMount);
  }
  return SQLITE_OK;
}

/* A mount by what its name says of it; the same when there is none. */
int hwFileAsk(
  HwLibrary *pLibrary,
  const char *zName,
  sqlite3_file *p,
  int flags,
  int *pOutFlags
){
  HwFile *pFile;
  char zErr[HW_REASON_MAX];
  char *zText;
  u32 nText;
  p->pMethods = NULL;
  if( zName==NULL ) return SQLITE_CANTOPEN;
  zText = hwNameParameters(pLibrary->pApi, zName, &nText);
  if( zText==NULL ) return SQLITE_NOMEM;
  pFile = newFile(pLibrary, p, flags, pOutFlags);
  pFile->pMount = pFile->pHome = hwAskMount(zText, nText, zErr);
  free(zText);
  if( pFile->pMount==NULL ) hwWhy(pFile, "headwater: %s", zErr);
  return SQLITE_OK;
}

int hwFileOpen(
  HwLibrary *pLibrary,
  const char *zName,
  sqlite3_file *pFile,
  int flags,
  int *pOutFlags
){
  sqlite3_vfs *pBase = pLibrary->pBase;
  if( flags & SQLITE_OPEN_MAIN_DB ) return openMount(pLibrary, zName, pFile, flags, pOutFlags);
  if( flags & SQLITE_OPEN_MAIN_JOURNAL ){
    return hwMemFileOpen(pLibrary, pFile, flags, pOutFlags);
  }
  if( flags & SQLITE_OPEN_SUPER_JOURNAL ){
    return hwSuperJournalOpen(pLibrary, pFile, flags, pOutFlags);
  }
  if( flags & SQLITE_OPEN_WAL ) return SQLITE_CANTOPEN;
  return pBase->xOpen(pBase, NULL, pFile, flags, pOutFlags);
}
