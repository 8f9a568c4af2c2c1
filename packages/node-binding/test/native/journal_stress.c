/*
** journal_stress.c -- commits, reads and uploads at once, through the methods that SQLite calls.
**
** Compiled with the page device's own files but without SQLite and Node, for sanitizers:
** `journal_stress FOLDER COMMITS`.  Two threads write, two read, and one stands in for the engine:
** it collects, reads, starts segments, retires them, answers requests, and lets some commits that
** wait for it fail.
**
** A page holds its number, the seq that made it, words that each commit changes a few of, and a
** checksum; page 1 begins as SQLite's does.  The log says which commits changed which page, so a
** reader knows what it must find at its pin.
*/
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "txn.h"

enum {
  PAGE_SIZE = 4096,
  WORDS = PAGE_SIZE/8,
  PAGES = 300,                       /* more than the writer keeps versions of */
  FIRST_FREE_WORD = 13,              /* after what page 1 is known by */
  CHANGES_MAX = 1<<15,               /* of one page */
  COPIES_MAX = 1<<12,                /* of one page, in the bucket */
  WRITERS = 2,
  READERS = 2,
  LOOK_UPS = 40,                     /* with one pin */
  UPLOAD_EVERY = 20                  /* turns of the engine */
};

typedef struct Copy {
  u64 seq;
  u64 *aWord;
} Copy;

static HwLibrary library;
static HwMount *pMount;
static const char *zFolder;
static u64 nWanted;
static atomic_int bReadersStop, bEngineStop, bWake;
static _Atomic u64 aChange[PAGES+1][CHANGES_MAX];   /* seqs; the last may come to nothing */
static atomic_uint nChange[PAGES+1];
static atomic_ullong nCommit, nRemote, nRefused, nRollback, nBusy, nRead;

/* The engine's own */
static Copy aCopy[PAGES+1][COPIES_MAX];
static u32 nCopy[PAGES+1];
static u64 syncedSeq;
static u32 nUpload, nMiss, nSegment;

static void fail(const char *zWhat, u32 pgno, u64 seq, u64 found){
  printf("%s: page %u at %llu, found %llu\n", zWhat, pgno,
    (unsigned long long)seq, (unsigned long long)found);
  fflush(stdout);
  _exit(1);
}

static u32 chance(u64 *pState, u32 n){
  *pState = *pState*6364136223846793005u + 1442695040888963407u;
  return (u32)(*pState>>33) % n;
}

/* ---- pages ---- */

static u64 checksum(const u64 *a){
  return hwHash(a[0], a+FIRST_FREE_WORD, (WORDS-1-FIRST_FREE_WORD)*8) ^ a[1];
}

/* The seq of the change that a reader with this pin must find; 0: none. */
static u64 expected(u32 pgno, u64 pin){
  u32 i = atomic_load(&nChange[pgno]);
  while( i>0 && atomic_load(&aChange[pgno][i-1])>pin ) i--;
  return i ? atomic_load(&aChange[pgno][i-1]) : 0;
}

static void check(const char *zWho, const u64 *a, u32 pgno, u64 pin){
  if( a[0]!=pgno ) fail(zWho, pgno, pin, a[0]);
  if( a[1]!=expected(pgno, pin) ) fail(zWho, pgno, pin, a[1]);
  if( a[WORDS-1]!=checksum(a) ) fail("torn", pgno, pin, a[1]);
}

static void change(u64 *a, u32 pgno, u64 seq, u32 nPages, u64 *pRandom){
  u8 *z = (u8*)a;
  u32 i, nWord = chance(pRandom, 4)==0 ? WORDS : 4;
  a[0] = pgno;
  a[1] = seq;
  for(i=0; i<nWord; i++){
    a[FIRST_FREE_WORD + chance(pRandom, WORDS-1-FIRST_FREE_WORD)] = seq*1000 + i;
  }
  if( pgno==1 ){
    u32 counter = hwGet32(z+24)+1;
    for(i=0; i<4; i++){
      z[24+i] = z[92+i] = (u8)(counter>>(24-8*i));
      z[28+i] = (u8)(nPages>>(24-8*i));
    }
  }
  a[WORDS-1] = checksum(a);
}

