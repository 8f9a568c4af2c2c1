/*
** travel.c -- a connection that shows an earlier moment of its database.
**
** A past is a mount of its own, made by the engine: frozen, read-only, with its own pages.  To
** travel is to point a file at another mount.
**
** INVARIANTS
**
**    - A file shows one mount from SHARED to NONE.  It is pointed at another one when it holds no
**      lock, or else when it next takes SHARED.
**    - Whatever a connection has cached of one mount is never taken for a page of another: the
**      first look at page 1 after a change shows a header that no database has (see hwTravelLook).
**    - A file counts as one that is open with its home and with the past that it shows.  When no
**      file is left, the engine is told, which alone opens and closes pasts.
**    - A ticket is on the list exactly as long as its thread waits, so a past that comes too late
**      finds nobody.
*/
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include "headwater.h"

typedef struct Ticket Ticket;
struct Ticket {
  u64 id;
  const char *zMoment;               /* the waiting thread's */
  HwMount *pPast;                    /* once there is one; the file counts with it already */
  i64 timeMs;                        /* the moment, or 0 when it was named by a transaction */
  Ticket *pNext;
};

static struct {
  pthread_mutex_t mutex;
  Ticket *pFirst;
  u64 lastId;
} gTravel = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* ---- the engine's side ---- */

static Ticket *findTicket(u64 id){
  Ticket *p;
  for(p=gTravel.pFirst; p!=NULL && p->id!=id; p=p->pNext){}
  return p;
}

/* Engine thread.  The text of a moment; 0 when nobody waits for it any more. */
int hwTravelMoment(u64 id, char *zOut, size_t nOut){
  Ticket *p;
  pthread_mutex_lock(&gTravel.mutex);
  p = findTicket(id);
  if( p!=NULL ) snprintf(zOut, nOut, "%s", p->zMoment);
  pthread_mutex_unlock(&gTravel.mutex);
  return p!=NULL;
}

/* Any thread, of a mount that is held by somebody: one more file counts with it. */
static void join(HwMount *pMount){
  hwMountRef(pMount);
  pthread_mutex_lock(&pMount->mutex);
  pMount->nFile++;
  pthread_mutex_unlock(&pMount->mutex);
}

/* Any thread: one file less. */
static void leave(HwMount *pMount){
  int bUnused;
  pthread_mutex_lock(&pMount->mutex);
  bUnused = --pMount->nFile==0;
  pthread_mutex_unlock(&pMount->mutex);
  if( bUnused ) hwNotify(pMount, HW_NOTICE_UNUSED);
  hwMountRelease(pMount);
}

/* Engine thread, which holds the past.  0 when nobody waits for it any more. */
int hwTravelArrive(u64 id, HwMount *pPast, i64 timeMs){
  Ticket *p;
  join(pPast);
  pthread_mutex_lock(&gTravel.mutex);
  p = findTicket(id);
  if( p!=NULL ){
    p->pPast = pPast;
    p->timeMs = timeMs;
  }
  pthread_mutex_unlock(&gTravel.mutex);
  if( p==NULL ) leave(pPast);
  return p!=NULL;
}

/* ---- the connection's side ---- */

/* SQLite thread, with no lock: from now on the file shows what it was told to. */
void hwTravelDepart(HwFile *pFile){
  HwMount *pBefore = pFile->pMount;
  if( pFile->pNext==NULL ) return;
  if( pFile->pNext!=pBefore ) pFile->bMoved = 1;
  pFile->pMount = pFile->pNext;
  pFile->askedMs = pFile->nextAskedMs;
  pFile->pNext = NULL;
  if( pBefore!=pFile->pHome ) leave(pBefore);
}

/* SQLite thread.  The file shows its home again, and keeps no past. */
void hwTravelEnd(HwFile *pFile){
  if( pFile->pNext!=NULL && pFile->pNext!=pFile->pHome ) leave(pFile->pNext);
  pFile->pNext = pFile->pHome;
  hwTravelDepart(pFile);
}

static void setNext(HwFile *pFile, HwMount *pNext, i64 timeMs){
  if( pFile->pNext!=NULL && pFile->pNext!=pFile->pHome ) leave(pFile->pNext);
  pFile->pNext = pNext;
  pFile->nextAskedMs = timeMs;
  if( pFile->eLock==SQLITE_LOCK_NONE ) hwTravelDepart(pFile);
}

