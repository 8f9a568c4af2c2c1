/*
** request.c -- how a SQLite thread asks the engine for something and waits for the answer.
**
** INVARIANTS
**
**    - A waiting thread wakes when it is answered, when its deadline passes, when its mount is
**      closed, or when the engine ends: never "never".
**    - A request is on the queue exactly as long as its thread waits, so an answer that comes too
**      late finds nobody and is dropped.
**    - No JavaScript runs on the waiting thread.  The engine thread itself may not wait: it would
**      wait for itself.
*/
#include <errno.h>
#include <stdio.h>
#include <time.h>
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
  u32 nNotice;
  u32 aNotice[64];                   /* mounts with a commit that the engine asked to hear of */
  int bAlive;
  pthread_t engine;
  void (*xWake)(void);
} gQueue = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* Engine thread.  From now on requests are accepted. */
void hwEngineStart(void (*xWake)(void)){
  pthread_mutex_lock(&gQueue.mutex);
  gQueue.bAlive = 1;
  gQueue.engine = pthread_self();
  gQueue.xWake = xWake;
  gQueue.nNotice = 0;
  pthread_mutex_unlock(&gQueue.mutex);
}

/* Any thread: who waits now fails, who comes later fails at once. */
void hwEngineStop(void){
  pthread_mutex_lock(&gQueue.mutex);
  gQueue.bAlive = 0;
  gQueue.xWake = NULL;
  pthread_mutex_unlock(&gQueue.mutex);
  hwRequestsFail(0);
}

int hwEngineAlive(void){
  int b;
  pthread_mutex_lock(&gQueue.mutex);
  b = gQueue.bAlive;
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

static void condInit(pthread_cond_t *pCond){
#ifdef __APPLE__
  pthread_cond_init(pCond, NULL);
#else
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(pCond, &attr);
  pthread_condattr_destroy(&attr);
#endif
}

static struct timespec deadlineIn(u32 ms){
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  ts.tv_sec += ms/1000;
  ts.tv_nsec += (long)(ms%1000)*1000000;
  if( ts.tv_nsec>=1000000000 ){
    ts.tv_sec++;
    ts.tv_nsec -= 1000000000;
  }
  return ts;
}

/* 0 when the deadline has passed. */
static int waitUntil(pthread_cond_t *pCond, const struct timespec *pDeadline){
#ifdef __APPLE__
  struct timespec now, left;
  clock_gettime(CLOCK_MONOTONIC, &now);
  left.tv_sec = pDeadline->tv_sec - now.tv_sec;
  left.tv_nsec = pDeadline->tv_nsec - now.tv_nsec;
  if( left.tv_nsec<0 ){
    left.tv_sec--;
    left.tv_nsec += 1000000000;
  }
  if( left.tv_sec<0 ) return 0;
  return pthread_cond_timedwait_relative_np(pCond, &gQueue.mutex, &left)!=ETIMEDOUT;
#else
  return pthread_cond_timedwait(pCond, &gQueue.mutex, pDeadline)!=ETIMEDOUT;
#endif
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

/* SQLite thread.  Blocks until there is an answer or the mount's time is up. */
int hwRequest(HwFile *pFile, int eKind, u32 pgno, u64 seq, u8 *pOut, u32 nOut){
  HwMount *pMount = pFile->pMount;
  struct timespec deadline = deadlineIn(pMount->timeoutMs);
  Request req;
  memset(&req.what, 0, sizeof(req.what));
  req.what.eKind = eKind;
  req.what.mountId = pMount->id;
  req.what.pgno = pgno;
  req.what.seq = seq;
  req.pOut = pOut;
  req.nOut = nOut;
  req.bTaken = req.bDone = 0;
  req.rc = SQLITE_IOERR;
  pthread_mutex_lock(&gQueue.mutex);
  if( !gQueue.bAlive || atomic_load(&pMount->bClosed) ){
    pthread_mutex_unlock(&gQueue.mutex);
    hwWhy(pFile, "the engine has stopped");
    return SQLITE_IOERR;
  }
  if( pthread_equal(gQueue.engine, pthread_self()) ){
    pthread_mutex_unlock(&gQueue.mutex);
    hwWhy(pFile, "SQL on the engine's own thread would wait for itself");
    return SQLITE_MISUSE;
  }
  condInit(&req.cond);
  append(&req);
  gQueue.xWake();
  while( !req.bDone ){
    if( !waitUntil(&req.cond, &deadline) && !req.bDone ){
      snprintf(req.zErr, sizeof(req.zErr), "no answer within %u ms", pMount->timeoutMs);
      break;
    }
  }
  removeFromQueue(&req);
  pthread_mutex_unlock(&gQueue.mutex);
  pthread_cond_destroy(&req.cond);
  if( req.rc!=SQLITE_OK ) hwWhy(pFile, "%s", req.zErr);
  return req.rc;
}

/* SQLite thread. */
void hwNotifyCommit(u32 mountId){
  pthread_mutex_lock(&gQueue.mutex);
  if( gQueue.bAlive && gQueue.nNotice<sizeof(gQueue.aNotice)/sizeof(gQueue.aNotice[0]) ){
    gQueue.aNotice[gQueue.nNotice++] = mountId;
    gQueue.xWake();
  }
  pthread_mutex_unlock(&gQueue.mutex);
}

/* Engine thread.  What has come in since the last call, at most nMax; call again when full. */
u32 hwRequestsTake(HwTaken *a, u32 nMax){
  Request *p;
  u32 n = 0;
  pthread_mutex_lock(&gQueue.mutex);
  while( gQueue.nNotice>0 && n<nMax ){
    memset(&a[n], 0, sizeof(a[n]));
    a[n].eKind = HW_NOTICE_COMMIT;
    a[n++].mountId = gQueue.aNotice[--gQueue.nNotice];
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