/* ---- connections ---- */

static HwFile *openFile(void){
  HwFile *pFile = calloc(1, sizeof(*pFile));
  if( hwFileOpen(&library, "stress.db", (sqlite3_file*)pFile, SQLITE_OPEN_MAIN_DB, NULL)!=SQLITE_OK
   || pFile->pMount==NULL ) fail("open", 0, 0, 0);
  pFile->synchronous = 1;
  pFile->bQuietClose = 1;
  return pFile;
}

static void closeFile(HwFile *pFile){
  pFile->pMethods->xClose((sqlite3_file*)pFile);
  free(pFile);
}

static int lock(HwFile *pFile, int eLock){
  return pFile->pMethods->xLock((sqlite3_file*)pFile, eLock);
}

static void unlock(HwFile *pFile){
  pFile->pMethods->xUnlock((sqlite3_file*)pFile, SQLITE_LOCK_NONE);
}

static void readPage(HwFile *pFile, u32 pgno, u64 *a){
  sqlite3_file *p = (sqlite3_file*)pFile;
  int rc = pFile->pMethods->xRead(p, a, PAGE_SIZE, (i64)(pgno-1)*PAGE_SIZE);
  if( rc!=SQLITE_OK ) fail(pFile->zWhy, pgno, pFile->pinned.seq, (u64)rc);
}

static void *reader(void *pArg){
  u64 random = (u64)(size_t)pArg;
  HwFile *pFile = openFile();
  u64 a[WORDS];
  while( !atomic_load(&bReadersStop) ){
    int i;
    if( lock(pFile, SQLITE_LOCK_SHARED)!=SQLITE_OK ) fail("SHARED", 0, 0, 0);
    for(i=0; i<LOOK_UPS && pFile->pinned.pageCount>0; i++){
      u32 pgno = 1+chance(&random, pFile->pinned.pageCount);
      readPage(pFile, pgno, a);
      check("reader", a, pgno, pFile->pinned.seq);
      atomic_fetch_add(&nRead, 1);
    }
    unlock(pFile);
  }
  closeFile(pFile);
  return NULL;
}

/* One transaction of some pages, the first of all pages.  Page 1 is always among them. */
static void transact(HwFile *pFile, u64 *pRandom){
  sqlite3_file *p = (sqlite3_file*)pFile;
  const sqlite3_io_methods *pMethods = pFile->pMethods;
  u64 seq = pFile->pinned.seq+1;
  int bFirst = pFile->pinned.pageCount==0;
  int bRollback = chance(pRandom, 10)==0;
  int n = bFirst ? PAGES : 1+(int)chance(pRandom, 6);
  u32 aPgno[PAGES];
  u64 a[WORDS];
  int i, rc;
  for(i=0; i<n; i++){
    u32 pgno = aPgno[i] = bFirst || i==0 ? (u32)i+1 : aPgno[i-1]+1+chance(pRandom, PAGES/6);
    if( pgno>PAGES ) break;
    memset(a, 0, sizeof(a));
    if( !bFirst ) readPage(pFile, pgno, a);
    if( !bFirst ) check("writer", a, pgno, seq-1);
    change(a, pgno, seq, PAGES, pRandom);
    rc = pMethods->xWrite(p, a, PAGE_SIZE, (i64)(pgno-1)*PAGE_SIZE);
    if( rc!=SQLITE_OK ) fail("write", pgno, seq, (u64)rc);
  }
  n = i;
  if( bRollback ){
    atomic_fetch_add(&nRollback, 1);
    return;
  }
  for(i=0; i<n; i++){
    u32 iLast = atomic_load(&nChange[aPgno[i]]);
    if( iLast==CHANGES_MAX ) fail("log", aPgno[i], seq, 0);
    atomic_store(&aChange[aPgno[i]][iLast], seq);
    atomic_store(&nChange[aPgno[i]], iLast+1);
  }
  pFile->eDurability = !bFirst && chance(pRandom, 8)==0 ? HW_REMOTE : HW_EVENTUAL;
  rc = pMethods->xFileControl(p, SQLITE_FCNTL_SYNC, NULL);
  if( rc==SQLITE_OK ){
    if( pMethods->xFileControl(p, SQLITE_FCNTL_COMMIT_PHASETWO, NULL)!=SQLITE_OK
     || pFile->pinned.seq!=seq ) fail("commit", 0, seq, pFile->pinned.seq);
    atomic_fetch_add(pFile->eDurability==HW_REMOTE ? &nRemote : &nCommit, 1);
    return;
  }
  if( pFile->eDurability!=HW_REMOTE ) fail(pFile->zWhy, 0, seq, (u64)rc);
  atomic_fetch_add(&nRefused, 1);
  for(i=0; i<n; i++) atomic_fetch_sub(&nChange[aPgno[i]], 1);
}

