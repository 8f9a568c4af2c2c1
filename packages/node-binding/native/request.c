/*
** request.c -- how a SQLite thread asks the engine for something and waits for the answer.
**
** INVARIANTS
**
**    - A waiting thread wakes when it is answered, when its deadline passes, when its mount is
**      closed, or when the engine ends: never "never".  Who waits for a commit has no deadline.
**    - A request is on the queue exactly as long as its thread waits, so an answer that comes too
**      late finds nobody and is dropped.
**    - No JavaScript runs on the waiting thread.  The engine thread itself may not wait: it would
**      wait for itself.
*/
#include <stdio.h>
#include "headwater.h"

typedef struct Request Request;
struct Request {
  HwTaken what;
  u8 *pOut;
  u32 nOut;
  int bTaken;
  int bDone;
  int rc;
  char zErr[HW_REASON_MAX];
  pthread_cond_t cond;
  Request *pNext;
};

static struct {
  pthread_mutex_t mutex;
  Request *pFirst, *pLast;
  u64 nextId;
  HwMount *pNotices;                 /* that the engine is to be told something of */
  int bAlive;
  int bStopped;                      /* there was an engine */
  u32 nEngine;                       /* that were started so far */
  pthread_t engine;
  void (*xWake)(void);
} gQueue = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* Engine thread.  From now on requests are accepted. */
void hwEngineStart(void (*xWake)(void)){
  pthread_mutex_lock(&gQueue.mutex);
  gQueue.bAlive = 1;
  gQueue.nEngine++;
  gQueue.engine = pthread_self();
  gQueue.xWake = xWake;
  pthread_mutex_unlock(&gQueue.mutex);
}

/* Any thread: who waits now fails, who comes later fails at once. */
void hwEngineStop(void){
  pthread_mutex_lock(&gQueue.mutex);
  gQueue.bAlive = 0;
  gQueue.bStopped = 1;
  gQueue.xWake = NULL;
  pthread_mutex_unlock(&gQueue.mutex);
  hwRequestsFail(0);
}

/* Any thread.  Tells an engine from the one that took its place. */
u32 hwEngineNumber(void){
  u32 n;
  pthread_mutex_lock(&gQueue.mutex);
  n = gQueue.bAlive ? gQueue.nEngine : 0;
  pthread_mutex_unlock(&gQueue.mutex);
  return n;
}

int hwEngineAlive(void){
  return hwEngineNumber()!=0;
}

/* Any thread.  None has started so far, so that one may yet. */
int hwEngineAwaited(void){
  int b;
  pthread_mutex_lock(&gQueue.mutex);
  b = !gQueue.bAlive && !gQueue.bStopped;
  pthread_mutex_unlock(&gQueue.mutex);
  return b;
}

static void finish(Request *p, int rc, const char *zErr){
  p->rc = rc;
  p->bDone = 1;
  snprintf(p->zErr, sizeof(p->zErr), "%s", zErr ? zErr : "");
  pthread_cond_signal(&p->cond);
}

/* Any thread. */
void hwRequestsFail(u32 mountId){
  Request *p;
  pthread_mutex_lock(&gQueue.mutex);
  for(p=gQueue.pFirst; p!=NULL; p=p->pNext){
    if( !p->bDone && (mountId==0 || p->what.mountId==mountId) ){
      finish(p, SQLITE_IOERR, mountId ? "the mount was closed" : "the engine has stopped");
    }
  }
  pthread_mutex_unlock(&gQueue.mutex);
}

static void append(Request *p){
  p->what.id = ++gQueue.nextId;
  p->pNext = NULL;
  if( gQueue.pLast!=NULL ){
    gQueue.pLast->pNext = p;
  }else{
    gQueue.pFirst = p;
  }
  gQueue.pLast = p;
}

static void removeFromQueue(Request *p){
  Request **pp = &gQueue.pFirst;
  Request *pBefore = NULL;
  while( *pp!=p ){
    pBefore = *pp;
    pp = &(*pp)->pNext;
  }
  *pp = p->pNext;
  if( gQueue.pLast==p ) gQueue.pLast = pBefore;
}

/*
** SQLite thread.  Blocks until there is an answer or the time is up; without a time, for what only
** the engine can say the outcome of, it always answers.  zErr says why it is not SQLITE_OK.
*/
static int ask(
  HwMount *pMount,                   /* NULL: of no mount */
  HwTaken what,
  u8 *pOut,
  u32 nOut,
  u32 timeoutMs,                     /* 0: without one */
  char *zErr                         /* HW_REASON_MAX bytes */
){
  struct timespec deadline = hwDeadlineIn(timeoutMs);
  const struct timespec *pDeadline = timeoutMs==0 ? NULL : &deadline;
  Request req;
  req.what = what;
  req.what.mountId = pMount!=NULL ? pMount->id : 0;
  req.pOut = pOut;
  req.nOut = nOut;
  req.bTaken = req.bDone = 0;
  req.rc = SQLITE_IOERR;
  pthread_mutex_lock(&gQueue.mutex);
  if( !gQueue.bAlive || (pMount!=NULL && atomic_load(&pMount->bClosed)) ){
    pthread_mutex_unlock(&gQueue.mutex);
    snprintf(zErr, HW_REASON_MAX, "the engine has stopped");
    return SQLITE_IOERR;
  }
  if( pthread_equal(gQueue.engine, pthread_self()) ){
    pthread_mutex_unlock(&gQueue.mutex);
    snprintf(zErr, HW_REASON_MAX, "SQL on the engine's own thread would wait for itself");
    return SQLITE_MISUSE;
  }
  hwCondInit(&req.cond);
  append(&req);
  gQueue.xWake();
  while( !req.bDone ){
    if( !hwCondWait(&req.cond, &gQueue.mutex, pDeadline) && !req.bDone ){
      snprintf(req.zErr, sizeof(req.zErr), "no answer within %u ms", timeoutMs);
      break;
    }
  }
  removeFromQueue(&req);
  pthread_mutex_unlock(&gQueue.mutex);
  pthread_cond_destroy(&req.cond);
  if( req.rc!=SQLITE_OK ) snprintf(zErr, HW_REASON_MAX, "%s", req.zErr);
  return req.rc;
}