/* A request to the engine about the present, wherever the file is. */
int hwRequestHome(HwFile *pFile, int eKind, u64 seq){
  HwMount *pShown = pFile->pMount;
  int rc;
  pFile->pMount = pFile->pHome;
  rc = hwRequest(pFile, eKind, 0, seq, NULL, 0);
  pFile->pMount = pShown;
  return rc;
}

static HwMount *askForPast(HwFile *pFile, const char *zMoment, i64 *pTimeMs){
  Ticket ticket = { 0, zMoment, NULL, 0, NULL };
  Ticket **pp;
  pthread_mutex_lock(&gTravel.mutex);
  ticket.id = ++gTravel.lastId;
  ticket.pNext = gTravel.pFirst;
  gTravel.pFirst = &ticket;
  pthread_mutex_unlock(&gTravel.mutex);
  hwRequestHome(pFile, HW_REQUEST_TRAVEL, ticket.id);
  pthread_mutex_lock(&gTravel.mutex);
  for(pp=&gTravel.pFirst; *pp!=&ticket; pp=&(*pp)->pNext){}
  *pp = ticket.pNext;
  pthread_mutex_unlock(&gTravel.mutex);
  *pTimeMs = ticket.timeMs;
  return ticket.pPast;
}

/*
** SQLite thread.  Goes to a moment, or to "latest".  Waits for the engine, not for the
** transaction that is open, which stays where it is.  An SQLite result code.
*/
int hwTravel(HwFile *pFile, const char *zMoment){
  HwMount *pPast;
  i64 timeMs = 0;
  if( pFile->pHome->bPast ){
    hwWhy(pFile, "this database is one moment for good; go to another one on a connection to the "
      "present, or open one with at()");
    return SQLITE_ERROR;
  }
  if( pFile->bExclusive ){
    hwWhy(pFile, "with locking_mode=EXCLUSIVE a connection never leaves its moment; "
      "set it to NORMAL first");
    return SQLITE_ERROR;
  }
  if( strcasecmp(zMoment, "latest")==0 ){
    setNext(pFile, pFile->pHome, 0);
    return SQLITE_OK;
  }
  if( strlen(zMoment)>=HW_MOMENT_MAX ){
    hwWhy(pFile, "a moment has less than %d bytes", HW_MOMENT_MAX);
    return SQLITE_ERROR;
  }
  pPast = askForPast(pFile, zMoment, &timeMs);
  if( pPast==NULL ) return SQLITE_ERROR;
  setNext(pFile, pPast, timeMs);
  return SQLITE_OK;
}

/*
** SQLite thread.  Before each transaction SQLite looks at the 16 bytes from 24 on, and keeps what
** it has cached when they are as before.  1 when pOut was made into bytes that they never were: the
** freelist they tell of would have as many pages as the database.
*/
int hwTravelLook(HwFile *pFile, u8 *pOut, int n, i64 offset){
  if( !pFile->bMoved || offset!=24 ) return 0;
  memset(pOut, 0xfe, n);
  pFile->bMoved = 0;
  return 1;
}

/* ---- what is shown ---- */

/* SQLite thread.  The pinned state, or else the newest of what the file shows. */
HwState hwShownState(HwFile *pFile){
  HwState state = pFile->pinned;
  if( pFile->eLock==SQLITE_LOCK_NONE ){
    pthread_mutex_lock(&pFile->pMount->mutex);
    state = pFile->pMount->state;
    pthread_mutex_unlock(&pFile->pMount->mutex);
  }
  return state;
}

/*
** SQLite thread.  The moment that was asked for, or else when the newest transaction was made, as
** RFC 3339 in UTC; "latest" when that is not known.
*/
void hwShownTime(HwFile *pFile, char zOut[HW_TIME_MAX]){
  i64 timeMs = pFile->askedMs ? pFile->askedMs : hwShownState(pFile).timeMs;
  time_t seconds = (time_t)(timeMs/1000 - (timeMs%1000<0));
  int ms = (int)(timeMs - (i64)seconds*1000);
  struct tm tm;
  char *z;
  if( timeMs==0 || gmtime_r(&seconds, &tm)==NULL ){
    snprintf(zOut, HW_TIME_MAX, "latest");
    return;
  }
  z = zOut + strftime(zOut, HW_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
  if( ms>0 ){
    z += snprintf(z, 5, ".%03d", ms);
    while( z[-1]=='0' ) z--;
  }
  memcpy(z, "Z", 2);
}