static void *writer(void *pArg){
  u64 random = (u64)(size_t)pArg;
  HwFile *pFile = openFile();
  while( atomic_load(&nCommit)+atomic_load(&nRemote)<nWanted ){
    if( lock(pFile, SQLITE_LOCK_SHARED)!=SQLITE_OK ) fail("SHARED", 0, 0, 0);
    if( lock(pFile, SQLITE_LOCK_RESERVED)==SQLITE_OK ){
      transact(pFile, &random);
    }else{
      atomic_fetch_add(&nBusy, 1);
    }
    unlock(pFile);
    usleep(chance(&random, 50));
  }
  closeFile(pFile);
  return NULL;
}

/* ---- the engine ---- */

/* Under the queue's lock. */
static void wake(void){ atomic_store(&bWake, 1); }

/* What has been changed up to the state, or to a staged commit, checked and kept. */
static void upload(u64 stagedSeq, u64 *pRandom){
  HwSegmentList *pList;
  HwState state;
  char zPath[4096], **azPath;
  u32 n, i;
  u32 *aPgno = hwSegmentCollect(pMount, syncedSeq, stagedSeq, &state, &n);
  int nPath;
  if( aPgno==NULL ) return;
  pthread_mutex_lock(&pMount->mutex);
  pList = hwSegmentListRef(pMount->pSegments);
  pthread_mutex_unlock(&pMount->mutex);
  for(i=0; i<n; i++){
    u32 pgno = aPgno[i];
    u64 *a = malloc(PAGE_SIZE);
    if( hwSegmentRead(pList, pgno, state.seq, PAGE_SIZE, (u8*)a)!=1 ){
      fail("not in the journal", pgno, state.seq, 0);
    }
    check("upload", a, pgno, state.seq);
    if( a[1]<=syncedSeq || nCopy[pgno]==COPIES_MAX ) fail("old", pgno, state.seq, a[1]);
    aCopy[pgno][nCopy[pgno]++] = (Copy){ a[1], a };
  }
  for(i=1; i<=PAGES; i++){
    u64 seq = expected(i, state.seq);
    if( nCopy[i]==0 || aCopy[i][nCopy[i]-1].seq!=seq ) fail("missing", i, state.seq, seq);
  }
  pthread_mutex_lock(&pMount->mutex);
  hwSegmentListUnref(pList);
  pthread_mutex_unlock(&pMount->mutex);
  free(aPgno);
  nUpload++;
  if( stagedSeq ) return;
  syncedSeq = state.seq;
  if( chance(pRandom, 4)==0 && hwSegmentSync(pMount)!=0 ) fail("sync", 0, syncedSeq, 0);
  snprintf(zPath, sizeof(zPath), "%s/%u.journal", zFolder, nSegment++);
  if( hwSegmentRotate(pMount, zPath, syncedSeq)<0 ) fail("rotate", 0, syncedSeq, 0);
  nPath = hwSegmentRetire(pMount, syncedSeq, &azPath);
  if( nPath<0 ) fail("retire", 0, syncedSeq, 0);
  while( nPath-->0 ){
    unlink(azPath[nPath]);
    free(azPath[nPath]);
  }
  free(azPath);
}