/* SQLite thread.  A commit has no time of its own, nor has a change of roles. */
static int request(
  HwFile *pFile,
  int eKind,
  u32 pgno,
  u64 seq,
  u8 *pOut,
  u32 nOut,
  u32 timeoutMs
){
  int bWaits = eKind==HW_REQUEST_COMMIT || eKind==HW_REQUEST_ROLE;
  HwTaken what = { 0, seq, (u32)eKind, 0, pgno };
  char zErr[HW_REASON_MAX];
  int rc = ask(pFile->pMount, what, pOut, nOut, bWaits ? 0 : timeoutMs, zErr);
  if( rc!=SQLITE_OK ) hwWhy(pFile, "%s", zErr);
  return rc;
}

/* SQLite thread.  What concerns no mount, or none that is there for sure. */
int hwRequestEngine(int eKind, u64 seq, u32 timeoutMs, char *zErr){
  HwTaken what = { 0, seq, (u32)eKind, 0, 0 };
  return ask(NULL, what, NULL, 0, timeoutMs, zErr);
}

int hwRequest(HwFile *pFile, int eKind, u32 pgno, u64 seq, u8 *pOut, u32 nOut){
  return request(pFile, eKind, pgno, seq, pOut, nOut, pFile->pMount->timeoutMs);
}

/* HW_REQUEST_SYNC for somebody who will not wait as long as a statement would. */
int hwRequestSync(HwFile *pFile, u32 timeoutMs){
  u32 max = pFile->pMount->timeoutMs;
  return request(pFile, HW_REQUEST_SYNC, 0, 0, NULL, 0, timeoutMs<max ? timeoutMs : max);
}

/*
** SQLite thread.  What the engine was told already and has not taken yet is not said twice.  None
** gets lost, however many mounts have one: the engine asks for the next only when it has this one.
*/
void hwNotify(HwMount *p, int eKind){
  u32 before;
  pthread_mutex_lock(&gQueue.mutex);
  if( gQueue.bAlive ){
    before = p->notices;
    p->notices |= 1u<<eKind;
    if( before==0 ){
      p->pNoticeNext = gQueue.pNotices;
      gQueue.pNotices = p;
    }
    if( before!=p->notices ) gQueue.xWake();
  }
  pthread_mutex_unlock(&gQueue.mutex);
}

/* Any thread, when nobody holds the mount. */
void hwNotifyForget(HwMount *p){
  HwMount **pp;
  pthread_mutex_lock(&gQueue.mutex);
  for(pp=&gQueue.pNotices; *pp!=NULL && *pp!=p; pp=&(*pp)->pNoticeNext){}
  if( *pp!=NULL ) *pp = p->pNoticeNext;
  pthread_mutex_unlock(&gQueue.mutex);
}

/* Engine thread.  What has come in since the last call, at most nMax; call again when full. */
u32 hwRequestsTake(HwTaken *a, u32 nMax){
  Request *p;
  u32 n = 0;
  pthread_mutex_lock(&gQueue.mutex);
  while( gQueue.pNotices!=NULL && n<nMax ){
    HwMount *pMount = gQueue.pNotices;
    memset(&a[n], 0, sizeof(a[n]));
    a[n].eKind = (u32)__builtin_ctz(pMount->notices);
    a[n++].mountId = pMount->id;
    pMount->notices &= pMount->notices-1;
    if( pMount->notices==0 ) gQueue.pNotices = pMount->pNoticeNext;
  }
  for(p=gQueue.pFirst; p!=NULL && n<nMax; p=p->pNext){
    if( p->bTaken || p->bDone ) continue;
    p->bTaken = 1;
    a[n++] = p->what;
  }
  pthread_mutex_unlock(&gQueue.mutex);
  return n;
}

/* Engine thread.  An answer to somebody who no longer waits is dropped. */
void hwRequestAnswer(u64 id, int rc, const u8 *pData, size_t n, const char *zErr){
  Request *p;
  pthread_mutex_lock(&gQueue.mutex);
  for(p=gQueue.pFirst; p!=NULL && p->what.id!=id; p=p->pNext){}
  if( p!=NULL && !p->bDone ){
    if( rc==SQLITE_OK && p->nOut>0 && n!=p->nOut ){
      finish(p, SQLITE_CORRUPT, "a page of the wrong size");
    }else{
      if( rc==SQLITE_OK && p->nOut>0 ) memcpy(p->pOut, pData, n);
      finish(p, rc, zErr);
    }
  }
  pthread_mutex_unlock(&gQueue.mutex);
}