/* What was changed after seq: it is collected again, or was staged and came to nothing. */
static void forget(u64 seq){
  u32 pgno;
  for(pgno=1; pgno<=PAGES; pgno++){
    Copy *a = aCopy[pgno];
    while( nCopy[pgno]>0 && a[nCopy[pgno]-1].seq>seq ) free(a[--nCopy[pgno]].aWord);
  }
}

static void answerRead(const HwTaken *p){
  u32 i = nCopy[p->pgno];
  while( i>0 && aCopy[p->pgno][i-1].seq>p->seq ) i--;
  if( i==0 ) fail("not in the bucket", p->pgno, p->seq, 0);
  nMiss++;
  hwRequestAnswer(p->id, SQLITE_OK, (u8*)aCopy[p->pgno][i-1].aWord, PAGE_SIZE, NULL);
}

static void answer(const HwTaken *p, u64 *pRandom){
  if( p->eKind==HW_REQUEST_READ ) answerRead(p);
  if( p->eKind!=HW_REQUEST_COMMIT ) return;
  upload(p->seq, pRandom);
  forget(syncedSeq);
  hwRequestAnswer(p->id, chance(pRandom, 3)==0 ? SQLITE_IOERR : SQLITE_OK, NULL, 0, "refused");
}

static void *engine(void *pArg){
  u64 random = 7;
  atomic_int *pReady = pArg;
  hwEngineStart(wake);
  atomic_store(pReady, 1);
  while( !atomic_load(&bEngineStop) ){
    HwTaken aTaken[16];
    u32 i, n;
    atomic_store(&bWake, 0);
    n = hwRequestsTake(aTaken, 16);
    for(i=0; i<n; i++) answer(&aTaken[i], &random);
    if( chance(&random, UPLOAD_EVERY)==0 ) upload(0, &random);
    hwOldestPin(pMount);
    hwSegmentBytes(pMount);
    pthread_mutex_lock(&pMount->mutex);
    pMount->bNotice = 1;
    pthread_mutex_unlock(&pMount->mutex);
    if( !atomic_load(&bWake) ) usleep(chance(&random, 300));
  }
  upload(0, &random);
  hwEngineStop();
  return NULL;
}

int main(int argc, char **argv){
  pthread_t aThread[WRITERS+READERS+1];
  HwState state;
  char zPath[4096];
  atomic_int bReady = 0;
  int i;
  if( argc!=3 ) return 2;
  zFolder = argv[1];
  nWanted = strtoull(argv[2], NULL, 10);
  memset(&state, 0, sizeof(state));
  pMount = hwMountCreate("stress.db", 1, PAGE_SIZE, 60000, state);
  snprintf(zPath, sizeof(zPath), "%s/%u.journal", zFolder, nSegment++);
  if( hwSegmentRotate(pMount, zPath, 0)!=1 || !hwMountActivate(pMount) ) return 2;
  pthread_create(&aThread[0], NULL, engine, &bReady);
  while( !atomic_load(&bReady) ) usleep(100);
  for(i=0; i<WRITERS; i++) pthread_create(&aThread[1+i], NULL, writer, (void*)(size_t)(i+1));
  for(i=0; i<READERS; i++){
    pthread_create(&aThread[1+WRITERS+i], NULL, reader, (void*)(size_t)(i+100));
  }
  for(i=0; i<WRITERS; i++) pthread_join(aThread[1+i], NULL);
  atomic_store(&bReadersStop, 1);
  for(i=0; i<READERS; i++) pthread_join(aThread[1+WRITERS+i], NULL);
  atomic_store(&bEngineStop, 1);
  pthread_join(aThread[0], NULL);
  if( syncedSeq!=pMount->state.seq ) fail("end", 0, syncedSeq, pMount->state.seq);
  printf("%llu commits, %llu remote, %llu refused, %llu rollbacks, %llu busy, "
    "%llu reads, %u misses, %u uploads, %u segments\n",
    (unsigned long long)nCommit, (unsigned long long)nRemote, (unsigned long long)nRefused,
    (unsigned long long)nRollback, (unsigned long long)nBusy, (unsigned long long)nRead, nMiss,
    nUpload, nSegment);
  forget(0);
  hwMountClose(pMount, "the end");
  hwMountRelease(pMount);
  return 0;
}
